/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the model's parts share, and nobody else includes:
 *
 *   model.c    one record after the other; what is over
 *   create.c    endpoints that begin, or that were there before
 *   counters.c  sequence numbers, totals, queues
 *   change.c   what each type of record changes
 *   endpoint_table.c     the table
 */
#ifndef TCPTRACE_MODEL_IMPL_H
#define TCPTRACE_MODEL_IMPL_H

#include <stddef.h>
#include <string.h>

#include "model/endpoint_table.h"
#include "model/model.h"
#include "record/record.h"

/* An endpoint that waits for its RST, as long as it is there and EP_PENDING. */
struct pending {
	uint64_t cookie;
	uint32_t place;
};

struct model {
	struct endpoint_table table;
	struct model_options options;
	uint32_t retired;		/* its last step was handed out: gone with the next call */
	uint16_t epoch;		/* counts the LOST records */
	uint64_t full;

	/* In order of time; a ring of `pending_room` places. */
	struct pending *pending;
	uint32_t pending_first, pending_count, pending_room;
};

/* A record on its way through the model. */
struct change {
	struct model *model;
	const struct tcptrace_record *record;
	struct step *step;
	uint32_t place;
	struct endpoint *ep;
	struct endpoint *peer;
};

/* In these no data has passed yet, but for fast open's, which the totals have. */
static inline bool state_handshaking(uint8_t state)
{
	return state == TCPTRACE_S_SYN_SENT || state == TCPTRACE_S_SYN_RECV ||
	       state == TCPTRACE_S_CLOSE;
}

/* Who did it, or holds the socket: puts that in the place of whom an endpoint has there. */
static inline void take_owner(process_ref *owner, const struct tcptrace_record *record)
{
	if (record->pid)
		process_ref_set(owner, record->pid, record->comm);
}

/* ---- model.c ---- */

bool model_wanted(const struct model *model, const struct tcptrace_record *record);
/* Gone at once, with all that points to it. */
void model_remove(struct model *model, uint32_t place);
/* The endpoint of the last step, which views may have looked at until now. */
static inline void model_remove_retired(struct model *model)
{
	if (model->retired)
		model_remove(model, model->retired);
}

/* Over: it goes with the next record. */
void model_retire(struct change *change);
/* The same, and its verdict is said now; or it is said once it is clear that no RST follows. */
void model_settled(struct change *change);
void model_unsettled(struct change *change);

/* ---- create.c ---- */

/* A new place, 0: no room, which is counted. */
uint32_t model_add(struct model *model, const struct tcptrace_record *record);
/* The same, of an endpoint in old_state of `event`, about which nothing was known before. */
uint32_t model_add_before(struct model *model, const struct tcptrace_record *event);
/* change->ep is new, change->record its first. */
void model_begin(struct change *change);
/* Looks for the other endpoint, once iss and irs are set as far as they are known. */
void model_find_peer(struct model *model, uint32_t place);

/* ---- counters.c ---- */

_Static_assert(sizeof(struct endpoint) == 192, "and no byte more");

_Static_assert(offsetof(struct endpoint, rcv_wnd) - offsetof(struct endpoint, snd_una) ==
	       offsetof(struct tcptrace_record, rcv_wnd) - offsetof(struct tcptrace_record, snd_una),
	       "the same seven numbers in the same order");

/*
 * Up to where data has come that was told of. In its fast path tcp_rcv_established() queues a segment's data, then takes
 * in its ack, and tells the application of the data behind that: which is when RECV tells of it, too.
 */
static inline uint32_t counters_rcv_nxt(const struct endpoint *ep, const struct tcptrace_record *record)
{
	bool ack = record->type == TCPTRACE_T_ACK || record->type == TCPTRACE_T_WINDOW;

	return ack && ep->flags & EP_SYNCED ? ep->rcv_nxt : record->rcv_nxt;
}

static inline void counters_copy(struct endpoint *ep, const struct tcptrace_record *record)
{
	memcpy(&ep->snd_una, &record->snd_una, 7 * sizeof(uint32_t));
}

/* `written` has its place among what an endpoint has that is not open to write any more. */
static inline void counters_written(struct endpoint *ep, uint32_t write_seq)
{
	const uint32_t open = 1u << TCPTRACE_S_SYN_SENT | 1u << TCPTRACE_S_SYN_RECV |
			      1u << TCPTRACE_S_ESTABLISHED | 1u << TCPTRACE_S_CLOSE_WAIT;

	if (ep->kind != TCPTRACE_K_TIMEWAIT && open & 1u << ep->state)
		ep->written = write_seq;
}

static inline void counters_peaks(struct endpoint *ep, uint32_t recvq, uint32_t sendq)
{
	if (recvq > ep->recvq_peak)
		ep->recvq_peak = recvq;
	if (sendq > ep->sendq_peak)
		ep->sendq_peak = sendq;
}

/* What one endpoint knows of its numbers, the other one knows of its own. */
void counters_know_irs(struct model *model, struct endpoint *ep, uint32_t irs);
void counters_know_iss(struct model *model, struct endpoint *ep, uint32_t iss);
/* u.totals of a full socket. */
void counters_take_totals(struct endpoint *ep, const struct tcptrace_record *record);
/*
 * Of a full socket that is there, once its other endpoint was looked for: where its numbers begin, as far as totals tell.
 * They do not tell whether it connected, which moves its own by one: that is left to the other endpoint's, if it is here.
 */
void counters_derive(struct model *model, struct endpoint *ep, const struct tcptrace_record *record);
/* All that a record of a full socket says of its queues. */
void counters_take(struct model *model, struct endpoint *ep, const struct tcptrace_record *record);
/* A listener's accept queue, as its own record has it. */
static inline void counters_copy_backlog(struct endpoint *ep, const struct tcptrace_record *record)
{
	ep->backlog = record->u.listen.backlog;
	ep->backlog_max = record->u.listen.backlog_max;
}

/* The same, as a record of one of its connections tells of it. */
void counters_take_backlog(struct model *model, const struct tcptrace_record *record);

/* ---- change.c ---- */

/* By its type. `change->ep` has the record's counters already, but where record_has_queue(). */
void change_apply(struct change *change);
/* Of a STATE or TIMEWAIT, before its counters are taken over. */
void change_data_before_fin(struct change *change);

#endif
