// SPDX-License-Identifier: GPL-2.0-only
#include "model/inferred_segment.h"
#include "model/queue_stats.h"
#include "model/verdict.h"
#include "record/segment.h"
#include "view/json/json.h"
#include "view/json/json_impl.h"

static void add_windows(struct json_object *object, uint32_t unsent, uint32_t unacked,
			uint32_t rcv_wnd, uint32_t snd_wnd)
{
	json_add_int(object, "unsent", unsent);
	json_add_int(object, "unacked", unacked);
	json_add_int(object, "rcv_wnd", rcv_wnd);
	json_add_int(object, "snd_wnd", snd_wnd);
}

/* ---- steps ---- */

static void add_number(struct json_object *object, const char *key, const struct step *step, bool out,
		       uint32_t number, bool absolute)
{
	int64_t relative;

	/* A segment without an endpoint is numbered by what its peer knows. */
	if (absolute)
		json_add_int(object, key, number);
	else if (step->ep ? relative_seq(step->ep, out, number, &relative) :
			     relative_seq(step->peer, !out, number, &relative))
		json_add_signed(object, key, relative);
}

/* An object has room for one segment: the received one or, without one, the one sent. */
static void add_segment_members(struct json_object *object, const struct step *step, bool absolute)
{
	struct inferred_segment segments[INFERRED_MAX], *segment = segments;
	char flags[TCP_FLAGS_TEXT_MAX];

	if (!infer_segments(step, segments))
		return;
	json_add_string(object, "dir", segment->out ? "out" : "in");
	json_add_text(object, "flags", flags, put_tcp_flags(flags, segment->flags));
	if (segment->known & INFERRED_SEQ)
		add_number(object, "seq", step, segment->out, segment->seq, absolute);
	if (segment->known & INFERRED_ACK)
		add_number(object, "ack", step, !segment->out, segment->ack, absolute);
	if (segment->known & INFERRED_LENGTH)
		json_add_int(object, "len", segment->length);
	if (segment->known & INFERRED_WINDOW)
		json_add_int(object, "win", segment->window);
	if (segment->mss)
		json_add_int(object, "mss", segment->mss);
	if (segment->wscale)
		json_add_int(object, "wscale", segment->wscale - 1);
}

static void add_change(struct json_object *object, const struct step *step)
{
	json_add_string(object, "old", state_name(step->old_state));
	json_add_string(object, "new", state_name(step->new_state));
	json_add_known(object, "in_state_ns", step->in_state);
}

static void add_listen(struct json_object *object, const struct tcptrace_listen *listen)
{
	if (!listen->listener)
		return;
	json_add_int(object, "listener", listen->listener);
	json_add_int(object, "backlog", listen->backlog);
	json_add_int(object, "backlog_max", listen->backlog_max);
	json_add_int(object, "syn_backlog", listen->syn_backlog);
}

static void add_reset(struct json_object *object, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	bool received = record->op == TCPTRACE_OP_RECEIVED;

	json_add_errno(object, record->error);
	json_add_string(object, "reason", verdict_reset_reason(record->u.segment.reason));
	json_add_string(object, "by", received ? "remote" : "local");
	if (step->ep && record->op == TCPTRACE_OP_SENT)
		json_add_string(object, "why", verdict_why(step->ep->why));
}

static void add_retransmit(struct json_object *object, const struct step *step, bool absolute)
{
	const struct tcptrace_retransmit *retransmit = &step->record->u.retransmit;

	json_add_int(object, "retransmits", retransmit->total);
	if (step->record->op != TCPTRACE_OP_SPURIOUS) {
		add_number(object, "seq", step, true, retransmit->seq, absolute);
		json_add_int(object, "len", retransmit->len);
		json_add_int(object, "segments", retransmit->segments);
	}
	if (step->record->kind != TCPTRACE_K_FULL)
		return;
	json_add_int(object, "in_flight", retransmit->in_flight);
	json_add_int(object, "sacked", retransmit->sacked);
	json_add_int(object, "lost_segments", retransmit->lost);
	json_add_int(object, "cwnd", retransmit->cwnd);
	json_add_int(object, "ssthresh", retransmit->ssthresh);
	json_add_int(object, "rto_ms", retransmit->rto);
	json_add_int(object, "backoff", retransmit->backoff);
}

static void add_drop(struct json_object *object, const struct step *step, bool absolute)
{
	const struct tcptrace_record *record = step->record;
	const struct tcptrace_drop *drop = &record->u.drop;
	bool out = record->kind == TCPTRACE_K_FULL;
	char flags[TCP_FLAGS_TEXT_MAX];

	json_add_string(object, "by", "local");
	if (record->op != TCPTRACE_OP_SEGMENT) {
		add_listen(object, &record->u.listen);
		json_add_string(object, "reason", record->op == TCPTRACE_OP_SYN_QUEUE ? "SYN queue full" : "accept queue full");
		return;
	}
	json_add_text(object, "reason", drop->name, drop->name + record_drop_name(drop));
	json_add_string(object, "dir", out ? "out" : "in");
	json_add_text(object, "flags", flags, put_tcp_flags(flags, drop->flags));
	add_number(object, "seq", step, out, drop->seq, absolute);
}

/* In addition to its header, which add_segment_members() adds. */
static void add_segment(struct json_object *object, const struct step *step, bool absolute)
{
	struct segment segment;

	segment_of(step->record, &segment);
	json_add_known(object, "win_scaled", segment.window);
	if (segment.duplicate)
		json_add_int(object, "duplicate", segment.duplicate);
	if (segment.gap)
		json_add_int(object, "gap", segment.gap);
	if (segment.probe)
		json_add(object, "probe", json_object_new_boolean(true));
	if (!segment.sacks)
		return;
	json_add_int(object, "sacks", segment.sacks);
	add_number(object, "sack_from", step, !segment.out, segment.sack_from, absolute);
	add_number(object, "sack_to", step, !segment.out, segment.sack_to, absolute);
	json_add(object, "dsack", json_object_new_boolean(segment.dsack));
}

static void add_by_type(struct json_object *object, const struct step *step, bool absolute)
{
	const struct tcptrace_record *record = step->record;

	switch (record->type) {
	case TCPTRACE_T_STATE:
		add_change(object, step);
		if (step->bytes)
			json_add_int(object, "bytes", step->bytes);
		if (record->error > 0)
			json_add_errno(object, record->error);
		if (step->merged)
			json_add(object, "merged", json_object_new_boolean(true));
		break;
	case TCPTRACE_T_REQUEST:
		add_change(object, step);
		add_listen(object, &record->u.listen);
		json_add_int(object, "retransmits", record->u.listen.retransmits);
		break;
	case TCPTRACE_T_LISTEN:
		add_listen(object, &record->u.listen);
		break;
	case TCPTRACE_T_ACCEPT:
		if (step->ep && step->ep->flags & EP_ACCEPTED)
			json_add_int(object, "accept_wait_ns", endpoint_waited(step->ep));
		add_listen(object, &record->u.listen);
		break;
	case TCPTRACE_T_CONNECT:
		json_add_errno(object, record->error);
		break;
	case TCPTRACE_T_TIMEWAIT:
		add_change(object, step);
		if (step->bytes)
			json_add_int(object, "bytes", step->bytes);
		json_add_int(object, "timeout_ms", record->u.totals.timeout);
		json_add(object, "merged", json_object_new_boolean(step->merged));
		if (record->error)
			json_add_errno(object, record->error);
		break;
	case TCPTRACE_T_RESET:
		add_reset(object, step);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
	case TCPTRACE_T_ACK:
		json_add_int(object, "bytes", step->bytes);
		if (record->op == TCPTRACE_OP_READ)
			json_add_known(object, "read_delay_ns", step->waited);
		break;
	case TCPTRACE_T_WINDOW:
		if (record->op == TCPTRACE_OP_PROBE || record->op == TCPTRACE_OP_KEEPALIVE)
			json_add_int(object, "probes", record->u.queue.probes);
		break;
	case TCPTRACE_T_RETRANSMIT:
		add_retransmit(object, step, absolute);
		break;
	case TCPTRACE_T_DROP:
		add_drop(object, step, absolute);
		break;
	case TCPTRACE_T_SEGMENT:
		add_segment(object, step, absolute);
		break;
	}
}

void json_step(struct out *out, const struct step *step, bool absolute)
{
	const struct tcptrace_record *record = step->record;
	const struct head head = {
		.time = record->time,
		.type = type_name(record->type),
		.cookie = record->cookie,
		.zone = zone_of_record(record),
		.family = record->family,
		.saddr = record->saddr,
		.sport = record->sport,
		.daddr = record->daddr,
		.dport = record->dport,
		.state = record_has_state(record) ? step->new_state : 0,
		.recvq = record_recvq(record),
		.sendq = record_sendq(record),
	};
	struct json_object *object = begin(&head);

	if (record->op)
		json_add_string(object, "op", op_name(record->op));
	json_add_known(object, "since_ns", step->since);
	add_by_type(object, step, absolute);
	add_segment_members(object, step, absolute);
	if (record_full(record))
		add_windows(object, record_unsent(record), record_unacked(record), record->rcv_wnd,
			    record->snd_wnd);
	if (record->flags & TCPTRACE_F_MPTCP)
		json_add(object, "mptcp", json_object_new_boolean(true));
	json_add_process(object, step->pid, step->comm);
	json_print(out, object);
}

/* ---- sockets and verdicts ---- */

static struct json_object *socket_object(const struct endpoint *ep, uint64_t time)
{
	struct json_object *object = begin_endpoint(ep, type_name(TCPTRACE_T_SNAPSHOT), time);

	if (ep->state == TCPTRACE_S_LISTEN) {
		json_add_int(object, "backlog", ep->backlog);
		json_add_int(object, "backlog_max", ep->backlog_max);
	} else if (ep->kind == TCPTRACE_K_FULL) {
		add_windows(object, ep->write_seq - ep->snd_nxt, ep->snd_nxt - ep->snd_una,
			    ep->rcv_wnd, ep->snd_wnd);
	} else if (ep->kind == TCPTRACE_K_TIMEWAIT) {
		json_add_int(object, "timeout_ms", ep->timeout);
	}
	json_add_owner(object, ep->owner);
	return object;
}

void json_socket(struct out *out, const struct endpoint *ep, uint64_t time)
{
	json_print(out, socket_object(ep, time));
}

void json_history(struct out *out, const struct endpoint *ep, uint64_t time, bool followed)
{
	struct json_object *object = socket_object(ep, time);
	bool at_least;

	if (ep->flags & EP_SINCE)
		json_add_int(object, "in_state_ns", time - ep->since);
	json_add_int(object, "recvq_peak", ep->recvq_peak);
	json_add_int(object, "sendq_peak", ep->sendq_peak);
	json_add_known(object, "read_delay_ns", endpoint_read_delay(ep, time, followed, &at_least));
	json_print(out, object);
}

static void add_pair(struct json_object *object, const struct endpoint *ep, const struct endpoint *peer)
{
	struct pair pair;

	json_add(object, "peer", json_object_new_uint64(peer->cookie));
	verdict_of_pair(ep, peer, &pair);
	json_add_known(object, "pair_handshake_ns", pair.handshake);
	json_add_known(object, "pair_duration_ns", pair.duration);
}

void json_verdict(struct out *out, const struct endpoint *ep, const struct endpoint *peer)
{
	struct json_object *object = begin_endpoint(ep, "verdict", ep->last);
	struct verdict verdict;

	verdict_of(ep, &verdict);
	json_add_string(object, "how", verdict_how(verdict.how));
	json_add_string(object, "closed_by", verdict_side(verdict.closed_by));
	if (verdict.closer->pid) {
		json_add_int(object, "closed_pid", verdict.closer->pid);
		json_add_comm(object, "closed_comm", verdict.closer->comm);
	}
	json_add_known(object, "handshake_ns", verdict.handshake);
	json_add_known(object, "duration_ns", verdict.duration);
	if (!verdict.whole)
		json_add_int(object, "seen_ns", verdict.seen);
	json_add_known(object, "half_closed_ns", verdict.half_closed);
	json_add_known(object, "syn_recv_ns", verdict.syn_recv);
	json_add_known(object, "accept_wait_ns", verdict.accept_wait);
	json_add_known(object, "read_delay_ns", verdict.read_delay);
	json_add_known(object, "read_blocked_ns", verdict.read_blocked);
	json_add_known(object, "receiver_limited_ns", verdict.receiver_limited);
	json_add_known(object, "sender_limited_ns", verdict.sender_limited);
	json_add_known(object, "bytes_in", verdict.bytes_in);
	json_add_known(object, "bytes_out", verdict.bytes_out);
	if (verdict.syn_unknown)
		json_add(object, "bytes_out_counts_syn", json_object_new_string("unknown"));
	json_add_known(object, "requests", verdict.requests);
	json_add_string(object, "asked_by", verdict_side(verdict.asked_by));
	json_add_string(object, "connection", verdict_lasting(verdict.lasting));
	json_add_int(object, "retransmits", verdict.retransmits);
	json_add_int(object, "recvq_peak", verdict.recvq_peak);
	json_add_int(object, "sendq_peak", verdict.sendq_peak);
	json_add_string(object, "why", verdict_why(verdict.why));
	if (verdict.unread)
		json_add_int(object, "unread", verdict.unread);
	json_add_string(object, "reason", verdict_reset_reason(verdict.reset_reason));
	if (verdict.error)
		json_add_errno(object, verdict.error);
	if (verdict.held)
		json_add_int(object, "held_ms", verdict.held);
	if (verdict.orphaned)
		json_add(object, "orphaned", json_object_new_boolean(true));
	if (verdict.lossy)
		json_add(object, "lossy", json_object_new_boolean(true));
	if (peer)
		add_pair(object, ep, peer);
	json_add_owner(object, ep->owner);
	json_print(out, object);
}

/* ---- losses ---- */

void json_summary(struct out *out, const struct summary *summary)
{
	struct json_object *object = begin_none(type_name(TCPTRACE_T_LOST), summary->time);
	const struct tcptrace_lost *lost = &summary->lost;

	json_add_int(object, "lost", lost->overwritten + lost->nested);
	json_add_int(object, "unknown", lost->unknown);
	json_add_int(object, "missed", lost->missed);
	json_add_int(object, "events", lost->events);
	json_add_int(object, "overwritten", lost->overwritten);
	json_add_int(object, "nested", lost->nested);
	json_add_int(object, "model_full", summary->full);
	json_add_string(object, "source", summary->source);
	json_print(out, object);
}

