/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segment that caused a change of state, or that a change of state sent. TCP's state machine (RFC 9293, section
 * 3.3.2) leaves one possible segment for each edge, and the sequence numbers of the record are those that the segment
 * left behind. What they do not determine is left out, not guessed.
 */
#ifndef TCPTRACE_INFERRED_SEGMENT_H
#define TCPTRACE_INFERRED_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

#define INFERRED_MAX	2

/* Which of its fields are known. */
enum {
	INFERRED_SEQ	= 1 << 0,
	INFERRED_ACK	= 1 << 1,
	INFERRED_WINDOW	= 1 << 2,
	INFERRED_LENGTH	= 1 << 3,
};

struct inferred_segment {
	uint32_t seq, ack;	/* absolute */
	uint32_t window;	/* as on the wire, unscaled */
	uint32_t length;
	uint16_t mss;		/* 0: unknown, or no such option */
	uint8_t wscale;		/* option + 1; 0: unknown, or no such option */
	uint8_t flags;		/* byte 13 of the TCP header */
	uint8_t known;
	bool out;
};

/* Returns how many `segments` were filled. */
int infer_segments(const struct step *step, struct inferred_segment segments[INFERRED_MAX]);

/*
 * A sequence number relative to the initial one: `out` to iss, else to irs. Of all numbers with the same low 32 bits,
 * it is the one nearest to how far this direction has advanced. So it does not wrap, and a number before the initial
 * one is negative. False if the initial number is unknown.
 */
bool relative_seq(const struct endpoint *ep, bool out, uint32_t number, int64_t *relative);

/* "SYN,ACK" and so on, for byte 13 of the header. Returns the position after it. */
#define TCP_FLAGS_TEXT_MAX	32
char *put_tcp_flags(char *p, uint8_t flags);

#endif
