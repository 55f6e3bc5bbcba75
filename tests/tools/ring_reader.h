/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reader of the rings written from the description in uapi/tcptrace.h, without code of the program: the tests need a
 * second opinion.
 */
#ifndef TOOLS_RING_READER_H
#define TOOLS_RING_READER_H

#include <stdbool.h>

#include "tcptrace.h"

struct ring_reader {
	int file;
	const struct tcptrace_map *map;
	__u64 *next;		/* of each CPU: the next position to read */
	__u64 *bound;		/* of each CPU: the end for now */
	unsigned int cpu;	/* the CPU of the last record */
	__u64 overwritten;
	__u64 holes;
	__u64 read;
};

/* Opens and maps the rings, and starts at the newest or the oldest records. Ends the program on an error. */
void ring_open(struct ring_reader *reader, bool oldest);

/* Positions reserved so far, on all CPUs. */
__u64 ring_reserved(const struct ring_reader *reader);

/* Lets ring_next() read up to the current positions. */
void ring_bound(struct ring_reader *reader);

/* Copies the next record of some CPU below the bound; false: none is left. */
bool ring_next(struct ring_reader *reader, struct tcptrace_record *record);

#endif
