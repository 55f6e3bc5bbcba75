/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of endpoints, built from records. It never reads a source: records are passed to it. Views have a const
 * model, and get one struct step for each record.
 *
 *   endpoint_table.c    the table: places, indexes, which two endpoints are one connection
 *   model.c             what a record changes, and when an endpoint has ended
 *   queue_stats.c       what passes through an endpoint's queues, and who waits for whom
 *   verdict.c           what there is to say about an endpoint that has ended
 *   inferred_segment.c  the segment that caused a change, from the record alone
 *
 * Byte counts are taken from sequence numbers and the kernel's own totals as of each record, never added up event by
 * event. So a lost record makes no number wrong; it only hides a step.
 */
#ifndef TCPTRACE_MODEL_H
#define TCPTRACE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/duration32.h"
#include "base/unknown.h"
#include "record/process_ref.h"
#include "record/zone.h"
#include "tcptrace.h"

#define MODEL_ENDPOINTS_MAX	(1u << 20)	/* the default */

/* What is known of an endpoint besides its state. */
enum {
	EP_PREEXISTING	= 1u << 0,	/* its creation was not seen */
	EP_ACTIVE	= 1u << 1,	/* it connected */
	EP_PASSIVE	= 1u << 2,	/* the peer connected */
	EP_ISS		= 1u << 3,	/* iss is known */
	EP_IRS		= 1u << 4,	/* irs is known */
	EP_SYNCED	= 1u << 5,	/* rcv_nxt and snd_una count data */
	EP_SINCE	= 1u << 6,	/* the time of entering its state is known */
	EP_FIN_SENT	= 1u << 7,
	EP_FIN_ACKED	= 1u << 8,
	EP_FIN_RCVD	= 1u << 9,
	EP_FIN_COUNTED	= 1u << 10,	/* bytes_in includes the peer's FIN */
	EP_LOCAL_FIRST	= 1u << 11,	/* this endpoint closed first */
	EP_REMOTE_FIRST = 1u << 12,	/* the other one closed first */
	EP_CROSSED	= 1u << 13,	/* both did: the FINs crossed */
	EP_MERGED	= 1u << 14,	/* the FIN that answered the first one was in the segment of its ACK */
	EP_RST_SENT	= 1u << 15,
	EP_RST_RCVD	= 1u << 16,
	EP_HANDSHAKE	= 1u << 17,	/* its whole handshake was seen */
	EP_CLOSED	= 1u << 18,	/* the application called close() */
	EP_OVER		= 1u << 19,
	EP_PENDING	= 1u << 20,	/* ended, but it is not known yet how: a RST may follow */
	EP_ACK_ALONE	= 1u << 21,	/* it was not in the segment of its ACK; neither this nor EP_MERGED: not known */
	EP_RESTORED	= 1u << 22,	/* put into the kernel by TCP_REPAIR: it had no handshake here */
	EP_TIMED_OUT	= 1u << 23,	/* what is retransmitted now was held lost by the retransmission timer */
	EP_LISTED	= 1u << 24,	/* bootstrap.c: is among those to be returned */
	EP_LOSSY	= 1u << 25,	/* records were lost while it existed */
	EP_ACCEPTED	= 1u << 26,	/* accept() was seen, and since when it waited for it */
	EP_COOKIE	= 1u << 27,	/* created by a SYN cookie or by fast open: its SYN was not seen */
	EP_ORPHAN	= 1u << 28,	/* no process held it when it ended */
	EP_HALF_CLOSED	= 1u << 29,	/* `fin` is the duration of being half-closed */
	EP_BOUND	= 1u << 30,	/* connect() does not choose its port: TCPTRACE_F_BOUND */
	EP_CULPRIT	= 1u << 31,	/* `closer` caused the RST */
};

/* Why an endpoint was reset by its own side. */
enum why {
	WHY_UNKNOWN,
	WHY_UNREAD,	/* closed with received data unread */
	WHY_LINGER,	/* closed with SO_LINGER and a timeout of 0 */
	WHY_UNACCEPTED,	/* the listener closed before the application accepted */
	WHY_DESTROYED,	/* by ss -K or a similar request */
	WHY_LATE,	/* data was received after close() */
	WHY_SHUTDOWN,	/* data was received after shutdown(), which ended receiving; the socket is still open */
	WHY_ICMP,	/* an ICMP error ended the half-open connection; which errno it stands for is not known */
};

/*
 * One endpoint. A million of them, with their queue statistics, take a quarter of a gigabyte, so no byte is wasted.
 * Other endpoints are referred to by their places in the table; 0 is none.
 */
struct endpoint {
	uint64_t cookie;
	uint64_t created;		/* or when it was first seen (EP_PREEXISTING) */
	uint64_t since;		/* entered its state, if EP_SINCE */
	uint64_t last;		/* last step of either endpoint of the connection */
	uint64_t fin;		/* time of the first FIN, 0: not seen; EP_HALF_CLOSED: from it to the second */
	uint64_t bytes_in;	/* how far rcv_nxt has advanced since the SYN, FIN included */
	uint64_t bytes_out;	/* how far snd_una has advanced since the SYN, FIN included */
	duration32 handshake;		/* its duration, if EP_HANDSHAKE */
	duration32 accept_wait;	/* in the accept queue, if EP_ACCEPTED */

	uint8_t saddr[TCPTRACE_ADDR_LEN];
	uint8_t daddr[TCPTRACE_ADDR_LEN];
	uint16_t sport;
	uint16_t dport;
	zone_ref zone;

	uint32_t iss, irs;
	/* As of its last record. */
	uint32_t snd_una, snd_nxt;
	union {
		uint32_t write_seq;
		uint32_t backlog_max;	/* LISTEN: maximum of the accept queue */
	};
	union {
		uint32_t rcv_nxt;
		uint32_t backlog;	/* LISTEN: length of the accept queue */
	};
	uint32_t copied_seq, snd_wnd, rcv_wnd;
	uint32_t recvq_peak, sendq_peak;
	uint32_t retransmits;

	uint32_t queue_stats;	/* queue_stats.h; 0: no record of level queue was seen */
	process_ref owner;	/* who connected, accepted or listens; otherwise the last user */
	process_ref closer;	/* who closed or reset first, on either side, if that is on this host */

	union {
		uint32_t written;	/* write_seq as of the last reported write, with queue_stats */
		uint32_t unread;	/* WHY_UNREAD: bytes, 0: not known */
		uint32_t stamp;		/* low half of the time of the segment that led to FIN_WAIT2 */
		uint32_t timeout;	/* of the timewait socket, ms after `since` (EP_SINCE) or `created` */
	};
	uint32_t flags;		/* END_ */
	uint32_t peer;		/* the other endpoint, if that is on this host */
	uint32_t cookie_next, tuple_next;
	uint16_t epoch;		/* of the model, when its records were last complete */
	uint8_t error;		/* errno that ended it */
	uint8_t reset_reason;	/* enum sk_rst_reason + 1, 0: not in this kernel */
	uint8_t family;
	uint8_t kind;		/* enum tcptrace_kind */
	uint8_t state;		/* enum tcptrace_state */
	uint8_t why;		/* enum why */
};

static inline uint32_t endpoint_netns(const struct endpoint *ep)
{
	return zone_at(ep->zone)->netns;
}

struct model_options {
	uint32_t max_endpoints;	/* 0: MODEL_ENDPOINTS_MAX */
	/* Whether an unknown endpoint is added; NULL: always. */
	bool (*wanted)(const struct tcptrace_record *record, void *arg);
	/* Whether model_next() returns an endpoint; NULL: always. */
	bool (*shown)(const struct endpoint *ep, void *arg);
	void *arg;
};

/* The effect of one record. Valid until the next call that changes the model. */
struct step {
	const struct tcptrace_record *record;
	const struct endpoint *ep;	/* as it is now; NULL: none, or there was no room for it */
	const struct endpoint *peer;	/* the other endpoint, if that is on this host */
	uint64_t since;		/* ns since the previous step of this connection, or UNKNOWN */
	uint64_t in_state;	/* ns that the endpoint spent in old_state, or UNKNOWN */
	uint64_t waited;	/* READ: ns that the oldest byte read now had waited, or UNKNOWN */
	uint32_t bytes;		/* SEND, RECV, ACK: moved now, without SYN and FIN; else: received before the FIN */
	uint32_t window;	/* ACK: the peer's window before this step */
	uint32_t pid;		/* who did it, or who owns the endpoint; 0: unknown */
	const char *comm;
	uint8_t old_state, new_state;
	bool did;		/* `pid` did it */
	bool control;		/* ACK: also of this endpoint's SYN or FIN */
	bool merged;		/* FIN_WAIT2, TIME_WAIT: the ACK of the FIN and the peer's FIN were one segment */
	bool verdict;		/* the endpoint's verdict is due now */
};

enum model_outcome {
	MODEL_SKIP,	/* nothing to show */
	MODEL_STEP,
	MODEL_LOST,	/* a LOST record: the model may be out of date */
};

struct model;

/* NULL: no memory. */
struct model *model_new(const struct model_options *options);
void model_free(struct model *model);

/* `next`: the next record of the same endpoint, if the step depends on it and it is known (fin_lookahead.h); else NULL. */
enum model_outcome model_apply(struct model *model, const struct tcptrace_record *record,
			       const struct tcptrace_record *next, struct step *step);

/*
 * An endpoint whose verdict waited for a RST that was not received: the next one that closed at or before `time`, or
 * NULL. Valid until the next call that changes the model.
 */
const struct endpoint *model_settle(struct model *model, uint64_t time);
/*
 * Records that belong together, such as a change to CLOSE and its RST, or a segment and its change, are at most this
 * far apart: they are made in one run of the same CPU, which may be interrupted.
 */
#define MODEL_SETTLE_NS		200000000
bool model_pending(const struct model *model);

const struct endpoint *model_find(const struct model *model, uint64_t cookie);
const struct endpoint *model_peer(const struct model *model, const struct endpoint *ep);
/* The listener of its connection, by local address and port; NULL: unknown. */
const struct endpoint *model_listener(const struct model *model, const struct endpoint *ep);
/* The process of the endpoint or, until it is accepted, of its listener. Never NULL: see process_at(). */
const struct process *model_owner(const struct model *model, const struct endpoint *ep);
/* All endpoints that have not ended and are shown; *place is 0 initially. NULL: no more. */
const struct endpoint *model_next(const struct model *model, uint32_t *place);

/* The endpoint's place in the table, from 1; reused after it is removed. */
uint32_t model_place(const struct model *model, const struct endpoint *ep);

uint32_t model_endpoint_count(const struct model *model);
/* The number of records of endpoints for which there was no room. */
uint64_t model_full(const struct model *model);

/* ---- for bootstrap.c ---- */

/* An existing socket, from a record of type SNAPSHOT. NULL: not wanted, or no room. */
struct endpoint *model_bootstrap(struct model *model, const struct tcptrace_record *record);
/* An endpoint that was in `old_state` of its first event, from that event. */
struct endpoint *model_bootstrap_before(struct model *model, const struct tcptrace_record *event);
/* Its snapshot was too late: the endpoint was still in `old_state` of its first event. */
void model_step_back(struct endpoint *ep, const struct tcptrace_record *event);
void model_forget(struct model *model, uint64_t cookie);
struct endpoint *model_endpoint(struct model *model, uint64_t cookie);

/* ---- an endpoint's counters, as record_recvq() and similar functions ---- */

/*
 * Fills an endpoint outside any table: from a record of type SNAPSHOT, or as a copy of another one, whose queue
 * statistics it shares as long as that one exists. What *ep was before is ignored. endpoint_release() when done with
 * it.
 */
void endpoint_from_snapshot(struct endpoint *ep, const struct tcptrace_record *record);
void endpoint_copy(struct endpoint *ep, const struct endpoint *other);
void endpoint_release(struct endpoint *ep);

uint32_t endpoint_recvq(const struct endpoint *ep);
uint32_t endpoint_sendq(const struct endpoint *ep);
/* The remaining time of a timewait socket, ns; 0 for others. */
uint64_t endpoint_left(const struct endpoint *ep, uint64_t time);

/*
 * The longest time that a byte waited, or waits at `time`, to be read; UNKNOWN: none waited, or it is not known. An
 * endpoint without records since it was found has not changed, if records of level queue were recorded: `followed` says
 * so. *at_least: the byte was already waiting when the endpoint was found.
 */
uint64_t endpoint_read_delay(const struct endpoint *ep, uint64_t time, bool followed, bool *at_least);

/*
 * How long it has been in the accept queue at `time`: since the last ACK of its handshake; with a SYN cookie or fast
 * open, since it was created. UNKNOWN: its entry was not seen.
 */
static inline uint64_t endpoint_waits(const struct endpoint *ep, uint64_t time)
{
	if (!(ep->flags & (EP_HANDSHAKE | EP_COOKIE)))
		return UNKNOWN;
	return time - ep->created - (ep->flags & EP_HANDSHAKE ? duration32_ns(ep->handshake) : 0);
}

/* How long it waited for accept(). */
static inline uint64_t endpoint_waited(const struct endpoint *ep)
{
	return ep->flags & EP_ACCEPTED ? duration32_ns(ep->accept_wait) : UNKNOWN;
}

#endif
