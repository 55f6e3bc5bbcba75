// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_level LEVEL [PORT|many]: asks the module for this level, says so, and reads nothing: what is recorded now costs the
 * kernel side and nobody else. Lasts until it is killed. With PORT it asks for that port only; with "many" for as many
 * clauses as all readers may have: no two alike, of every length of prefix, and none that fits anything.
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

static struct {
	struct tcptrace_filter filter;
	struct tcptrace_clause clause[TCPTRACE_CLAUSES_MAX];
} wish = { .filter = { .abi = TCPTRACE_ABI } };

/* Stays open. */
static void ask(void)
{
	size_t size = sizeof(wish.filter) + wish.filter.clauses * sizeof(wish.clause[0]);
	int fd = bench_check(open(TCPTRACE_PROC_EVENTS, O_RDWR | O_CLOEXEC), TCPTRACE_PROC_EVENTS);

	bench_check(write(fd, &wish, size) == (ssize_t)size ? 0 : -1, "writing the filter");
}

static void ask_for_port(unsigned int port)
{
	wish.filter.clauses = 2;
	wish.clause[0] = (struct tcptrace_clause){ .sport_min = port, .sport_max = port, .dport_max = 65535 };
	wish.clause[1] = (struct tcptrace_clause){ .dport_min = port, .dport_max = port, .sport_max = 65535 };
	ask();
}

/* Ports fit, but for 0, so that the addresses decide. */
static void ask_for_many(void)
{
	unsigned int i, number;

	wish.filter.clauses = TCPTRACE_CLAUSES_MAX;
	for (number = 0; number < TCPTRACE_CLAUSES_IN_ALL; number += TCPTRACE_CLAUSES_MAX) {
		for (i = 0; i < TCPTRACE_CLAUSES_MAX; i++)
			wish.clause[i] = (struct tcptrace_clause){
				.saddr = { 1, [8] = (number + i) >> 8, [9] = number + i },
				.saddr_len = 8 + (number + i) % 121,
				.sport_min = 1 + number + i,
				.sport_max = 65535,
				.dport_max = 65535,
			};
		ask();
	}
}

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc > 1 && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(argv[1], levels[i]))
			wish.filter.level = i;
	if (!wish.filter.level) {
		fprintf(stderr, "usage: hold_level life|queue|segment [PORT|many]\n");
		return 2;
	}
	if (argc < 3)
		ask();
	else if (!strcmp(argv[2], "many"))
		ask_for_many();
	else
		ask_for_port(bench_number(argv[2]));
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
