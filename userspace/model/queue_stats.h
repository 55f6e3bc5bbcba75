/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What passes through the two queues of an endpoint, and what holds it up. Kept beside struct endpoint, only for endpoints
 * of which records of level queue are seen. Each record with the counters of a full socket is passed in before the
 * endpoint's own counters are updated: the difference is what is new.
 */
#ifndef TCPTRACE_QUEUE_STATS_H
#define TCPTRACE_QUEUE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

/*
 * When which bytes of the receive queue came. Where more arrivals wait at once, the two that are nearest in time
 * are taken together, as of the older one: of the oldest byte the time is always right, of one behind it
 * it may be early by the time between these two.
 */
#define QUEUE_STATS_ARRIVALS	8

struct queue_stats {
	uint64_t last;			/* time of the record before */
	union {
		uint64_t arrived;	/* of the oldest byte that nobody has read, if `waits`; */
		uint64_t waited;	/* if not: what was read last had waited so long, or UNKNOWN */
	};
	uint64_t blocked;		/* the application slept in read() on an empty queue; minus since when, if it `sleeps` */
	/* Data waited to be sent; the peer's window had no room for it, or it had, and this side held it back. */
	uint64_t receiver_limited, sender_limited;
	uint32_t behind;		/* the sequence number behind what arrived then */
	duration32 delay;		/* the longest that a byte waited to be read, if `read` */
	uint32_t requests;		/* times that what was asked first one way was answered the other way */
	uint32_t later : 29;		/* queue_stats.c: what arrived later than `arrived`, 0: nothing */
	uint32_t waits : 1;
	uint32_t sleeps : 1;
	uint32_t read : 1;		/* any byte was read */
};

/* An endpoint's first record of level queue: its counters are yet those before it. Without memory nothing is known. */
void queue_stats_begin(struct endpoint *ep, const struct tcptrace_record *record);
void queue_stats_end(struct endpoint *ep);

/* NULL: it has none. */
struct queue_stats *queue_stats_of(const struct endpoint *ep);

/* Returns how long the oldest byte that was read now had waited, ns; UNKNOWN: none was, or nobody knows. */
uint64_t queue_stats_take(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record);
/* Records were lost before this one: what was under way may be over. */
void queue_stats_broken(struct queue_stats *stats, uint64_t time);

/* How long the oldest byte that nobody has read waits, at `time`; UNKNOWN: none does. */
uint64_t queue_stats_oldest(const struct queue_stats *stats, uint64_t time);
/* The longest that a byte waited, whether it was read or still waits at `time`; UNKNOWN: none has come. */
uint64_t queue_stats_longest(const struct queue_stats *stats, uint64_t time);
/* How long the one waited that was read last; UNKNOWN: none was, or others wait. */
uint64_t queue_stats_waited(const struct queue_stats *stats);
/* How long the application slept in read(), until the last record. */
uint64_t queue_stats_blocked(const struct queue_stats *stats);

#endif
