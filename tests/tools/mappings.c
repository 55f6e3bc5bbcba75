// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries to map the rings in all possible ways, and prints the result of each: "fine" or an errno.
 *
 *   mappings         all ways
 *   mappings child   forks a child that has file and mapping, and exits; the child waits for SIGTERM
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tcptrace.h"

static int file;
static size_t size, page;

static void say(const char *what, int failed)
{
	printf("%s: %s\n", what, failed ? strerrorname_np(errno) : "fine");
}

static void *map(size_t length, int protection, int flags, off_t offset)
{
	return mmap(NULL, length, protection, flags, file, offset);
}

static void try(const char *what, size_t length, int protection, int flags, off_t offset)
{
	void *at = map(length, protection, flags, offset);

	say(what, at == MAP_FAILED);
	if (at != MAP_FAILED)
		munmap(at, length);
}

/* The values of the header, for the tests to compare with. */
static void find_size(void)
{
	const struct tcptrace_map *head = map(page, PROT_READ, MAP_SHARED, 0);

	if (head == MAP_FAILED)
		err(1, "first page");
	size = head->size;
	printf("size: %zu\n", size);
	munmap((void *)head, page);
}

static void try_changes(void)
{
	void *at = map(size, PROT_READ, MAP_SHARED, 0);

	if (at == MAP_FAILED)
		err(1, "whole");
	say("mprotect write", mprotect(at, size, PROT_READ | PROT_WRITE));
	say("mprotect exec", mprotect(at, size, PROT_READ | PROT_EXEC));
	say("mremap longer", mremap(at, size, size + page, MREMAP_MAYMOVE) == MAP_FAILED);
	munmap(at, size);
}

/* The fate of a child that touches its parent's mapping, or one that it makes itself: "fine" or the signal. */
static void try_touch(const char *what, bool inherited, size_t offset)
{
	volatile char *at = inherited ? map(size, PROT_READ, MAP_SHARED, 0) : NULL;
	pid_t child;
	int status;

	if (at == MAP_FAILED)
		err(1, "whole");
	fflush(stdout);
	child = fork();
	if (!child) {
		if (!inherited)
			at = map(size, PROT_READ, MAP_SHARED, 0);
		_exit(at == MAP_FAILED || (at[offset], 0));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(1, "fork");
	printf("%s: %s\n", what, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : status ? "wrong" : "fine");
	if (inherited)
		munmap((void *)at, size);
}

/* Rings have memory while somebody wants something recorded. */
static void try_records(void)
{
	const struct tcptrace_filter wish = { .abi = TCPTRACE_ABI, .level = TCPTRACE_L_LIFE };

	try_touch("ring without a reader", false, page);
	try_touch("records without a reader", false, 2 * page);
	if (write(file, &wish, sizeof(wish)) != sizeof(wish))
		err(1, "filter");
	try_touch("records with a reader", false, 2 * page);
	try_touch("the last of all", false, size - 1);
}

static void all_ways(void)
{
	find_size();
	try("whole", size, PROT_READ, MAP_SHARED, 0);
	try("none", size, PROT_NONE, MAP_SHARED, 0);
	try("write", size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	try("write only", size, PROT_WRITE, MAP_SHARED, 0);
	try("exec", size, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	try("private", size, PROT_READ, MAP_PRIVATE, 0);
	try("private write", size, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	try("offset", page, PROT_READ, MAP_SHARED, page);
	try("offset of the end", page, PROT_READ, MAP_SHARED, size);
	try("offset that overflows", page, PROT_READ, MAP_SHARED, 0x7ffffffffffff000);
	try("longer", size + page, PROT_READ, MAP_SHARED, 0);
	try("much longer", size + (1ull << 32), PROT_READ, MAP_SHARED, 0);
	try_changes();
	try_touch("fork", true, 0);
	try_records();
}

static void leave_to_child(void)
{
	void *at = map(size, PROT_READ, MAP_SHARED, 0);
	int signal;
	sigset_t set;

	if (at == MAP_FAILED || madvise(at, size, MADV_DOFORK))
		err(1, "mapping for a child");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fflush(stdout);
	if (fork())
		return;
	close(file);
	printf("# ready %d\n", getpid());
	fflush(stdout);
	sigwait(&set, &signal);
	printf("child still reads: %s\n", ((struct tcptrace_map *)at)->magic == TCPTRACE_MAGIC ? "fine" : "garbage");
}

int main(int argc, char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	file = open(TCPTRACE_PROC_EVENTS, O_RDWR);
	if (file < 0)
		err(1, "%s", TCPTRACE_PROC_EVENTS);
	if (argc > 1 && !strcmp(argv[1], "child")) {
		find_size();
		leave_to_child();
	} else {
		all_ways();
	}
	return 0;
}
