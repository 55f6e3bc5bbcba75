// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_level LEVEL [PORT]: asks the module for this level (of this port only), says so, and reads
 * nothing: what is recorded now costs the kernel side and nobody else. Lasts until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../module/uapi/tcptrace.h"
#include "workload.h"

static const char *const levels[] = {
#define WORD(name, number, word) [number] = word,
	TCPTRACE_LEVELS(WORD)
};

int main(int argc, char **argv)
{
	struct {
		struct tcptrace_filter filter;
		struct tcptrace_clause clause[2];
	} wish = { .filter = { .abi = TCPTRACE_ABI } };
	unsigned int port, i;
	size_t size;
	int fd;

	for (i = 0; argc > 1 && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(argv[1], levels[i]))
			wish.filter.level = i;
	if (!wish.filter.level) {
		fprintf(stderr, "usage: hold_level life|queue|segment [PORT]\n");
		return 2;
	}
	if (argc > 2) {
		port = bench_number(argv[2]);
		wish.filter.clauses = 2;
		wish.clause[0] = (struct tcptrace_clause){ .sport_min = port, .sport_max = port, .dport_max = 65535 };
		wish.clause[1] = (struct tcptrace_clause){ .dport_min = port, .dport_max = port, .sport_max = 65535 };
	}
	size = sizeof(wish.filter) + wish.filter.clauses * sizeof(wish.clause[0]);

	fd = bench_check(open(TCPTRACE_PROC_EVENTS, O_RDWR | O_CLOEXEC), TCPTRACE_PROC_EVENTS);
	bench_check(write(fd, &wish, size) == (ssize_t)size ? 0 : -1, "writing the filter");
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
