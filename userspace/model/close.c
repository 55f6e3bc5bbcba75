// SPDX-License-Identifier: GPL-2.0-only
/* How an endpoint ends: FINs, RSTs, timewait sockets, and who caused it. */
#include <errno.h>

#include "model/model_impl.h"

/* Notes who acted on this endpoint, if the record says so; both endpoints have to know who closed first. */
static void closed_by(struct change *change, const struct tcptrace_record *record)
{
	struct endpoint *ep = change->ep, *peer = change->peer;

	take_owner(&ep->closer, record);
	if (peer)
		process_ref_share(&peer->closer, ep->closer);
}

/* `closer` of this endpoint caused the RST. */
static void is_culprit(struct change *change)
{
	change->ep->flags |= EP_CULPRIT;
	if (change->peer)
		change->peer->flags |= EP_CULPRIT;
}

static void second_fin(struct change *change)
{
	struct endpoint *ep = change->ep;

	if (!ep->fin || ep->flags & EP_HALF_CLOSED)
		return;
	ep->fin = change->record->time - ep->fin;
	ep->flags |= EP_HALF_CLOSED;
}

/* Was the peer's FIN acknowledged by this side's FIN? If data is sent before that, the data do. */
static void note_ack(struct endpoint *ep, const struct tcptrace_record *record)
{
	enum record_ack ack = record_ack_of_fin(record);

	if (ack != RECORD_ACK_UNKNOWN)
		ep->flags |= ack == RECORD_ACK_MERGED ? EP_MERGED : EP_ACK_ALONE;
}

void close_sent_fin(struct change *change)
{
	struct endpoint *ep = change->ep;

	ep->flags |= EP_FIN_SENT;
	if (change->record->new_state == TCPTRACE_S_LAST_ACK) {
		ep->flags |= EP_REMOTE_FIRST | EP_FIN_RCVD;
		second_fin(change);
		note_ack(ep, change->record);
		return;
	}
	ep->flags |= EP_LOCAL_FIRST;
	if (!(ep->flags & EP_HALF_CLOSED))
		ep->fin = change->record->time;
	closed_by(change, change->record);
}

void close_received_fin(struct change *change)
{
	struct endpoint *ep = change->ep;

	ep->flags |= EP_FIN_RCVD;
	if (ep->flags & EP_FIN_SENT) {
		second_fin(change);
		return;
	}
	ep->flags |= EP_REMOTE_FIRST;
	if (!(ep->flags & EP_HALF_CLOSED))
		ep->fin = change->record->time;
}

bool close_by_app(const struct change *change)
{
	const struct tcptrace_record *record = change->record;

	if (record->type != TCPTRACE_T_STATE || record->new_state != TCPTRACE_S_CLOSE ||
	    !(record->flags & TCPTRACE_F_TASK))
		return false;
	if (record->error)
		return record->error == ECONNABORTED;
	/* With unread data, close() resets in any state. */
	if (change->ep->flags & EP_CLOSED && record_unread(record))
		return true;
	return (record->old_state == TCPTRACE_S_ESTABLISHED || record->old_state == TCPTRACE_S_CLOSE_WAIT ||
		record->old_state == TCPTRACE_S_SYN_SENT || record->old_state == TCPTRACE_S_SYN_RECV);
}

static void abort_reason(struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t unread = record_unread(record);

	if (record->error == ECONNABORTED) {
		ep->why = WHY_DESTROYED;
	} else if (ep->flags & EP_CLOSED && unread) {
		ep->why = WHY_UNREAD;
		ep->unread = unread;
	} else if (ep->flags & EP_CLOSED && record->flags & TCPTRACE_F_LINGER) {
		ep->why = WHY_LINGER;
	} else if (!(ep->flags & (EP_CLOSED | EP_PREEXISTING)) && ep->flags & EP_PASSIVE &&
		   !ep->owner) {
		ep->why = WHY_UNACCEPTED;
	}
}

/* True if no later record can say more about how this endpoint ended. */
static bool reason_is_known(const struct endpoint *ep, const struct tcptrace_record *record)
{
	/*
	 * tcp_reset() is also called for data after close(), which a RST answers. On 5.10 this looks like a received
	 * RST.
	 */
	if (record->error == ECONNRESET && record->flags & TCPTRACE_F_SHUT_RCV &&
	    (record->old_state == TCPTRACE_S_FIN_WAIT1 || record->old_state == TCPTRACE_S_FIN_WAIT2))
		return ep->flags & EP_RST_SENT;
	if (ep->flags & (EP_RST_RCVD | EP_RST_SENT) || record->old_state == TCPTRACE_S_SYN_SENT)
		return true;
	/* close() and disconnect() set no error; their RST follows. */
	if (record->error && record->error != ECONNABORTED)
		return true;
	return ep->flags & EP_FIN_SENT && ep->flags & EP_FIN_RCVD && ep->flags & EP_FIN_ACKED;
}

/* The peer's FIN was received in the segment of the ACK of this side's. */
static void fins_merged(struct change *change)
{
	change->step->merged = true;
	change->ep->flags |= EP_MERGED;
	if (change->peer && !(change->peer->flags & EP_ACK_ALONE))
		change->peer->flags |= EP_MERGED;
}

void close_ended(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	/* It never was a connection: there is nothing to say about how it ended. */
	if (record_syn_unsent(record)) {
		ep->flags |= EP_OVER;
		model_retire(change);
		return;
	}
	ep->error = record->error > 0 && record->error <= UINT8_MAX ? record->error : 0;
	if (record->flags & TCPTRACE_F_FIN && !(ep->flags & EP_FIN_RCVD))
		close_received_fin(change);
	if (record->flags & TCPTRACE_F_ORPHAN)
		ep->flags |= EP_ORPHAN;
	if (record->old_state == TCPTRACE_S_LAST_ACK && !record->error &&
	    record->snd_una == record->write_seq)
		ep->flags |= EP_FIN_ACKED;
	if (record_fin_merged(record, ep->stamp))
		fins_merged(change);
	if (close_by_app(change)) {
		abort_reason(ep, record);
		closed_by(change, record);
		is_culprit(change);
	}
	ep->flags |= EP_OVER;
	if (reason_is_known(ep, record))
		model_settled(change);
	else
		model_unsettled(change);
}

void close_destroyed(struct change *change)
{
	struct endpoint *ep = change->ep;

	ep->error = ECONNABORTED;
	ep->why = WHY_DESTROYED;
	closed_by(change, change->record);
	change->step->did = change->record->pid;
}

/* The time of its timer, which starts with this record. */
static void hold(struct change *change)
{
	struct endpoint *ep = change->ep;
	uint64_t from = ep->flags & EP_SINCE ? ep->since : ep->created;

	ep->timeout = change->record->u.totals.timeout + (change->record->time - from) / 1000000;
}

/* The full socket is gone; its timewait socket continues in `new_state`. */
static void begin_timewait(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;
	bool merged = ep->state == TCPTRACE_S_FIN_WAIT2 && record_fin_merged(record, ep->stamp);

	ep->kind = TCPTRACE_K_TIMEWAIT;
	ep->flags |= EP_FIN_SENT | EP_FIN_ACKED;
	if (record->new_state != record->old_state)
		change_enter(change, record->new_state);
	hold(change);
	if (record->new_state == record->old_state)
		return;
	if (!(ep->flags & EP_FIN_RCVD))
		close_received_fin(change);
	change->step->verdict = true;
	if (merged)
		fins_merged(change);
	else
		ep->flags |= EP_ACK_ALONE;
}

void close_timewait(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	switch (record->op) {
	case TCPTRACE_OP_BEGIN:
		begin_timewait(change);
		return;
	case TCPTRACE_OP_SUBSTATE:
		change_enter(change, record->new_state);
		close_received_fin(change);
		hold(change);
		change->step->verdict = true;
		return;
	case TCPTRACE_OP_RESTART:
		hold(change);
		return;
	default:
		change_enter(change, TCPTRACE_S_CLOSE);
		ep->flags |= EP_OVER;
		ep->timeout = 0;
		model_retire(change);
		/* Its verdict was given when it entered TIME_WAIT; if it never did, the peer never closed. */
		if (record->old_state == TCPTRACE_S_FIN_WAIT2) {
			ep->flags |= EP_ORPHAN;
			if (record->error == ECONNRESET)
				ep->flags |= EP_RST_RCVD;
			if (record->op == TCPTRACE_OP_END)
				ep->error = ETIMEDOUT;
			change->step->verdict = true;
		}
	}
}

/* Data for an endpoint that does not receive any more is answered with a RST. */
static void late_data(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;

	if (ep->flags & EP_CLOSED || record->flags & TCPTRACE_F_ORPHAN)
		ep->why = WHY_LATE;
	else if (record->flags & TCPTRACE_F_SHUT_RCV)
		ep->why = WHY_SHUTDOWN;
	if (ep->flags & EP_LOCAL_FIRST && ep->closer)
		is_culprit(change);
}

/* tcp_send_active_reset() in a task: that one calls close(), disconnects, or destroys the socket. */
static void aborted_by_task(struct change *change)
{
	closed_by(change, change->record);
	is_culprit(change);
}

/* An orphan that ends by a RST does not report it. */
static void tell_peer(const struct endpoint *ep, struct endpoint *peer)
{
	bool orphan = peer->kind == TCPTRACE_K_TIMEWAIT && peer->state == TCPTRACE_S_FIN_WAIT2;

	if (peer->kind == TCPTRACE_K_TIMEWAIT && !orphan)
		return;
	peer->why = ep->why;
	peer->reset_reason = ep->reset_reason;
	if (orphan)
		peer->flags |= EP_RST_RCVD;
	else if (ep->why == WHY_UNREAD)
		peer->unread = ep->unread;
}

void close_reset(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep, *peer = change->peer;
	bool over = ep->flags & EP_OVER, orphan;

	if (record->op == TCPTRACE_OP_RECEIVED) {
		ep->flags |= EP_RST_RCVD;
		return;
	}
	/*
	 * While the endpoint exists, a reply answers a segment that was not its own. But an orphan is given up with it.
	 */
	orphan = ep->kind == TCPTRACE_K_TIMEWAIT && ep->state == TCPTRACE_S_FIN_WAIT2;
	if (record->op == TCPTRACE_OP_REPLIED && !over && !orphan)
		return;
	if (record->op == TCPTRACE_OP_REPLIED && ep->flags & EP_FIN_SENT)
		late_data(change);
	else if (record->op == TCPTRACE_OP_SENT && record->pid)
		aborted_by_task(change);
	ep->flags |= EP_RST_SENT;
	ep->reset_reason = record->u.segment.reason <= UINT8_MAX ? record->u.segment.reason : 0;
	if (peer)
		tell_peer(ep, peer);
	if (over)
		model_settled(change);
}
