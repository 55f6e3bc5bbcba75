// SPDX-License-Identifier: GPL-2.0-only
/*
 * measure FILE COMMAND...: prints the ns of CPU that the command took, from exec to exit, with its
 * output in FILE.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "busy.h"
#include "workload.h"

int main(int argc, char **argv)
{
	int status, fd;
	uint64_t before;
	pid_t child;

	if (argc < 3) {
		fprintf(stderr, "usage: measure FILE COMMAND...\n");
		return 2;
	}
	fd = bench_check(open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), argv[1]);
	bench_settle();
	before = bench_busy();
	bench_mark();
	child = bench_check(fork(), "fork");
	if (!child) {
		dup2(fd, STDOUT_FILENO);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	bench_check(waitpid(child, &status, 0), "waitpid");
	bench_mark();
	printf("%" PRIu64 "\n", bench_busy() - before);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
