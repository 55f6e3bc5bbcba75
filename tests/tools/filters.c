// SPDX-License-Identifier: GPL-2.0-only
/* Writes filters that are wrong in one thing each, and prints what write(2) said: "fine" or an errno. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clauses.h"

static int file;
static struct wish wish;

/* A filter that is right, with so many clauses of any ports. */
static void fresh(unsigned int clauses)
{
	wish_init(&wish, TCPTRACE_L_LIFE);
	while (wish.filter.clauses < clauses) {
		char text[] = "sport=1-65535";

		wish_add(&wish, text);
	}
}

static void put_size(const char *what, size_t size)
{
	ssize_t written = write(file, &wish, size);

	printf("%s: %s\n", what, written < 0 ? strerrorname_np(errno) : written == (ssize_t)size ? "fine" : "part");
}

static void put(const char *what)
{
	put_size(what, wish_size(&wish));
}

#define WRONG(what, clauses, change) do { fresh(clauses); change; put(what); } while (0)

int main(void)
{
	struct tcptrace_filter *filter = &wish.filter;
	struct tcptrace_clause *clause = wish.clauses;

	file = open(TCPTRACE_PROC_EVENTS, O_RDWR);
	if (file < 0)
		err(1, "%s", TCPTRACE_PROC_EVENTS);

	WRONG("right", 0, );
	WRONG("right, one clause", 1, );
	WRONG("32 clauses", TCPTRACE_CLAUSES_MAX, );
	WRONG("33 clauses", TCPTRACE_CLAUSES_MAX + 1, );
	WRONG("so many clauses that their size overflows", 0, filter->clauses = 0x40000000);
	fresh(0);
	put_size("empty", 0);
	put_size("one byte", 1);
	put_size("short by one", sizeof(*filter) - 1);
	put_size("long by one", sizeof(*filter) + 1);
	fresh(2);
	put_size("half of its clauses", sizeof(*filter) + sizeof(*clause));
	put_size("a clause short by one", wish_size(&wish) - 1);
	put_size("a clause too many", wish_size(&wish) + sizeof(*clause));

	WRONG("abi 0", 0, filter->abi = 0);
	WRONG("abi 2", 0, filter->abi = 2);
	WRONG("level 4", 0, filter->level = TCPTRACE_L_SEGMENT + 1);
	WRONG("level 9", 0, filter->level = 9);
	WRONG("wake_records above the ring", 0, filter->wake_records = 1u << 31);
	WRONG("wake_ms of an hour", 0, filter->wake_ms = 3600000);
	WRONG("reserved[0]", 0, filter->reserved[0] = 1);
	WRONG("reserved[1]", 0, filter->reserved[1] = 1);
	WRONG("reserved[2]", 0, filter->reserved[2] = 1);

	WRONG("saddr_len 129", 1, clause->saddr_len = 129);
	WRONG("daddr_len 255", 1, clause->daddr_len = 255);
	WRONG("family of unix", 1, clause->family = AF_UNIX);
	WRONG("sport from 2 to 1", 1, (clause->sport_min = 2, clause->sport_max = 1));
	WRONG("dport from 2 to 1", 1, (clause->dport_min = 2, clause->dport_max = 1));
	WRONG("clause reserved", 1, clause->reserved = 1);
	WRONG("clause reserved2", 1, clause->reserved2 = 1);
	WRONG("clause reserved3", 1, clause->reserved3 = 1);
	WRONG("cgroup", 1, clause->cgroup = 1);
	WRONG("the second clause", 2, clause[1].cgroup = 1);

	/* After all that, what was right before is still in force: the tests look at the status while we wait. */
	printf("# ready\n");
	fflush(stdout);
	pause();
	return 0;
}
