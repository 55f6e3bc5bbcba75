/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What passes through the two queues of an endpoint, and what holds it up. Kept beside struct endpoint, only for
 * endpoints of which records of level queue are seen. Each record with the counters of a full socket is passed in
 * before the endpoint's own counters are updated: the difference is what is new.
 */
#ifndef TCPTRACE_QUEUE_STATS_H
#define TCPTRACE_QUEUE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

/*
 * When the bytes of the receive queue were received. If more arrivals are waiting, the two nearest in time are joined,
 * with the time of the older one. So the time of the oldest byte is always right; that of a later one may be early by
 * the time between the two.
 */
#define QUEUE_STATS_ARRIVALS	8

struct queue_stats {
	uint64_t last;			/* time of the previous record */
	union {
		uint64_t arrived;	/* of the oldest unread byte, if `waits`; */
		uint64_t waited;	/* otherwise how long the byte read last had waited, or UNKNOWN */
	};
	uint64_t blocked;		/* time in read() on an empty queue; minus the start, if it `sleeps` */
	/* Time with data to send: without room in the peer's window; or with room, and held back by this side. */
	uint64_t receiver_limited, sender_limited;
	uint32_t behind;		/* the sequence number after that arrival */
	duration32 delay;		/* the longest that a byte waited to be read, if `read` */
	uint32_t requests;		/* how often data in the direction of the requests was answered */
	uint32_t later : 26;		/* queue_stats.c: later arrivals, 0: none */
	uint32_t asked : 1;		/* data was sent one way first; */
	uint32_t asked_in : 1;		/* that was towards this endpoint; */
	uint32_t answered : 1;		/* and the latest data was sent the other way */
	uint32_t waits : 1;
	uint32_t sleeps : 1;
	uint32_t read : 1;		/* a byte was read */
};

/*
 * For an endpoint's first record of level queue: its counters are still the previous ones. Without memory nothing is
 * kept.
 */
void queue_stats_begin(struct endpoint *ep, const struct tcptrace_record *record);
void queue_stats_end(struct endpoint *ep);

/* NULL: none are kept. */
struct queue_stats *queue_stats_of(const struct endpoint *ep);

/* Returns how long the oldest byte that was read now had waited, ns; UNKNOWN: none was read, or it is not known. */
uint64_t queue_stats_take(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record);
/* Data was sent, towards this endpoint if `in`. */
void queue_stats_sent(struct queue_stats *stats, bool in);
/* Records were lost before this one: a wait in progress may have ended. */
void queue_stats_broken(struct queue_stats *stats, uint64_t time);

/* How long the oldest unread byte has been waiting at `time`; UNKNOWN: none is. */
uint64_t queue_stats_oldest(const struct queue_stats *stats, uint64_t time);
/* The longest time that a byte waited, or is waiting at `time`; UNKNOWN: none was received. */
uint64_t queue_stats_longest(const struct queue_stats *stats, uint64_t time);
/* How long the byte read last had waited; UNKNOWN: none was read, or others are waiting. */
uint64_t queue_stats_waited(const struct queue_stats *stats);
/* How long the application was blocked in read(), up to the last record. */
uint64_t queue_stats_blocked(const struct queue_stats *stats);

#endif
