/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What passes through an end's two queues, and who holds it up: kept beside struct end, for those ends alone
 * whose data is followed (level queue). Fed by each record that brings the figures of a full socket, before
 * they are taken over: what is new is the difference.
 */
#ifndef TCPTRACE_FLOW_H
#define TCPTRACE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

/*
 * When which bytes of the receive queue came. Where more arrivals wait at once, the two that are nearest in time
 * are taken together, as of the older one: of the oldest byte the time is always right, of one behind it
 * it may be early by the time between these two.
 */
#define FLOW_ARRIVALS	8

struct flow {
	uint64_t last;			/* time of the record before */
	uint64_t waited;		/* READ: the oldest byte just read, or MODEL_UNKNOWN */
	uint64_t delay;			/* the longest of these, if `read` */
	uint64_t blocked;		/* the application slept in read() on an empty queue */
	uint64_t blocked_since;		/* 0: it does not */
	/* Data waited to be sent; the peer's window had no room for it, or it had, and this side held it back. */
	uint64_t receiver_limited, sender_limited;
	uint64_t arrived[FLOW_ARRIVALS];
	uint32_t behind[FLOW_ARRIVALS];	/* the sequence number behind what arrived then */
	uint32_t requests;		/* times that what was asked first one way was answered the other way */
	uint8_t arrivals;
	bool read;			/* any byte was read */
};

/* An end's first record of level queue: its figures are yet those before it. NULL: no memory, nothing is known. */
struct flow *flow_begin(const struct end *end, const struct tcptrace_record *record);
void flow_take(struct flow *flow, const struct end *end, const struct tcptrace_record *record);
/* Records were lost before this one: what was under way may be over. */
void flow_broken(struct flow *flow, uint64_t time);

/* How long the oldest byte that nobody has read waits, at `time`; MODEL_UNKNOWN: none does. */
uint64_t flow_oldest(const struct flow *flow, uint64_t time);

#endif
