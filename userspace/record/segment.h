/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a record of type SEGMENT says beside its header: how it lies to what the socket had received before.
 * From the record alone.
 */
#ifndef TCPTRACE_SEGMENT_H
#define TCPTRACE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

struct segment {
	bool out;
	uint64_t window;	/* in bytes, UNKNOWN where the peer's scale is not known any more */
	uint32_t duplicate;	/* in: so many of its sequence numbers were there already */
	uint32_t gap;		/* in: out of order, so many are missing before it */
	bool probe;		/* asks for an ACK with a number that was acknowledged: keepalive, or of a closed window */
	uint16_t sacks;		/* blocks of the SACK option */
	uint32_t sack_from, sack_to;	/* the first of them, absolute */
	bool dsack;		/* it tells of what came twice, RFC 2883 */
};

void segment_of(const struct tcptrace_record *record, struct segment *segment);

#endif
