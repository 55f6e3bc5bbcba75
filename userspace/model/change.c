// SPDX-License-Identifier: GPL-2.0-only
/* What each type of record changes: TCP's state machine, as seen from beside it. */
#include <errno.h>

#include "model/model_impl.h"
#include "model/queue_stats.h"

/* ---- the state machine ---- */

static inline void enter(struct change *change, uint8_t state)
{
	struct end *end = change->end;

	/* Where a record between was lost, nobody knows since when it was in that state. */
	if (end->flags & END_SINCE && end->state == change->record->old_state)
		change->step->in_state = change->record->time - end->since;
	end->state = state;
	end->since = change->record->time;
	end->flags |= END_SINCE;
}

/* Who acted on this end, where a record says so: both ends have to know who closed first. */
static void closed_by(struct change *change, const struct tcptrace_record *record)
{
	struct end *end = change->end, *peer = change->peer;

	take_owner(&end->closer, record);
	if (peer)
		process_ref_share(&peer->closer, end->closer);
}

static void established(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	if (!(end->flags & END_IRS))
		counters_know_irs(change->model, end, record->rcv_nxt - 1);
	/* Of a SYN cookie nobody knows when its SYN came. */
	if (!(end->flags & (END_PREEXISTING | END_COOKIE))) {
		end->handshake = duration32_of(record->time - end->created);
		end->flags |= END_HANDSHAKE;
	}
	if (!end->peer) {
		model_find_peer(change->model, change->place);
		change->peer = ends_at(&change->model->ends, end->peer);
	}
}

static void second_fin(struct change *change)
{
	struct end *end = change->end;

	if (!end->fin || end->flags & END_HALF_CLOSED)
		return;
	end->fin = change->record->time - end->fin;
	end->flags |= END_HALF_CLOSED;
}

/* The FIN of this end, `end` being still in the state before. */
static void sent_fin(struct change *change)
{
	struct end *end = change->end;

	end->flags |= END_FIN_SENT;
	if (change->record->new_state == TCPTRACE_S_LAST_ACK) {
		end->flags |= END_REMOTE_FIRST | END_FIN_RCVD;
		second_fin(change);
		return;
	}
	end->flags |= END_LOCAL_FIRST;
	if (!(end->flags & END_HALF_CLOSED))
		end->fin = change->record->time;
	closed_by(change, change->record);
}

static void received_fin(struct change *change)
{
	struct end *end = change->end;

	end->flags |= END_FIN_RCVD;
	if (end->flags & END_FIN_SENT) {
		second_fin(change);
		return;
	}
	end->flags |= END_REMOTE_FIRST;
	if (!(end->flags & END_HALF_CLOSED))
		end->fin = change->record->time;
}

static bool app_aborts(const struct tcptrace_record *record)
{
	if (record->type != TCPTRACE_T_STATE || record->new_state != TCPTRACE_S_CLOSE ||
	    !(record->flags & TCPTRACE_F_TASK))
		return false;
	if (record->error == ECONNABORTED)
		return true;
	return !record->error &&
	       (record->old_state == TCPTRACE_S_ESTABLISHED || record->old_state == TCPTRACE_S_CLOSE_WAIT ||
		record->old_state == TCPTRACE_S_SYN_SENT || record->old_state == TCPTRACE_S_SYN_RECV);
}

static void abort_reason(struct end *end, const struct tcptrace_record *record)
{
	uint32_t unread = record_unread(record);

	if (record->error == ECONNABORTED) {
		end->why = WHY_DESTROYED;
	} else if (end->flags & END_CLOSED && unread) {
		end->why = WHY_UNREAD;
		end->unread = unread;
	} else if (end->flags & END_CLOSED && record->flags & TCPTRACE_F_LINGER) {
		end->why = WHY_LINGER;
	} else if (!(end->flags & (END_CLOSED | END_PREEXISTING)) && end->flags & END_PASSIVE &&
		   !end->owner) {
		end->why = WHY_UNACCEPTED;
	}
}

/* True once nothing that follows can say more of how this end came to its end. */
static bool reason_is_known(const struct end *end, const struct tcptrace_record *record)
{
	/* tcp_reset() is also for data that came after close(), whose RST follows. On 5.10 it looks like one that came. */
	if (record->error == ECONNRESET && record->flags & TCPTRACE_F_SHUT_RCV &&
	    (record->old_state == TCPTRACE_S_FIN_WAIT1 || record->old_state == TCPTRACE_S_FIN_WAIT2))
		return end->flags & END_RST_SENT;
	if (end->flags & (END_RST_RCVD | END_RST_SENT) || record->old_state == TCPTRACE_S_SYN_SENT)
		return true;
	/* close() and its kin leave no error; their RST follows. */
	if (record->error && record->error != ECONNABORTED)
		return true;
	return end->flags & END_FIN_SENT && end->flags & END_FIN_RCVD && end->flags & END_FIN_ACKED;
}

static void closed(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	end->error = record->error > 0 && record->error <= UINT8_MAX ? record->error : 0;
	if (record->flags & TCPTRACE_F_FIN && !(end->flags & END_FIN_RCVD))
		received_fin(change);
	if (record->flags & TCPTRACE_F_ORPHAN)
		end->flags |= END_ORPHAN;
	if (record->old_state == TCPTRACE_S_LAST_ACK && !record->error &&
	    record->snd_una == record->write_seq)
		end->flags |= END_FIN_ACKED;
	if (app_aborts(record)) {
		abort_reason(end, record);
		closed_by(change, record);
	}
	end->flags |= END_OVER;
	if (reason_is_known(end, record))
		model_settled(change);
	else
		model_unsettled(change);
}

static void on_state(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	end->kind = TCPTRACE_K_FULL;
	enter(change, record->new_state);
	switch (record->new_state) {
	case TCPTRACE_S_ESTABLISHED:
		established(change);
		break;
	case TCPTRACE_S_FIN_WAIT1:
	case TCPTRACE_S_LAST_ACK:
		sent_fin(change);
		change->step->did = record->pid;
		break;
	case TCPTRACE_S_FIN_WAIT2:
		end->flags |= END_FIN_ACKED;
		end->stamp = record->stamp;
		break;
	case TCPTRACE_S_CLOSING:
		end->flags |= END_CROSSED;
		/* fallthrough */
	case TCPTRACE_S_CLOSE_WAIT:
		received_fin(change);
		break;
	case TCPTRACE_S_CLOSE:
		change->step->did = record->pid && app_aborts(record);
		closed(change);
		break;
	}
}

static void accepted(struct change *change)
{
	struct end *end = change->end;
	uint64_t waited = end_waits(end, change->record->time);

	if (waited == UNKNOWN || end->flags & END_ACCEPTED)
		return;
	end->accept_wait = duration32_of(waited);
	end->flags |= END_ACCEPTED;
}

/*
 * A half-open connection goes with its listener, which the record does not name any more then. Else it was a segment:
 * one that on_reply() has seen answered by a RST, or the peer's RST. Nothing tells that from an ICMP error or ss -K,
 * and not the context either: what comes by a TUN device comes in a task.
 */
static void given_up(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	if (!record->u.listen.listener)
		end->flags |= END_CLOSED;
	else if (record->op == TCPTRACE_OP_TIMEDOUT)
		end->error = ETIMEDOUT;
	else if (!(end->flags & END_RST_SENT))
		end->flags |= END_RST_RCVD;
}

static void on_request(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	counters_take_backlog(change->model, record);
	if (record->u.listen.retransmits > end->retransmits)
		end->retransmits = record->u.listen.retransmits;
	if (record->op != TCPTRACE_OP_TIMEDOUT && record->op != TCPTRACE_OP_DROPPED) {
		end->kind = record->kind;
		return;
	}
	enter(change, TCPTRACE_S_CLOSE);
	given_up(change);
	end->flags |= END_OVER;
	model_settled(change);
}

/* The time of its timer, which runs from this record on. */
static void hold(struct change *change)
{
	struct end *end = change->end;
	uint64_t from = end->flags & END_SINCE ? end->since : end->created;

	end->timeout = change->record->u.totals.timeout + (change->record->time - from) / 1000000;
}

/* The full socket is gone, its timewait socket goes on in `new_state`. */
static void begin_timewait(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;
	bool merged = end->state == TCPTRACE_S_FIN_WAIT2 && record_fin_merged(record, end->stamp);

	end->kind = TCPTRACE_K_TIMEWAIT;
	end->flags |= END_FIN_SENT | END_FIN_ACKED;
	if (record->new_state != record->old_state)
		enter(change, record->new_state);
	hold(change);
	if (record->new_state == record->old_state)
		return;
	if (!(end->flags & END_FIN_RCVD))
		received_fin(change);
	change->step->verdict = true;
	if (!merged)
		return;
	change->step->merged = true;
	end->flags |= END_MERGED;
	if (change->peer)
		change->peer->flags |= END_MERGED;
}

static void on_timewait(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	switch (record->op) {
	case TCPTRACE_OP_BEGIN:
		begin_timewait(change);
		return;
	case TCPTRACE_OP_SUBSTATE:
		enter(change, record->new_state);
		received_fin(change);
		hold(change);
		change->step->verdict = true;
		return;
	case TCPTRACE_OP_RESTART:
		hold(change);
		return;
	default:
		enter(change, TCPTRACE_S_CLOSE);
		end->flags |= END_OVER;
		end->timeout = 0;
		model_retire(change);
		/* Its verdict came when it entered TIME_WAIT; if it never did, the peer never closed. */
		if (record->old_state == TCPTRACE_S_FIN_WAIT2) {
			end->flags |= END_ORPHAN;
			if (record->op == TCPTRACE_OP_END)
				end->error = ETIMEDOUT;
			change->step->verdict = true;
		}
	}
}

static void on_reset(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end, *peer = change->peer;
	bool over = end->flags & END_OVER, orphan;

	if (record->op == TCPTRACE_OP_RECEIVED) {
		end->flags |= END_RST_RCVD;
		return;
	}
	/* While it lives, a reply is to a segment that was not its own. But an orphan is given up with it. */
	orphan = end->kind == TCPTRACE_K_TIMEWAIT && end->state == TCPTRACE_S_FIN_WAIT2;
	if (record->op == TCPTRACE_OP_REPLIED && !over && !orphan)
		return;
	if (record->op == TCPTRACE_OP_REPLIED && end->flags & END_FIN_SENT)
		end->why = WHY_LATE;
	end->flags |= END_RST_SENT;
	end->reset_reason = record->u.segment.reason <= UINT8_MAX ? record->u.segment.reason : 0;
	/* An orphan that a RST kills does not say so. */
	if (peer && peer->kind == TCPTRACE_K_TIMEWAIT && peer->state == TCPTRACE_S_FIN_WAIT2) {
		peer->flags |= END_RST_RCVD;
	} else if (peer && peer->kind != TCPTRACE_K_TIMEWAIT) {
		peer->why = end->why;
		peer->reset_reason = end->reset_reason;
		if (end->why == WHY_UNREAD)
			peer->unread = end->unread;
	}
	if (over)
		model_settled(change);
}

/* ---- data ---- */

static void count_requests(struct end *end, bool in)
{
	if (!end->queue_stats)
		return;
	if (!(end->flags & END_ASKED)) {
		end->flags |= END_ASKED | (in ? END_ASKED_IN : 0);
		return;
	}
	if (in == !!(end->flags & END_ASKED_IN)) {
		end->flags &= ~END_ANSWERED;
	} else if (!(end->flags & END_ANSWERED)) {
		end->flags |= END_ANSWERED;
		queue_stats_of(end)->requests++;
	}
}

static inline uint32_t moved(const struct end *end, uint32_t now, uint32_t before)
{
	return end->flags & END_SYNCED && seq_after(now, before) ? now - before : 0;
}

/*
 * The segment with the FIN may bring data, and the FIN may close the gap before data that came out of order: tcp_fin() runs
 * when they are queued, and before tcp_data_queue() tells of them.
 */
void change_data_before_fin(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	if (!end->queue_stats || end->flags & END_FIN_COUNTED || !(record->flags & TCPTRACE_F_FIN))
		return;
	change->step->bytes = moved(end, record->rcv_nxt - 1, end->rcv_nxt);
	if (change->step->bytes)
		count_requests(end, true);
}

/*
 * Of a read: one with MSG_WAITALL tells more than once, each time of all that it has got; MSG_PEEK tells as well, and
 * takes nothing.
 */
static uint32_t taken(const struct end *end, const struct tcptrace_record *record)
{
	uint32_t way = moved(end, record->copied_seq, end->copied_seq);

	return !(end->flags & END_SYNCED) || record->u.queue.bytes < way ? record->u.queue.bytes : way;
}

/*
 * Other records of this end come between: a call that writes more than one segment has sent the first ones, and heard of
 * their ACKs, when it tells.
 */
static uint32_t written(struct end *end, const struct tcptrace_record *record)
{
	uint32_t bytes = moved(end, record->write_seq, end->queue_stats ? end->written : end->write_seq);

	counters_written(end, record->write_seq);
	return bytes;
}

/* Before the counters are taken over: what is new is the difference. */
static void on_queue(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct step *step = change->step;
	struct end *end = change->end;

	if (!end->queue_stats)
		queue_stats_begin(end, record);
	step->bytes = record->u.queue.bytes;
	if (record->op == TCPTRACE_OP_PROBE || record->op == TCPTRACE_OP_KEEPALIVE)
		return;
	if (record->type == TCPTRACE_T_ACK || record->type == TCPTRACE_T_WINDOW) {
		step->window = end->snd_wnd;
		step->control = step->bytes && (state_handshaking(record->old_state) ||
						(end->flags & END_FIN_SENT &&
						 record->snd_una == record->write_seq));
		step->bytes -= step->control;
		return;
	}
	if (record->op == TCPTRACE_OP_QUEUED) {
		step->bytes = moved(end, record->rcv_nxt, end->rcv_nxt);
		if (step->bytes)
			count_requests(end, true);
		return;
	}
	if (record->op == TCPTRACE_OP_READ)
		step->bytes = taken(end, record);
	if (record->op == TCPTRACE_OP_WRITTEN) {
		step->bytes = written(end, record);
		if (step->bytes)
			count_requests(end, false);
	}
	step->did = record->pid;
	if (record->pid != process_at(end->owner)->pid)
		take_owner(&end->owner, record);
}

void change_apply(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;

	switch (record->type) {
	case TCPTRACE_T_STATE:
		on_state(change);
		break;
	case TCPTRACE_T_REQUEST:
		on_request(change);
		break;
	case TCPTRACE_T_TIMEWAIT:
		on_timewait(change);
		break;
	case TCPTRACE_T_RESET:
		on_reset(change);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
	case TCPTRACE_T_ACK:
	case TCPTRACE_T_WINDOW:
		on_queue(change);
		break;
	case TCPTRACE_T_RETRANSMIT:
		if (record->u.retransmit.total > end->retransmits)
			end->retransmits = record->u.retransmit.total;
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
		take_owner(&end->owner, record);
		break;
	case TCPTRACE_T_SHUTDOWN:
		change->step->did = record->pid;
		if (record->op == TCPTRACE_OP_CLOSE)
			end->flags |= END_CLOSED;
		if (!end->owner)
			take_owner(&end->owner, record);
		break;
	case TCPTRACE_T_LISTEN:
		change->step->did = record->pid;
		take_owner(&end->owner, record);
		counters_copy_backlog(end, record);
		if (record->new_state == TCPTRACE_S_CLOSE) {
			enter(change, TCPTRACE_S_CLOSE);
			end->flags |= END_OVER;
			model_retire(change);
		}
		break;
	}
}
