/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reader of the rings as uapi/tcptrace.h tells one to write it, and nothing of the program's
 * own: the tests want a second opinion.
 */
#ifndef TOOLS_RING_READER_H
#define TOOLS_RING_READER_H

#include <stdbool.h>

#include "tcptrace.h"

struct ring_reader {
	int file;
	const struct tcptrace_map *map;
	__u64 *next;		/* of each CPU: position to be read */
	__u64 *bound;		/* of each CPU: read no further */
	unsigned int cpu;	/* where the last record came from */
	__u64 overwritten;
	__u64 holes;
	__u64 read;
};

/* Opens and maps, at the newest records, or at the oldest that are there. Ends the program on an error. */
void ring_open(struct ring_reader *reader, bool oldest);

/* Positions given out on all CPUs. */
__u64 ring_reserved(const struct ring_reader *reader);

/* Lets ring_next() go as far as the rings have come by now. */
void ring_bound(struct ring_reader *reader);

/* Copies the next record of some CPU below the bound; false: none is left. */
bool ring_next(struct ring_reader *reader, struct tcptrace_record *record);

#endif
