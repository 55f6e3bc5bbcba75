// SPDX-License-Identifier: GPL-2.0-only
/* What each type of record changes: TCP's state machine, as seen by an observer. */
#include <errno.h>

#include "model/model_impl.h"
#include "model/queue_stats.h"

/* ---- the state machine ---- */

static void established(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	if (!(ep->flags & EP_IRS))
		counters_know_irs(change->model, ep, record->rcv_nxt - 1);
	/* With a SYN cookie the time of the SYN is not known, and a restored endpoint had no handshake here. */
	if (!(ep->flags & (EP_PREEXISTING | EP_COOKIE | EP_RESTORED))) {
		ep->handshake = duration32_of(record->time - ep->created);
		ep->flags |= EP_HANDSHAKE;
	}
	if (!ep->peer) {
		model_find_peer(change->model, change->place);
		change->peer = endpoint_at(&change->model->table, ep->peer);
	}
}

static void on_state(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	ep->kind = TCPTRACE_K_FULL;
	change_enter(change, record->new_state);
	switch (record->new_state) {
	case TCPTRACE_S_ESTABLISHED:
		established(change);
		break;
	case TCPTRACE_S_FIN_WAIT1:
	case TCPTRACE_S_LAST_ACK:
		close_sent_fin(change);
		change->step->did = record->pid;
		break;
	case TCPTRACE_S_FIN_WAIT2:
		ep->flags |= EP_FIN_ACKED;
		ep->stamp = record->stamp;
		break;
	case TCPTRACE_S_CLOSING:
		ep->flags |= EP_CROSSED;
		/* fallthrough */
	case TCPTRACE_S_CLOSE_WAIT:
		close_received_fin(change);
		break;
	case TCPTRACE_S_CLOSE:
		change->step->did = record->pid && close_by_app(change);
		close_ended(change);
		break;
	}
}

static void accepted(struct change *change)
{
	struct endpoint *ep = change->ep;
	uint64_t waited = endpoint_waits(ep, change->record->time);

	if (waited == UNKNOWN || ep->flags & EP_ACCEPTED)
		return;
	ep->accept_wait = duration32_of(waited);
	ep->flags |= EP_ACCEPTED;
}

/*
 * A half-open connection ends with its listener, which the record then no longer names. Otherwise, unless the record
 * says what ended it, a segment did: one that on_reply() has seen answered by a RST, or the peer's RST.
 */
static void given_up(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	if (record->op == TCPTRACE_OP_UNREACHABLE)
		ep->why = WHY_ICMP;
	else if (record->op == TCPTRACE_OP_DESTROYED)
		close_destroyed(change);
	else if (!record->u.listen.listener)
		ep->flags |= EP_CLOSED;
	else if (record->op == TCPTRACE_OP_TIMEDOUT)
		ep->error = ETIMEDOUT;
	else if (!(ep->flags & EP_RST_SENT))
		ep->flags |= EP_RST_RCVD;
}

static void on_request(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	counters_take_backlog(change->model, record);
	if (record->u.listen.retransmits > ep->retransmits)
		ep->retransmits = record->u.listen.retransmits;
	if (!record_ends_request(record)) {
		ep->kind = record->kind;
		return;
	}
	change_enter(change, TCPTRACE_S_CLOSE);
	given_up(change);
	ep->flags |= EP_OVER;
	model_settled(change);
}

/* ---- data ---- */

static void count_requests(struct endpoint *ep, bool in)
{
	struct queue_stats *stats = queue_stats_of(ep);

	if (stats)
		queue_stats_sent(stats, in);
}

static inline uint32_t moved(const struct endpoint *ep, uint32_t now, uint32_t before)
{
	return ep->flags & EP_SYNCED && seq_after(now, before) ? now - before : 0;
}

/*
 * The segment with the FIN may carry data, and the FIN may close the gap before data received out of order: tcp_fin()
 * runs when they are queued, before tcp_data_queue() reports them.
 */
void change_data_before_fin(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	if (!ep->queue_stats || ep->flags & EP_FIN_COUNTED || !(record->flags & TCPTRACE_F_FIN))
		return;
	change->step->bytes = moved(ep, record->rcv_nxt - 1, ep->rcv_nxt);
	if (change->step->bytes)
		count_requests(ep, true);
}

/*
 * MSG_PEEK reports as well, and removes nothing. Older modules report a read with MSG_WAITALL more than once, each time
 * everything that it has so far. Without a number of bytes it is not known whether it was a read.
 */
static uint32_t taken(const struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t way = moved(ep, record->copied_seq, ep->copied_seq), bytes = record->u.queue.bytes;

	if (!bytes)
		return way;
	return !(ep->flags & EP_SYNCED) || bytes < way ? bytes : way;
}

/*
 * Other records of this endpoint may come in between: a call that writes more than one segment has sent the first ones,
 * and processed their ACKs, before it reports.
 */
static uint32_t written(struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t bytes = moved(ep, record->write_seq, ep->queue_stats ? ep->written : ep->write_seq);

	counters_written(ep, record->write_seq);
	return bytes;
}

/* Before the counters are updated: the difference is what is new. */
static void on_queue(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct step *step = change->step;
	struct endpoint *ep = change->ep;

	if (!ep->queue_stats)
		queue_stats_begin(ep, record);
	step->bytes = record->u.queue.bytes;
	if (record->op == TCPTRACE_OP_PROBE || record->op == TCPTRACE_OP_KEEPALIVE)
		return;
	if (record->type == TCPTRACE_T_ACK || record->type == TCPTRACE_T_WINDOW) {
		step->window = ep->snd_wnd;
		step->control = step->bytes && (state_handshaking(record->old_state) ||
						(ep->flags & EP_FIN_SENT &&
						 record->snd_una == record->write_seq));
		step->bytes -= step->control;
		return;
	}
	if (record->op == TCPTRACE_OP_QUEUED) {
		step->bytes = moved(ep, record->rcv_nxt, ep->rcv_nxt);
		if (step->bytes)
			count_requests(ep, true);
		return;
	}
	if (record->op == TCPTRACE_OP_READ)
		step->bytes = taken(ep, record);
	if (record->op == TCPTRACE_OP_WRITTEN) {
		step->bytes = written(ep, record);
		if (step->bytes)
			count_requests(ep, false);
	}
	step->did = record->pid;
	if (record->pid != process_at(ep->owner)->pid)
		take_owner(&ep->owner, record);
}

/* The kernel also holds data lost without the timer, when the peer takes back what it had acknowledged by SACK. */
static void on_retransmit(struct endpoint *ep, const struct tcptrace_record *record)
{
	if (record->u.retransmit.total > ep->retransmits)
		ep->retransmits = record->u.retransmit.total;
	if (record->op == TCPTRACE_OP_RTO)
		ep->flags |= EP_TIMED_OUT;
	else if (record->op != TCPTRACE_OP_LOSS)
		ep->flags &= ~EP_TIMED_OUT;
}

void change_apply(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	switch (record->type) {
	case TCPTRACE_T_STATE:
		on_state(change);
		break;
	case TCPTRACE_T_REQUEST:
		on_request(change);
		break;
	case TCPTRACE_T_TIMEWAIT:
		close_timewait(change);
		break;
	case TCPTRACE_T_RESET:
		close_reset(change);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
	case TCPTRACE_T_ACK:
	case TCPTRACE_T_WINDOW:
		on_queue(change);
		break;
	case TCPTRACE_T_RETRANSMIT:
		on_retransmit(ep, record);
		break;
	case TCPTRACE_T_DROP:
		if (record->op != TCPTRACE_OP_SEGMENT)
			counters_take_backlog(change->model, record);
		break;
	case TCPTRACE_T_ACCEPT:
		counters_take_backlog(change->model, record);
		accepted(change);
		/* fallthrough */
	case TCPTRACE_T_CONNECT:
		change->step->did = record->pid;
		take_owner(&ep->owner, record);
		break;
	case TCPTRACE_T_SHUTDOWN:
		change->step->did = record->pid;
		if (record->op == TCPTRACE_OP_CLOSE)
			ep->flags |= EP_CLOSED;
		if (!ep->owner)
			take_owner(&ep->owner, record);
		break;
	case TCPTRACE_T_LISTEN:
		change->step->did = record->pid;
		take_owner(&ep->owner, record);
		counters_copy_backlog(ep, record);
		if (record->new_state == TCPTRACE_S_CLOSE) {
			change_enter(change, TCPTRACE_S_CLOSE);
			ep->flags |= EP_OVER;
			model_retire(change);
		}
		break;
	}
}
