/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the model share; not for other folders:
 *
 *   model.c           one record after the other; when an endpoint has ended
 *   create.c          endpoints that are created, or that existed before
 *   counters.c        sequence numbers, totals, queues
 *   change.c          what each type of record changes
 *   close.c           of these, what ends an endpoint: FINs, RSTs, timewait sockets
 *   endpoint_table.c  the table
 */
#ifndef TCPTRACE_MODEL_IMPL_H
#define TCPTRACE_MODEL_IMPL_H

#include <stddef.h>
#include <string.h>

#include "model/endpoint_table.h"
#include "model/model.h"
#include "record/record.h"

/* An endpoint that waits for its RST, while it exists and is EP_PENDING. */
struct pending {
	uint64_t cookie;
	uint32_t place;
};

struct model {
	struct endpoint_table table;
	struct model_options options;
	uint32_t retired;		/* its last step was returned: removed by the next call */
	uint16_t epoch;		/* number of LOST records */
	uint64_t full;

	/* In order of time; a ring of `pending_room` entries. */
	struct pending *pending;
	uint32_t pending_first, pending_count, pending_room;
};

/* A record being processed. */
struct change {
	struct model *model;
	const struct tcptrace_record *record;
	struct step *step;
	uint32_t place;
	struct endpoint *ep;
	struct endpoint *peer;
};

/* In these states no data has been transferred yet, except with fast open, whose totals have it. */
static inline bool state_handshaking(uint8_t state)
{
	return state == TCPTRACE_S_SYN_SENT || state == TCPTRACE_S_SYN_RECV ||
	       state == TCPTRACE_S_CLOSE;
}

/* Replaces *owner by the process that acted or holds the socket. */
static inline void take_owner(process_ref *owner, const struct tcptrace_record *record)
{
	if (record->pid)
		process_ref_set(owner, record->pid, record->comm);
}

/* ---- model.c ---- */

bool model_wanted(const struct model *model, const struct tcptrace_record *record);
/* Removes an endpoint and all references to it. */
void model_remove(struct model *model, uint32_t place);
/* Removes the endpoint of the last step, which views may have used until now. */
static inline void model_remove_retired(struct model *model)
{
	if (model->retired)
		model_remove(model, model->retired);
}

/* It has ended: it is removed with the next record. */
void model_retire(struct change *change);
/* The same, and its verdict is given now; or once it is clear that no RST follows. */
void model_settled(struct change *change);
void model_unsettled(struct change *change);

/* ---- create.c ---- */

/* A new place; 0: no room, which is counted. */
uint32_t model_add(struct model *model, const struct tcptrace_record *record);
/* The same for an endpoint in old_state of `event`, about which nothing was known. */
uint32_t model_add_before(struct model *model, const struct tcptrace_record *event);
/* change->ep is new, change->record is its first one. */
void model_begin(struct change *change);
/* Looks for the other endpoint, after iss and irs were set as far as they are known. */
void model_find_peer(struct model *model, uint32_t place);

/* ---- counters.c ---- */

_Static_assert(sizeof(struct endpoint) == 192, "and no byte more");

_Static_assert(offsetof(struct endpoint, rcv_wnd) - offsetof(struct endpoint, snd_una) ==
	       offsetof(struct tcptrace_record, rcv_wnd) - offsetof(struct tcptrace_record, snd_una),
	       "the same seven numbers in the same order");

/*
 * Up to where received data has been reported. In its fast path tcp_rcv_established() queues a segment's data, then
 * processes its ack, and then notifies the application of the data, which is when RECV reports it.
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

/* `written` shares its place with fields for which the endpoint must have closed its sending side. */
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

/* What one endpoint knows of its numbers, its peer knows, too. */
void counters_know_irs(struct model *model, struct endpoint *ep, uint32_t irs);
void counters_know_iss(struct model *model, struct endpoint *ep, uint32_t iss);
/* u.totals of a full socket. */
void counters_take_totals(struct endpoint *ep, const struct tcptrace_record *record);
/*
 * For an existing full socket, after its peer was looked up: where its numbers start, as far as the totals show. They
 * do not show whether it connected, which shifts its own numbers by one: that is taken from the peer, if it is on this
 * host.
 */
void counters_derive(struct model *model, struct endpoint *ep, const struct tcptrace_record *record);
/* Updates all queue counters from a record of a full socket. */
void counters_take(struct model *model, struct endpoint *ep, const struct tcptrace_record *record);
/* A listener's accept queue, from its own record. */
static inline void counters_copy_backlog(struct endpoint *ep, const struct tcptrace_record *record)
{
	ep->backlog = record->u.listen.backlog;
	ep->backlog_max = record->u.listen.backlog_max;
}

/* The same, from a record of one of its connections. */
void counters_take_backlog(struct model *model, const struct tcptrace_record *record);

/* ---- change.c ---- */

/*
 * By the type of the record. The counters of change->ep are already those of the record, except if record_has_queue().
 */
void change_apply(struct change *change);
/* For STATE or TIMEWAIT, before the counters are updated. */
void change_data_before_fin(struct change *change);

/* ---- close.c ---- */

/* The endpoint enters `state` with this record. */
static inline void change_enter(struct change *change, uint8_t state)
{
	struct endpoint *ep = change->ep;

	/* If a record in between was lost, the time of entering the state is not known. */
	if (ep->flags & EP_SINCE && ep->state == change->record->old_state)
		change->step->in_state = change->record->time - ep->since;
	ep->state = state;
	ep->since = change->record->time;
	ep->flags |= EP_SINCE;
}

/* STATE: it sends its FIN; it received the peer's; it is CLOSE. */
void close_sent_fin(struct change *change);
void close_received_fin(struct change *change);
void close_ended(struct change *change);
/* STATE: the local process, or a request such as that of ss -K, ends it without a FIN. */
bool close_by_app(const struct change *change);
/* REQUEST: by `ss -K` or the like. */
void close_destroyed(struct change *change);
/* By type. */
void close_timewait(struct change *change);
void close_reset(struct change *change);

#endif
