// SPDX-License-Identifier: GPL-2.0-only
/* The sequence numbers and totals of an endpoint, taken from its records. */
#include "model/model_impl.h"
#include "model/queue_stats.h"

uint32_t endpoint_recvq(const struct endpoint *ep)
{
	int32_t queued = ep->rcv_nxt - ep->copied_seq;

	if (ep->state == TCPTRACE_S_LISTEN)
		return ep->backlog;
	return ep->kind == TCPTRACE_K_FULL && queued > 0 ? queued : 0;
}

uint32_t endpoint_sendq(const struct endpoint *ep)
{
	if (ep->state == TCPTRACE_S_LISTEN)
		return ep->backlog_max;
	return ep->kind == TCPTRACE_K_FULL ? ep->write_seq - ep->snd_una : 0;
}

uint64_t endpoint_left(const struct endpoint *ep, uint64_t time)
{
	uint64_t from = ep->flags & EP_SINCE ? ep->since : ep->created;
	uint64_t until = from + ep->timeout * 1000000ull;

	return ep->kind == TCPTRACE_K_TIMEWAIT && until > time ? until - time : 0;
}

uint64_t endpoint_read_delay(const struct endpoint *ep, uint64_t time, bool followed, bool *at_least)
{
	bool unread = endpoint_recvq(ep) > !!(ep->flags & EP_FIN_COUNTED) && ep->state != TCPTRACE_S_LISTEN;
	uint64_t since = ep->flags & EP_PREEXISTING ? time - ep->created : UNKNOWN;
	uint64_t delay = followed && unread ? since : UNKNOWN;

	if (ep->queue_stats)
		delay = queue_stats_longest(queue_stats_of(ep), time);
	*at_least = delay == since;
	return delay;
}

static inline void advance(uint64_t *count, uint32_t now, uint32_t before)
{
	if (seq_after(now, before))
		*count += now - before;
}

void counters_know_irs(struct model *model, struct endpoint *ep, uint32_t irs)
{
	struct endpoint *peer = endpoint_at(&model->table, ep->peer);

	ep->irs = irs;
	ep->flags |= EP_IRS;
	if (peer && !(peer->flags & EP_ISS)) {
		peer->iss = irs;
		peer->flags |= EP_ISS;
	}
}

void counters_know_iss(struct model *model, struct endpoint *ep, uint32_t iss)
{
	struct endpoint *peer = endpoint_at(&model->table, ep->peer);

	ep->iss = iss;
	ep->flags |= EP_ISS;
	if (peer && !(peer->flags & EP_IRS)) {
		peer->irs = iss;
		peer->flags |= EP_IRS;
	}
}

/*
 * The kernel's totals have 64 bits and are correct at once, whatever was missed. bytes_received is how far rcv_nxt has
 * advanced since the SYN. bytes_acked is the same for snd_una, but also counts the SYN if this endpoint connected; the
 * low half shows which.
 */
void counters_take_totals(struct endpoint *ep, const struct tcptrace_record *record)
{
	const struct tcptrace_totals *totals = &record->u.totals;
	uint64_t out = totals->bytes_out;

	if (ep->flags & EP_ISS) {
		uint32_t syn = (uint32_t)out - (record->snd_una - ep->iss - 1);

		if (!(ep->flags & (EP_ACTIVE | EP_PASSIVE | EP_RESTORED)) && !state_handshaking(record->old_state) && syn <= 1)
			ep->flags |= syn ? EP_ACTIVE : EP_PASSIVE;
		if (out && syn == 1)
			out--;
	}
	ep->bytes_in = totals->bytes_in;
	ep->bytes_out = out;
	if (totals->retransmits > ep->retransmits)
		ep->retransmits = totals->retransmits;
}

/* Where the numbers of an existing endpoint start. Unlike a snapshot's, these were read under the socket's lock. */
static void take_numbers(struct model *model, struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t irs = record->rcv_nxt - 1 - (uint32_t)ep->bytes_in;
	struct endpoint *peer = endpoint_at(&model->table, ep->peer);

	if (state_handshaking(record->old_state) ||
	    (ep->flags & EP_IRS && (ep->irs == irs || !(ep->flags & EP_PREEXISTING))))
		return;
	if (peer && peer->flags & EP_PREEXISTING)
		peer->flags &= ~EP_ISS;
	counters_know_irs(model, ep, irs);
}

void counters_derive(struct model *model, struct endpoint *ep, const struct tcptrace_record *record)
{
	if (!(ep->flags & EP_IRS))
		counters_know_irs(model, ep, record->rcv_nxt - 1 - (uint32_t)ep->bytes_in);
	/* Nothing was acknowledged, not even a SYN: it did not connect. */
	if (!(ep->flags & EP_ISS) && !record->u.totals.bytes_out) {
		ep->flags |= EP_PASSIVE;
		counters_know_iss(model, ep, record->snd_una - 1);
	}
}

/* Updates the queue counters from a record of a full socket. */
void counters_take(struct model *model, struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t rcv_nxt = counters_rcv_nxt(ep, record);
	int32_t queued = rcv_nxt - record->copied_seq;

	if (ep->flags & EP_SYNCED) {
		advance(&ep->bytes_in, rcv_nxt, ep->rcv_nxt);
		advance(&ep->bytes_out, record->snd_una, ep->snd_una);
	} else if (!state_handshaking(record->new_state)) {
		ep->flags |= EP_SYNCED;
		if (ep->queue_stats)
			counters_written(ep, record->write_seq);
	}
	counters_copy(ep, record);
	ep->rcv_nxt = rcv_nxt;
	if (record_has_totals(record)) {
		/* setsockopt() may have changed it, which no record reports. */
		endpoint_bind(ep, record->ifindex);
		counters_take_totals(ep, record);
		take_numbers(model, ep, record);
	}
	if (record->flags & TCPTRACE_F_FIN)
		ep->flags |= EP_FIN_COUNTED;
	counters_peaks(ep, queued > 0 ? queued : 0, record->write_seq - record->snd_una);
}

/* The record counted that connection, if it is in the queue. */
void counters_take_backlog(struct model *model, const struct tcptrace_record *record)
{
	const struct tcptrace_listen *listen = &record->u.listen;
	struct endpoint *listener = endpoint_at(&model->table, endpoint_table_find(&model->table, listen->listener));

	if (!listener || listener->state != TCPTRACE_S_LISTEN)
		return;
	listener->backlog = listen->backlog + (record->op == TCPTRACE_OP_ACKED);
	listener->backlog_max = listen->backlog_max;
	counters_peaks(listener, listener->backlog, 0);
}
