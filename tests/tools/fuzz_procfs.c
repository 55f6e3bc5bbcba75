// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does anything that a program can do to the files below /proc/tcptrace, from several threads that share them: filters
 * that are almost right, of any size; mappings of any place, length and protection; reads of any size to anywhere;
 * positions, ioctls, pipes. Exits with 1 if the kernel accepted what it must refuse.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "clauses.h"

#define FILES		12
#define THREADS_MAX	16

static unsigned int seconds = 10, seed, threads = 4;
static atomic_int files[FILES];
static atomic_bool stopped;
static atomic_ulong done, accepted, refused, mapped, wrong;
static uint64_t map_size;
static size_t page;

static const struct argp_option options[] = {
	{ "seconds", 's', "N", 0, "so long (10)", 0 },
	{ "seed", 'r', "N", 0, "of what is done; another one each time without", 0 },
	{ "threads", 't', "N", 0, "(4)", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 's': seconds = atoi(argument); return 0;
	case 'r': seed = atoi(argument); return 0;
	case 't':
		threads = atoi(argument);
		if (!threads || threads > THREADS_MAX)
			argp_error(state, "from 1 to %d threads", THREADS_MAX);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- chance ---- */

static __thread uint64_t chance;

static uint32_t below(uint32_t limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 32) * limit >> 32;
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = { 0, 1, 7, 63, 64, 191, 192, 193, 4095, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff,
					0x7ffffffffffff000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff };

	switch (below(4)) {
	case 0: return odd[below(sizeof(odd) / sizeof(*odd))];
	case 1: return below(1 << 20);
	case 2: return map_size + below(3) * page - page;
	default: return (uint64_t)below(UINT32_MAX) << below(33);
	}
}

static void mistake(const char *what)
{
	wrong++;
	printf("WRONG: %s\n", what);
	fflush(stdout);
}

static int any_file(void)
{
	return files[below(FILES)];
}

/* ---- filters ---- */

/* What the header says of a filter, except for the wake-up settings. */
static bool allowed(const struct wish *wish, size_t size)
{
	const struct tcptrace_filter *filter = &wish->filter;
	uint32_t i;

	if (size < sizeof(*filter) || filter->abi != TCPTRACE_ABI || filter->level > TCPTRACE_L_SEGMENT || filter->clauses > TCPTRACE_CLAUSES_MAX ||
	    filter->reserved[0] || filter->reserved[1] || filter->reserved[2] || size != wish_size(wish))
		return false;
	for (i = 0; i < filter->clauses; i++) {
		const struct tcptrace_clause *clause = &wish->clauses[i];

		if (clause->saddr_len > 128 || clause->daddr_len > 128 || clause->sport_min > clause->sport_max ||
		    clause->dport_min > clause->dport_max || clause->reserved || clause->reserved2 || clause->reserved3 ||
		    (clause->family && clause->family != AF_INET && clause->family != AF_INET6))
			return false;
	}
	return true;
}

static void write_filter(void)
{
	struct wish wish;
	size_t size;
	uint32_t i;
	ssize_t written;

	wish_init(&wish, below(TCPTRACE_L_SEGMENT + 1));
	while (wish.filter.clauses < TCPTRACE_CLAUSES_MAX && below(6)) {
		char text[] = "sport=1-65535";

		wish_add(&wish, text);
		wish.clauses[wish.filter.clauses - 1].dport_max = 1 + below(UINT16_MAX);
	}
	size = wish_size(&wish);
	for (i = below(4); i; i--)
		((uint8_t *)&wish)[below(size)] ^= 1 << below(8);
	if (!below(4))
		size = below(sizeof(wish) + 1);
	else if (!below(8))
		wish.filter.clauses = odd_number();
	written = write(any_file(), &wish, size);
	if (written >= 0 && !allowed(&wish, size))
		mistake("a filter that is none");
	if (written >= 0 && (size_t)written != size)
		mistake("a part of a filter");
	if (written >= 0)
		accepted++;
	else
		refused++;
}

/* From unmapped memory, or partly unmapped. */
static void write_nowhere(void)
{
	static const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = TCPTRACE_L_LIFE, .clauses = 2 };
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t have = sizeof(filter) + below(2 * sizeof(struct tcptrace_clause));

	if (pages == MAP_FAILED)
		return;
	mprotect(pages + page, page, PROT_NONE);
	memcpy(pages + page - have, &filter, sizeof(filter));
	if (write(any_file(), pages + page - have, sizeof(filter) + 2 * sizeof(struct tcptrace_clause)) > 0)
		mistake("a filter that cannot be read");
	if (write(any_file(), (void *)(uintptr_t)odd_number(), sizeof(filter)) > 0)
		mistake("a filter from nowhere");
	munmap(pages, 2 * page);
}

/* ---- mappings ---- */

/* Never beyond it: another thread may have mapped something there meanwhile. */
static void change_mapping(uint8_t *at, size_t size)
{
	size_t from = below(size / page) * page, length = (1 + below((size - from) / page)) * page;

	if (!mprotect(at + from, length, PROT_READ | PROT_WRITE) || !mprotect(at + from, length, PROT_EXEC))
		mistake("a mapping that became one to write or to run");
	if (!below(4))
		madvise(at + from, length, below(26));
	if (!below(8) && mremap(at, size, size + page, MREMAP_MAYMOVE) != MAP_FAILED)
		mistake("a mapping that became longer");
	munmap(at + from, length);
	if (from)
		munmap(at, from);
	if (size > from + length)
		munmap(at + from + length, size - from - length);
}

static void map(void)
{
	int protection = below(8), flags = below(4) ? MAP_SHARED : below(2) ? MAP_PRIVATE : MAP_SHARED_VALIDATE;
	size_t size = below(2) ? map_size : odd_number();
	off_t offset = below(2) ? 0 : (off_t)(odd_number() & ~(page - 1));
	void *at;

	if (below(2))
		protection = PROT_READ;
	at = mmap(NULL, size, protection, flags, any_file(), offset);
	if (at == MAP_FAILED)
		return;
	mapped++;
	if (protection & (PROT_WRITE | PROT_EXEC) || flags == MAP_PRIVATE || offset || size > ((map_size + page - 1) & ~(page - 1)))
		mistake("a mapping that it must not give");
	change_mapping(at, (size + page - 1) & ~(page - 1));
}

/* ---- everything else ---- */

static void read_any(void)
{
	static __thread uint8_t buffer[1 << 16];
	size_t at = below(sizeof(buffer)), size = below(2) ? below(sizeof(buffer) - at) : odd_number();
	struct iovec vector[2] = { { buffer, below(500) }, { buffer + 500, below(500) } };

	switch (below(5)) {
	case 0:
		/* To unmapped memory, or too little of it; after the buffer is another thread's. */
		if (read(any_file(), (void *)(uintptr_t)(odd_number() | 1ull << 63), size) > 0)
			mistake("read to nowhere");
		break;
	case 1: pread(any_file(), buffer, below(sizeof(buffer)), odd_number()); break;
	case 2: readv(any_file(), vector, 2); break;
	default: read(any_file(), buffer + at, size < sizeof(buffer) - at ? size : sizeof(buffer) - at);
	}
}

static void through_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK))
		return;
	splice(any_file(), NULL, ends[1], NULL, odd_number(), SPLICE_F_NONBLOCK);
	splice(ends[0], NULL, any_file(), NULL, odd_number(), SPLICE_F_NONBLOCK);
	sendfile(ends[1], any_file(), NULL, below(1 << 16));
	sendfile(any_file(), any_file(), NULL, below(1 << 16));
	copy_file_range(any_file(), NULL, any_file(), NULL, below(1 << 16), 0);
	close(ends[0]);
	close(ends[1]);
}

static void control(void)
{
	struct pollfd poll_any = { .fd = any_file(), .events = below(UINT16_MAX) };
	struct stat status;

	switch (below(8)) {
	case 0: ioctl(any_file(), odd_number(), odd_number()); break;
	case 1: lseek(any_file(), odd_number(), below(6)); break;
	case 2: poll(&poll_any, 1, 0); break;
	case 3: fcntl(any_file(), F_SETFL, below(2) ? O_NONBLOCK : O_ASYNC | O_APPEND); break;
	case 4: fallocate(any_file(), below(4), odd_number(), odd_number()); break;
	case 5: fsync(any_file()); break;
	case 6: posix_fadvise(any_file(), odd_number(), odd_number(), below(6)); break;
	default: fstat(any_file(), &status);
	}
}

static int open_any(unsigned int number)
{
	static const char * const names[] = { TCPTRACE_PROC_EVENTS, TCPTRACE_PROC_EVENTS, TCPTRACE_PROC_SOCKETS, TCPTRACE_PROC_STATUS };

	number %= 4;
	return open(names[number], (number < 2 ? O_RDWR : O_RDONLY) | O_CLOEXEC);
}

/* While others use it. */
static void reopen(void)
{
	unsigned int number = below(FILES);
	int file = open_any(number);

	if (file < 0)
		return;
	close(atomic_exchange(&files[number], file));
}

static void *run(void *arg)
{
	static void (*const ways[])(void) = {
		write_filter, write_filter, write_filter, write_nowhere, map, map, read_any, read_any, through_pipe, control, control, reopen,
	};

	chance = (seed + (uintptr_t)arg) * 0x9e3779b97f4a7c15ull + 1;
	while (!stopped) {
		ways[below(sizeof(ways) / sizeof(*ways))]();
		done++;
	}
	return NULL;
}

static void find_size(void)
{
	const struct tcptrace_map *head = mmap(NULL, page, PROT_READ, MAP_SHARED, files[0], 0);

	if (head == MAP_FAILED)
		err(1, "first page");
	map_size = head->size;
	munmap((void *)head, page);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	pthread_t ids[THREADS_MAX];
	uintptr_t i;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	page = sysconf(_SC_PAGESIZE);
	if (!seed)
		seed = time(NULL);
	printf("seed=%u\n", seed);
	fflush(stdout);
	for (i = 0; i < FILES; i++) {
		files[i] = open_any(i);
		if (files[i] < 0)
			err(1, "open");
	}
	find_size();
	for (i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run, (void *)i))
			err(1, "thread");
	sleep(seconds);
	stopped = true;
	for (i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("done=%lu accepted=%lu refused=%lu mapped=%lu wrong=%lu\n", done, accepted, refused, mapped, wrong);
	return wrong || !accepted || !refused || !mapped;
}
