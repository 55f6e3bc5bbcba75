// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>

#include "model/queue_stats.h"
#include "model/verdict.h"
#include "record/record.h"
#include "view/text/explain.h"

struct topics {
	enum explain_topic *all;
	int count;
};

static void add(struct topics *topics, enum explain_topic topic)
{
	if (topics->count < EXPLAIN_MAX)
		topics->all[topics->count++] = topic;
}

static bool is(const struct step *step, uint32_t flags)
{
	return step->ep && step->ep->flags & flags;
}

static bool sends_nothing_more(uint8_t state)
{
	return state != TCPTRACE_S_ESTABLISHED && state != TCPTRACE_S_CLOSE_WAIT && state != TCPTRACE_S_SYN_RECV;
}

/* ---- the handshake ---- */

static void of_request(struct topics *topics, const struct tcptrace_record *record)
{
	const struct tcptrace_listen *listen = &record->u.listen;

	switch (record->op) {
	case TCPTRACE_OP_OPEN:
		add(topics, EXPLAIN_SYN_CAME);
		break;
	case TCPTRACE_OP_ACKED:
		add(topics, record->flags & TCPTRACE_F_COOKIE_SYN ? EXPLAIN_COOKIE_CAME : EXPLAIN_ACK_CAME);
		if (listen->retransmits)
			add(topics, EXPLAIN_SYN_ACK_AGAIN);
		if (listen->listener && listen->backlog + 1 > listen->backlog_max)
			add(topics, EXPLAIN_BACKLOG_FULL);
		break;
	case TCPTRACE_OP_TIMEDOUT:
		add(topics, listen->listener ? EXPLAIN_HALF_OPEN_TIMEDOUT : EXPLAIN_HALF_OPEN_DROPPED);
		break;
	case TCPTRACE_OP_DROPPED:
		add(topics, EXPLAIN_HALF_OPEN_DROPPED);
		break;
	case TCPTRACE_OP_UNREACHABLE:
		add(topics, EXPLAIN_HALF_OPEN_ICMP);
		break;
	case TCPTRACE_OP_DESTROYED:
		add(topics, EXPLAIN_HALF_OPEN_DESTROYED);
		break;
	}
}

static void of_established(struct topics *topics, const struct step *step)
{
	if (step->old_state == TCPTRACE_S_SYN_SENT) {
		if (step->record->flags & TCPTRACE_F_REPAIR)
			return;
		add(topics, step->record->flags & TCPTRACE_F_HELD ? EXPLAIN_SYN_ACK_CAME_HELD : EXPLAIN_SYN_ACK_CAME);
		if (is(step, EP_HANDSHAKE))
			add(topics, EXPLAIN_TOOK);
	} else if (is(step, EP_ACTIVE)) {
		add(topics, EXPLAIN_CROSSED_ESTABLISHED);
	} else {
		add(topics, EXPLAIN_ESTABLISHED);
		if (is(step, EP_HANDSHAKE))
			add(topics, EXPLAIN_IN_SYN_RECV);
	}
}

static void of_failed_connect(struct topics *topics, int error)
{
	if (error == ECONNREFUSED)
		add(topics, EXPLAIN_REFUSED);
	else if (error == ETIMEDOUT)
		add(topics, EXPLAIN_CONNECT_TIMEDOUT);
	else if (verdict_unreachable(error))
		add(topics, EXPLAIN_CONNECT_UNREACHABLE);
	else if (!error)
		add(topics, EXPLAIN_CONNECT_GIVEN_UP);
	else
		add(topics, EXPLAIN_ENDED_ERROR);
}

/* ---- data ---- */

static void of_read(struct topics *topics, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (!step->bytes) {
		if (record->u.queue.bytes)
			add(topics, EXPLAIN_LOOKED);
		return;
	}
	add(topics, record_read_by_mptcp(record) ? EXPLAIN_READ_MPTCP : EXPLAIN_READ);
	if (step->waited != UNKNOWN)
		add(topics, EXPLAIN_READ_DELAY);
	add(topics, record_unread(record) ? EXPLAIN_READ_LEFT : EXPLAIN_READ_ALL);
}

static void of_recv(struct topics *topics, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	switch (record->op) {
	case TCPTRACE_OP_QUEUED:
		/* The receive path reports a FIN alone, too. */
		if (!step->bytes)
			return;
		add(topics, EXPLAIN_CAME);
		if (record_unread(record) > step->bytes)
			add(topics, EXPLAIN_CAME_SLOW);
		if (!record->rcv_wnd)
			add(topics, EXPLAIN_OFFERS_NOTHING);
		break;
	case TCPTRACE_OP_READ:
		of_read(topics, step);
		break;
	case TCPTRACE_OP_WAIT:
		add(topics, EXPLAIN_READ_WAITS);
		break;
	}
}

static void of_send(struct topics *topics, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (record->op == TCPTRACE_OP_WRITTEN && step->bytes)
		add(topics, EXPLAIN_WROTE);
	if (record->op != TCPTRACE_OP_WAIT)
		return;
	add(topics, EXPLAIN_WRITE_WAITS);
	if (!record->snd_wnd)
		add(topics, EXPLAIN_WRITE_WAITS_WINDOW);
}

static void of_ack(struct topics *topics, const struct step *step)
{
	bool opens = !step->window && step->record->snd_wnd;

	/* Probes were sent, and request an ACK. */
	if (step->record->op == TCPTRACE_OP_PROBE || step->record->op == TCPTRACE_OP_KEEPALIVE)
		return;
	if (step->bytes)
		add(topics, EXPLAIN_ACKED);
	if (step->control)
		add(topics, is(step, EP_FIN_SENT) ? EXPLAIN_ACKED_FIN : EXPLAIN_ACKED_SYN);
	if (!step->record->snd_wnd)
		add(topics, EXPLAIN_WINDOW_ZERO);
	else if (opens && is(step, EP_SYNCED))
		add(topics, EXPLAIN_WINDOW_OPENS);
	else
		add(topics, EXPLAIN_WINDOW);
}

/* ---- calls of the application ---- */

static void of_close(struct topics *topics, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (step->old_state == TCPTRACE_S_SYN_SENT)
		add(topics, EXPLAIN_CLOSE_CONNECTING);
	else if (record_unread(record))
		add(topics, EXPLAIN_CLOSE_UNREAD);
	else if (sends_nothing_more(step->old_state))
		add(topics, EXPLAIN_CLOSE_AFTER_FIN);
	else if (record->flags & TCPTRACE_F_LINGER)
		add(topics, EXPLAIN_CLOSE_LINGER);
	else {
		add(topics, EXPLAIN_CLOSE);
		add(topics, EXPLAIN_FIN_FOLLOWS);
	}
}

static void of_shutdown(struct topics *topics, const struct step *step)
{
	bool fin = !sends_nothing_more(step->old_state);

	switch (step->record->op) {
	case TCPTRACE_OP_CLOSE:
		of_close(topics, step);
		return;
	case TCPTRACE_OP_SHUT_RD:
		add(topics, EXPLAIN_SHUT_RD);
		return;
	case TCPTRACE_OP_SHUT_WR:
		add(topics, EXPLAIN_SHUT_WR);
		break;
	default:
		add(topics, EXPLAIN_SHUT_RDWR);
	}
	add(topics, fin ? EXPLAIN_FIN_FOLLOWS : EXPLAIN_SHUT_AGAIN);
}

/* ---- the close ---- */

static void of_aborted(struct topics *topics, const struct step *step)
{
	switch (step->ep ? (enum why)step->ep->why : WHY_UNKNOWN) {
	case WHY_UNREAD:
		add(topics, EXPLAIN_ABORT_UNREAD);
		break;
	case WHY_LINGER:
		add(topics, EXPLAIN_ABORT_LINGER);
		break;
	case WHY_UNACCEPTED:
		add(topics, EXPLAIN_ABORT_UNACCEPTED);
		break;
	case WHY_DESTROYED:
		add(topics, EXPLAIN_ABORT_DESTROYED);
		break;
	default:
		add(topics, EXPLAIN_ABORT);
	}
}

static void of_closed(struct topics *topics, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (step->old_state == TCPTRACE_S_SYN_SENT)
		of_failed_connect(topics, record->error);
	else if (record->error == ECONNABORTED)
		of_aborted(topics, step);
	else if (is(step, EP_RST_RCVD))
		add(topics, EXPLAIN_ENDED_RST);
	else if (record->error == ETIMEDOUT)
		add(topics, EXPLAIN_ENDED_TIMEOUT);
	else if (record->error)
		add(topics, EXPLAIN_ENDED_ERROR);
	else if (step->old_state == TCPTRACE_S_LAST_ACK && record->snd_una == record->write_seq)
		add(topics, EXPLAIN_CLOSED);
	else if (record_second_fin(record))
		add(topics, EXPLAIN_TIME_WAIT_NONE);
	else
		of_aborted(topics, step);
}

static void of_state(struct topics *topics, const struct step *step)
{
	switch (step->new_state) {
	case TCPTRACE_S_SYN_RECV:
		add(topics, EXPLAIN_SYNS_CROSSED);
		break;
	case TCPTRACE_S_ESTABLISHED:
		of_established(topics, step);
		break;
	case TCPTRACE_S_FIN_WAIT1:
		add(topics, record_fin_leaves(step->record) ? EXPLAIN_FIN_WAIT1 : EXPLAIN_FIN_WAIT1_QUEUED);
		break;
	case TCPTRACE_S_CLOSE_WAIT:
		add(topics, EXPLAIN_CLOSE_WAIT);
		if (record_unread(step->record))
			add(topics, EXPLAIN_CLOSE_WAIT_UNREAD);
		break;
	case TCPTRACE_S_FIN_WAIT2:
		add(topics, step->merged ? EXPLAIN_FIN_WAIT2_MERGED : EXPLAIN_FIN_WAIT2);
		break;
	case TCPTRACE_S_LAST_ACK:
		add(topics, record_fin_leaves(step->record) ? EXPLAIN_LAST_ACK : EXPLAIN_LAST_ACK_QUEUED);
		if (is(step, EP_HALF_CLOSED))
			add(topics, EXPLAIN_HALF_CLOSED);
		break;
	case TCPTRACE_S_CLOSING:
		add(topics, EXPLAIN_CLOSING);
		break;
	case TCPTRACE_S_CLOSE:
		of_closed(topics, step);
		break;
	}
}

static void of_timewait_begin(struct topics *topics, const struct step *step)
{
	if (step->new_state != TCPTRACE_S_TIME_WAIT) {
		add(topics, EXPLAIN_ORPHAN);
		return;
	}
	if (step->merged)
		add(topics, EXPLAIN_TIME_WAIT_MERGED);
	else
		add(topics, step->old_state == TCPTRACE_S_CLOSING ? EXPLAIN_TIME_WAIT_CROSSED : EXPLAIN_TIME_WAIT);
	if (is(step, EP_HALF_CLOSED) && !step->merged && step->old_state != TCPTRACE_S_CLOSING)
		add(topics, EXPLAIN_HALF_CLOSED);
	add(topics, EXPLAIN_2MSL);
}

static void of_timewait(struct topics *topics, const struct step *step)
{
	bool orphan = step->old_state == TCPTRACE_S_FIN_WAIT2;

	switch (step->record->op) {
	case TCPTRACE_OP_BEGIN:
		of_timewait_begin(topics, step);
		break;
	case TCPTRACE_OP_SUBSTATE:
		add(topics, EXPLAIN_TIME_WAIT_ORPHAN);
		if (is(step, EP_HALF_CLOSED))
			add(topics, EXPLAIN_HALF_CLOSED);
		add(topics, EXPLAIN_2MSL);
		break;
	case TCPTRACE_OP_RESTART:
		add(topics, EXPLAIN_TIME_WAIT_AGAIN);
		break;
	case TCPTRACE_OP_END:
		add(topics, orphan ? EXPLAIN_ORPHAN_OVER : EXPLAIN_TIME_WAIT_OVER);
		break;
	case TCPTRACE_OP_KILLED:
		if (step->record->error)
			add(topics, orphan ? EXPLAIN_ORPHAN_RST : EXPLAIN_TIME_WAIT_RST);
		else
			add(topics, orphan ? EXPLAIN_ORPHAN_KILLED : EXPLAIN_TIME_WAIT_KILLED);
		break;
	}
}

static void of_reset_reply(struct topics *topics, const struct endpoint *ep)
{
	if (!ep)
		add(topics, EXPLAIN_RST_NOBODY);
	else if (ep->why == WHY_LATE)
		add(topics, EXPLAIN_RST_LATE);
	else
		add(topics, ep->why == WHY_SHUTDOWN ? EXPLAIN_RST_SHUTDOWN : EXPLAIN_RST_REPLIED);
}

static void of_reset(struct topics *topics, const struct step *step)
{
	switch (step->record->op) {
	case TCPTRACE_OP_SENT:
		add(topics, EXPLAIN_RST_SENT);
		break;
	case TCPTRACE_OP_RECEIVED:
		add(topics, EXPLAIN_RST_CAME);
		break;
	default:
		of_reset_reply(topics, step->ep);
	}
}

static void of_connect(struct topics *topics, const struct tcptrace_record *record)
{
	if (record->op == TCPTRACE_OP_FAILED)
		add(topics, EXPLAIN_CONNECT_FAILED);
	else
		add(topics, record->flags & TCPTRACE_F_REPAIR ? EXPLAIN_RESTORED : EXPLAIN_CONNECT);
}

static void of_listen(struct topics *topics, const struct step *step)
{
	if (step->new_state != TCPTRACE_S_LISTEN)
		add(topics, EXPLAIN_UNLISTEN);
	else
		add(topics, step->old_state == TCPTRACE_S_LISTEN ? EXPLAIN_LISTEN_AGAIN : EXPLAIN_LISTEN);
}

int explain_topics(const struct step *step, enum explain_topic all[EXPLAIN_MAX])
{
	struct topics topics = { .all = all };

	switch (step->record->type) {
	case TCPTRACE_T_LISTEN:
		of_listen(&topics, step);
		break;
	case TCPTRACE_T_CONNECT:
		of_connect(&topics, step->record);
		break;
	case TCPTRACE_T_REQUEST:
		of_request(&topics, step->record);
		break;
	case TCPTRACE_T_ACCEPT:
		add(&topics, EXPLAIN_ACCEPT);
		break;
	case TCPTRACE_T_STATE:
		of_state(&topics, step);
		break;
	case TCPTRACE_T_SHUTDOWN:
		of_shutdown(&topics, step);
		break;
	case TCPTRACE_T_RESET:
		of_reset(&topics, step);
		break;
	case TCPTRACE_T_TIMEWAIT:
		of_timewait(&topics, step);
		break;
	case TCPTRACE_T_SEND:
		of_send(&topics, step);
		break;
	case TCPTRACE_T_RECV:
		of_recv(&topics, step);
		break;
	case TCPTRACE_T_ACK:
	case TCPTRACE_T_WINDOW:
		of_ack(&topics, step);
		break;
	}
	return topics.count;
}
