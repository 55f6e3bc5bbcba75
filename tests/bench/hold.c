// SPDX-License-Identifier: GPL-2.0-only
/* hold N COMMAND...: runs the command while N loopback connections, 2 N sockets, are open. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define SOURCES	     16
#define FIRST_SOURCE 0x7f000002 /* 127.0.0.2: each has its own range of ephemeral ports */

int main(int argc, char **argv)
{
	unsigned int count = bench_number(argc > 2 ? argv[1] : NULL), i;
	struct rlimit files = { .rlim_cur = 2 * count + 64, .rlim_max = 2 * count + 64 };
	int listener, accepted, status;
	pid_t child;

	bench_check(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	listener = bench_listen(16);
	for (i = 0; i < count; i++)
		bench_connect(listener, FIRST_SOURCE + i % SOURCES, &accepted);

	/* The command may need the port. */
	close(listener);

	child = bench_check(fork(), "fork");
	if (!child) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	bench_check(waitpid(child, &status, 0), "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
