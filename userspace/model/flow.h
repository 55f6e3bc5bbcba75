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

#include "model/model.h"

/*
 * When which bytes of the receive queue came. Where more arrivals wait at once, the two that are nearest in time
 * are taken together, as of the older one: of the oldest byte the time is always right, of one behind it
 * it may be early by the time between these two.
 */
#define FLOW_ARRIVALS	8

struct flow {
	uint64_t last;			/* time of the record before */
	union {
		uint64_t arrived;	/* of the oldest byte that nobody has read, if `waits`; */
		uint64_t waited;	/* if not: what was read last had waited so long, or UNKNOWN */
	};
	uint64_t blocked;		/* the application slept in read() on an empty queue; less since when, if it `sleeps` */
	/* Data waited to be sent; the peer's window had no room for it, or it had, and this side held it back. */
	uint64_t receiver_limited, sender_limited;
	uint32_t behind;		/* the sequence number behind what arrived then */
	duration32 delay;			/* the longest that a byte waited to be read, if `read` */
	uint32_t requests;		/* times that what was asked first one way was answered the other way */
	uint32_t later : 29;		/* flow.c: what arrived later than `arrived`, 0: nothing */
	uint32_t waits : 1;
	uint32_t sleeps : 1;
	uint32_t read : 1;		/* any byte was read */
};

/* An end's first record of level queue: its figures are yet those before it. Without memory nothing is known. */
void flow_begin(struct end *end, const struct tcptrace_record *record);
void flow_end(struct end *end);

/* NULL: it has none. */
struct flow *flow_of(const struct end *end);

/* Returns how long the oldest byte that was read now had waited, ns; UNKNOWN: none was, or nobody knows. */
uint64_t flow_take(struct flow *flow, const struct end *end, const struct tcptrace_record *record);
/* Records were lost before this one: what was under way may be over. */
void flow_broken(struct flow *flow, uint64_t time);

/* How long the oldest byte that nobody has read waits, at `time`; UNKNOWN: none does. */
uint64_t flow_oldest(const struct flow *flow, uint64_t time);
/* The longest that a byte waited, whether it was read or still waits at `time`; UNKNOWN: none has come. */
uint64_t flow_longest(const struct flow *flow, uint64_t time);
/* How long the one waited that was read last; UNKNOWN: none was, or others wait. */
uint64_t flow_waited(const struct flow *flow);
/* How long the application slept in read(), until the last record. */
uint64_t flow_blocked(const struct flow *flow);

#endif
