/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of endpoints, built from records. It never reads a source: it is told.
 * Views see it as const and get from it, for each record, one struct step.
 *
 *   endpoint_table.c     the table itself: room, indexes, which two endpoints are one connection
 *   model.c    what a record changes, what is over
 *   queue_stats.c  what passes through the queues of an endpoint, and who waits for whom
 *   bootstrap.c     what was there before the first event, without gap or double count
 *   verdict.c  what is to be said of an endpoint that is over
 *   inferred_segment.c  the segment that caused a change, from the record alone
 *   process.c  which process holds a socket that was there before
 *   process_ref.c  processes by number, duration32.h durations in four bytes: so that an endpoint is small
 *
 * Whatever counts bytes is taken from sequence numbers and from the kernel's own totals, as
 * they are at the moment of the record, never added up event by event: a lost record makes
 * no number wrong, only a step invisible.
 */
#ifndef TCPTRACE_MODEL_H
#define TCPTRACE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/duration32.h"
#include "base/unknown.h"
#include "record/process_ref.h"
#include "tcptrace.h"

#define MODEL_ENDPOINTS_MAX	(1u << 20)	/* unless told otherwise */

/* What is known of an endpoint, beside its state. */
enum {
	EP_PREEXISTING	= 1u << 0,	/* its creation was not seen */
	EP_ACTIVE	= 1u << 1,	/* it connected, */
	EP_PASSIVE	= 1u << 2,	/* or it was connected to */
	EP_ISS		= 1u << 3,	/* iss is known, */
	EP_IRS		= 1u << 4,	/* irs is known */
	EP_SYNCED	= 1u << 5,	/* rcv_nxt and snd_una count data */
	EP_SINCE	= 1u << 6,	/* the entry into its state was seen */
	EP_FIN_SENT	= 1u << 7,
	EP_FIN_ACKED	= 1u << 8,
	EP_FIN_RCVD	= 1u << 9,
	EP_FIN_COUNTED	= 1u << 10,	/* bytes_in has the peer's FIN in it */
	EP_LOCAL_FIRST	= 1u << 11,	/* this endpoint closed first, */
	EP_REMOTE_FIRST = 1u << 12,	/* or the other one did */
	EP_CROSSED	= 1u << 13,	/* or both did: the FINs crossed */
	EP_MERGED	= 1u << 14,	/* the passive closer's FIN came with its ACK of the first one */
	EP_RST_SENT	= 1u << 15,
	EP_RST_RCVD	= 1u << 16,
	EP_HANDSHAKE	= 1u << 17,	/* its handshake was seen from the beginning to the end */
	EP_CLOSED	= 1u << 18,	/* the application called close() */
	EP_OVER	= 1u << 19,
	EP_PENDING	= 1u << 20,	/* over, but how is not known yet: a RST may follow */
	EP_ASKED	= 1u << 21,	/* `requests`: data went one way first, */
	EP_ASKED_IN	= 1u << 22,	/* that was towards this endpoint, */
	EP_ANSWERED	= 1u << 23,	/* and the last ones went the other way */
	EP_LISTED	= 1u << 24,	/* bootstrap.c: is among those to hand out */
	EP_LOSSY	= 1u << 25,	/* records were lost while it lived */
	EP_ACCEPTED	= 1u << 26,	/* accept() was seen, and since when it waited for that */
	EP_COOKIE	= 1u << 27,	/* created by a SYN cookie or by fast open: its SYN was not seen */
	EP_ORPHAN	= 1u << 28,	/* when it was over no process held it */
	EP_HALF_CLOSED	= 1u << 29,	/* `fin` is how long it was half-closed */
	EP_BOUND	= 1u << 30,	/* to a device: model_ifindex() */
};

/* Why an endpoint was reset by its own side. */
enum why {
	WHY_UNKNOWN,
	WHY_UNREAD,	/* closed before all that had come was read */
	WHY_LINGER,	/* closed with SO_LINGER on and a time of 0 */
	WHY_UNACCEPTED,	/* the listener closed before the application accepted */
	WHY_DESTROYED,	/* by ss -K or its kin */
	WHY_LATE,	/* data came when nobody was there any more to read it */
};

/*
 * One endpoint. A million of them, with their queue statistics, are a quarter of a gigabyte: no byte here without need.
 * Numbers of other endpoints are places in the table, 0 is none.
 */
struct endpoint {
	uint64_t cookie;
	uint64_t created;		/* or when it was first seen (EP_PREEXISTING) */
	uint64_t since;		/* in its state, if EP_SINCE */
	uint64_t last;		/* step of either endpoint of the connection */
	uint64_t fin;		/* time of the first FIN, 0: not seen; EP_HALF_CLOSED: from it to the second */
	uint64_t bytes_in;	/* rcv_nxt's way since the SYN; the FIN counts */
	uint64_t bytes_out;	/* snd_una's way since the SYN; the FIN counts */
	duration32 handshake;		/* took so long, if EP_HANDSHAKE */
	duration32 accept_wait;	/* in the accept queue, if EP_ACCEPTED */

	uint8_t saddr[TCPTRACE_ADDR_LEN];
	uint8_t daddr[TCPTRACE_ADDR_LEN];
	uint16_t sport;
	uint16_t dport;
	uint32_t netns;

	uint32_t iss, irs;
	/* As of its last record. */
	uint32_t snd_una, snd_nxt;
	union {
		uint32_t write_seq;
		uint32_t backlog_max;	/* LISTEN: how many may be in its accept queue, */
	};
	union {
		uint32_t rcv_nxt;
		uint32_t backlog;	/* LISTEN: and how many are */
	};
	uint32_t copied_seq, snd_wnd, rcv_wnd;
	uint32_t recvq_peak, sendq_peak;
	uint32_t retransmits;

	uint32_t queue_stats;	/* queue_stats.h; 0: nothing of level queue was heard of it */
	process_ref owner;	/* who connected, accepted, listens; else who used it last */
	process_ref closer;	/* who closed or reset first, on whichever side, if that is on this host */

	union {
		uint32_t written;	/* write_seq as of the last write that was told of; with queue_stats, while it may write */
		uint32_t unread;	/* bytes, WHY_UNREAD */
		uint32_t stamp;		/* low half, of the segment that made it FIN_WAIT2 */
		uint32_t timeout;	/* of the timewait socket, ms from `since` (EP_SINCE) or `created` on */
	};
	uint32_t flags;		/* END_ */
	uint32_t peer;		/* the other endpoint, if that is on this host */
	uint32_t cookie_next, tuple_next;
	uint16_t epoch;		/* of the model, when it was last known to be whole */
	uint8_t error;		/* errno that ended it */
	uint8_t reset_reason;	/* enum sk_rst_reason + 1, 0: the kernel has none */
	uint8_t family;
	uint8_t kind;		/* enum tcptrace_kind */
	uint8_t state;		/* enum tcptrace_state */
	uint8_t why;		/* enum why */
};

struct model_options {
	uint32_t max_endpoints;	/* 0: MODEL_ENDPOINTS_MAX */
	/* Whether an endpoint that is not known yet shall be; NULL: each. */
	bool (*wanted)(const struct tcptrace_record *record, void *arg);
	/* Which of those that are known model_next() hands out; NULL: each. */
	bool (*shown)(const struct endpoint *ep, void *arg);
	void *arg;
};

/* What one record did. Valid until the next call that changes the model. */
struct step {
	const struct tcptrace_record *record;
	const struct endpoint *ep;	/* as it is now; NULL: the record is of no endpoint, or of one that did not fit */
	const struct endpoint *peer;	/* the other endpoint, if that is on this host */
	uint64_t since;		/* ns since the step before of this connection, or UNKNOWN */
	uint64_t in_state;	/* ns that the endpoint was in old_state, or UNKNOWN */
	uint64_t waited;	/* READ: ns that the oldest byte just read had waited, or UNKNOWN */
	uint32_t bytes;		/* SEND, RECV, ACK: how many this step moved, without SYN and FIN; else: came before the FIN */
	uint32_t window;	/* ACK: the peer's before this step */
	uint32_t pid;		/* who did it, or owns the endpoint; 0: unknown */
	const char *comm;
	uint8_t old_state, new_state;
	bool did;		/* `pid` did it */
	bool control;		/* ACK: of this endpoint's SYN or FIN as well */
	bool merged;		/* FIN_WAIT2, TIME_WAIT: the ACK of this side's FIN and the peer's FIN came in one segment */
	bool verdict;		/* the endpoint's verdict is due now */
};

enum model_outcome {
	MODEL_SKIP,	/* nothing to show */
	MODEL_STEP,
	MODEL_LOST,	/* a LOST record: what is known may be stale */
};

struct model;

/* NULL: no memory. */
struct model *model_new(const struct model_options *options);
void model_free(struct model *model);

/* `next`: the next record of the same endpoint, if the step depends on it and it is known (fin_lookahead.h); else NULL. */
enum model_outcome model_apply(struct model *model, const struct tcptrace_record *record,
			       const struct tcptrace_record *next, struct step *step);

/*
 * An endpoint whose verdict waited for a RST that did not come: the next one that closed at or before
 * `time`, or NULL. Valid until the next call that changes the model.
 */
const struct endpoint *model_settle(struct model *model, uint64_t time);
/*
 * What belongs together comes within so long, a RST after the change to CLOSE or a change after its segment: it is
 * one run of the same CPU, which may be interrupted.
 */
#define MODEL_SETTLE_NS		200000000
bool model_pending(const struct model *model);

const struct endpoint *model_find(const struct model *model, uint64_t cookie);
const struct endpoint *model_peer(const struct model *model, const struct endpoint *ep);
/* The listener that its connection came to, by its local address and port; NULL: none is known. */
const struct endpoint *model_listener(const struct model *model, const struct endpoint *ep);
/* The process of the endpoint, or, where nobody has accepted it yet, of its listener. Never NULL: see process_at(). */
const struct process *model_owner(const struct model *model, const struct endpoint *ep);
/* All endpoints that are not over and are shown, one after the other; *place is 0 before the first. NULL: no more. */
const struct endpoint *model_next(const struct model *model, uint32_t *place);

/* The device that an endpoint of the table is bound to; 0: none. */
uint32_t model_ifindex(const struct model *model, const struct endpoint *ep);

/* Where an endpoint of the table lies in it, from 1; another one may lie there when it is gone. */
uint32_t model_place(const struct model *model, const struct endpoint *ep);

uint32_t model_endpoint_count(const struct model *model);
/* Records of endpoints that did not fit. */
uint64_t model_full(const struct model *model);

/* ---- for bootstrap.c ---- */

/* A socket that is there, from a record of type SNAPSHOT. NULL: not wanted, or no room. */
struct endpoint *model_bootstrap(struct model *model, const struct tcptrace_record *record);
/* An endpoint that was there in `old_state` of its first event, from that. */
struct endpoint *model_bootstrap_before(struct model *model, const struct tcptrace_record *event);
/* Its record was taken too late: it was still in `old_state` of its first event. */
void model_step_back(struct endpoint *ep, const struct tcptrace_record *event);
void model_forget(struct model *model, uint64_t cookie);
struct endpoint *model_endpoint(struct model *model, uint64_t cookie);

/* ---- what an endpoint's counters say; as record_recvq() and its kin ---- */

/*
 * Fills an endpoint outside any table: from a record of type SNAPSHOT, or as a copy of another one, whose queue statistics
 * it shares as long as that one exists. What *ep was before is ignored. endpoint_release() when done with it.
 */
void endpoint_from_snapshot(struct endpoint *ep, const struct tcptrace_record *record);
void endpoint_copy(struct endpoint *ep, const struct endpoint *other);
void endpoint_release(struct endpoint *ep);

uint32_t endpoint_recvq(const struct endpoint *ep);
uint32_t endpoint_sendq(const struct endpoint *ep);
/* What a timewait socket has left of its time, ns; 0: it is none. */
uint64_t endpoint_left(const struct endpoint *ep, uint64_t time);

/*
 * The longest that a byte waited to be read, or waits at `time`; UNKNOWN: none did, or nobody knows. An end of
 * level queue of which nothing was heard since it was found is as it was: `followed` says that such were recorded.
 * *at_least: it waited already when it was found.
 */
uint64_t endpoint_read_delay(const struct endpoint *ep, uint64_t time, bool followed, bool *at_least);

/*
 * How long it is in the accept queue at `time`, UNKNOWN where nobody saw it enter: since its last ACK came;
 * of a SYN cookie and of fast open since it exists.
 */
static inline uint64_t endpoint_waits(const struct endpoint *ep, uint64_t time)
{
	if (!(ep->flags & (EP_HANDSHAKE | EP_COOKIE)))
		return UNKNOWN;
	return time - ep->created - (ep->flags & EP_HANDSHAKE ? duration32_ns(ep->handshake) : 0);
}

/* How long it was there until accept(). */
static inline uint64_t endpoint_waited(const struct endpoint *ep)
{
	return ep->flags & EP_ACCEPTED ? duration32_ns(ep->accept_wait) : UNKNOWN;
}

#endif
