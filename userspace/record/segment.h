/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What follows from a record of type SEGMENT in addition to the segment's header: its relation to what the socket had
 * received before. Derived from the record alone.
 */
#ifndef TCPTRACE_SEGMENT_H
#define TCPTRACE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

struct segment {
	bool out;
	uint64_t window;	/* in bytes, UNKNOWN if the peer's scale is no longer known */
	uint32_t duplicate;	/* received: so many of its sequence numbers were received before */
	uint32_t gap;		/* received out of order: so many sequence numbers are missing before it */
	bool probe;		/* requests an ACK with an old sequence number: a keepalive or a zero-window probe */
	uint16_t sacks;		/* blocks of the SACK option */
	uint32_t sack_from, sack_to;	/* the first block, absolute */
	bool dsack;		/* it reports a duplicate, RFC 2883 */
};

void segment_of(const struct tcptrace_record *record, struct segment *segment);

#endif
