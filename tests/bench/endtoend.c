// SPDX-License-Identifier: GPL-2.0-only
/*
 * endtoend N FILE WATCHER...: starts the watcher with its output in FILE, and when it has settled makes
 * N connections, lets it catch up, ends it with SIGINT, and prints the ns of CPU that all of this took
 * from the first connection to its exit. What does not depend on N goes out with a second run.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "busy.h"
#include "workload.h"

static pid_t start(char **command, const char *output)
{
	int fd = bench_check(open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), output);
	pid_t child = bench_check(fork(), "fork");

	if (!child) {
		/* A shell ignores it in what it starts in the background. */
		signal(SIGINT, SIG_DFL);
		dup2(fd, STDOUT_FILENO);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(fd);
	return child;
}

int main(int argc, char **argv)
{
	unsigned int count = bench_number(argc > 3 ? argv[1] : NULL);
	uint64_t before, busy;
	pid_t watcher;
	int status;

	watcher = start(argv + 3, argv[2]);
	bench_settle();
	if (waitpid(watcher, &status, WNOHANG)) {
		fprintf(stderr, "endtoend: %s ended before there was anything to see\n", argv[3]);
		return 1;
	}
	before = bench_busy();
	bench_conns(count);
	bench_settle();
	kill(watcher, SIGINT);
	bench_check(waitpid(watcher, &status, 0), "waitpid");
	busy = bench_busy() - before;
	if (!(WIFEXITED(status) && !WEXITSTATUS(status)) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)) {
		fprintf(stderr, "endtoend: %s ended with wait status 0x%x\n", argv[3], status);
		return 1;
	}
	printf("%" PRIu64 "\n", busy);
	return 0;
}
