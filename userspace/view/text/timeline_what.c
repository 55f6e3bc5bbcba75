// SPDX-License-Identifier: GPL-2.0-only
/* What happened in a step, besides the change of state. */
#include "model/inferred_segment.h"
#include "model/queue_stats.h"
#include "model/verdict.h"
#include "record/record.h"
#include "view/text/timeline_impl.h"

/* ---- the segment ---- */

/* A segment without an endpoint is numbered by what its peer knows. */
static bool relative(const struct step *step, bool out, uint32_t number, int64_t *result)
{
	return step->ep ? relative_seq(step->ep, out, number, result) :
			   relative_seq(step->peer, !out, number, result);
}

char *timeline_put_number(char *p, const struct timeline *timeline, const struct step *step, bool out,
			  uint32_t number)
{
	int64_t distance;

	if (timeline->absolute)
		return put_u64(p, number);
	if (relative(step, out, number, &distance))
		return put_i64(p, distance);
	*p++ = '?';
	return p;
}

/* "send SYN,ACK" */
static inline char *put_flags(char *p, struct timeline *timeline, const struct inferred_segment *segment)
{
	typeof(timeline->flags[0][0]) *flags = &timeline->flags[segment->out][segment->flags];

	if (!flags->length) {
		char text[8 + TCP_FLAGS_TEXT_MAX], *end;

		end = segment->out ? put_text(text, "send ") : put_text(text, "recv ");
		end = put_tcp_flags(end, segment->flags);
		/* All eight flags at once do not fit; no TCP sends that. */
		flags->length = end - text < (long)sizeof(flags->text) ? end - text :
									 (long)sizeof(flags->text);
		memcpy(flags->text, text, flags->length);
	}
	memcpy(p, flags->text, sizeof(flags->text));
	return p + flags->length;
}

static char *put_cause(char *p, struct timeline *timeline, const struct step *step,
		       const struct inferred_segment *segment)
{
	p = put_flags(p, timeline, segment);
	if (segment->known & INFERRED_SEQ) {
		p = put_text(p, " seq=");
		p = timeline_put_number(p, timeline, step, segment->out, segment->seq);
	}
	if (segment->known & INFERRED_ACK) {
		p = put_text(p, " ack=");
		p = timeline_put_number(p, timeline, step, !segment->out, segment->ack);
	}
	if (segment->known & INFERRED_LENGTH && segment->length) {
		p = put_text(p, " len=");
		p = put_u64(p, segment->length);
	}
	if (segment->known & INFERRED_WINDOW) {
		p = put_text(p, " win=");
		p = put_u64(p, segment->window);
	}
	if (segment->mss) {
		p = put_text(p, " mss=");
		p = put_u64(p, segment->mss);
	}
	if (segment->wscale) {
		p = put_text(p, " wscale=");
		p = put_u64(p, segment->wscale - 1);
	}
	return p;
}

/* ---- events besides the change of state ---- */

static char *put_backlog(char *p, const struct tcptrace_listen *listen, uint32_t more)
{
	p = put_text(p, "accept queue ");
	p = put_u64(p, listen->backlog + more);
	*p++ = '/';
	return put_u64(p, listen->backlog_max);
}

static char *put_connect(char *p, const struct tcptrace_record *record)
{
	if (record->op != TCPTRACE_OP_FAILED)
		return record->flags & TCPTRACE_F_REPAIR ? put_text(p, "restored by TCP_REPAIR") : p;
	p = put_text(p, "connect() failed: ");
	return record_put_error(p, record->error);
}

static char *put_request(char *p, const struct tcptrace_record *record)
{
	const struct tcptrace_listen *listen = &record->u.listen;

	switch (record->op) {
	case TCPTRACE_OP_ACKED:
		if (record->flags & TCPTRACE_F_COOKIE_SYN)
			p = put_text(p, "SYN cookie or fast open, ");
		return put_backlog(p, listen, 1);
	case TCPTRACE_OP_TIMEDOUT:
		if (!listen->listener)
			return put_text(p, "no listener any more");
		p = put_text(p, "no ACK received, SYN,ACK retransmitted ");
		return put_count(p, listen->retransmits, "time");
	case TCPTRACE_OP_DROPPED:
		return put_string(p, listen->listener ? "dropped" : "dropped, no listener any more");
	case TCPTRACE_OP_UNREACHABLE:
		return put_text(p, "dropped, unreachable by ICMP");
	case TCPTRACE_OP_DESTROYED:
		return put_text(p, "destroyed");
	case TCPTRACE_OP_COOKIE:
		p = put_text(p, "SYN queue full, answered with a SYN cookie: ");
		return timeline_put_queues(p, listen);
	default:
		return p;
	}
}

static char *put_accept(char *p, const struct step *step)
{
	const struct endpoint *ep = step->ep;

	p = put_text(p, "accept()");
	if (ep && ep->flags & EP_ACCEPTED) {
		p = put_text(p, ", waited ");
		p = put_duration(p, endpoint_waited(ep));
	}
	if (step->record->u.listen.listener) {
		p = put_text(p, ", ");
		p = put_backlog(p, &step->record->u.listen, 0);
	}
	return p;
}

static char *put_shutdown(char *p, uint8_t op)
{
	switch (op) {
	case TCPTRACE_OP_SHUT_RD:
		return put_text(p, "shutdown(SHUT_RD)");
	case TCPTRACE_OP_SHUT_WR:
		return put_text(p, "shutdown(SHUT_WR)");
	case TCPTRACE_OP_SHUT_RDWR:
		return put_text(p, "shutdown(SHUT_RDWR)");
	default:
		return put_text(p, "close()");
	}
}

static char *put_before_fin(char *p, const struct step *step)
{
	p = put_count(p, step->bytes, "byte");
	return put_text(p, " with the FIN");
}

static char *put_timewait(char *p, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	switch (record->op) {
	case TCPTRACE_OP_BEGIN:
		if (step->merged)
			p = put_string(p, step->bytes ? "FIN and ACK in one segment, " : "FIN and ACK in one segment");
		else if (record->new_state == TCPTRACE_S_FIN_WAIT2)
			p = put_text(p, "orphaned, waiting for the peer's FIN");
		return step->bytes ? put_before_fin(p, step) : p;
	case TCPTRACE_OP_RESTART:
		p = put_text(p, "segment received, timer restarted: ");
		return put_duration(p, record->u.totals.timeout * 1000000ull);
	case TCPTRACE_OP_END:
		if (record->old_state != TCPTRACE_S_TIME_WAIT)
			return put_text(p, "timer expired, no FIN received");
		p = put_text(p, "2MSL timer expired");
		if (step->in_state != UNKNOWN) {
			p = put_text(p, " after ");
			p = put_duration(p, step->in_state);
		}
		return p;
	case TCPTRACE_OP_KILLED:
		p = put_text(p, "removed early, ");
		p = put_duration(p, record->u.totals.timeout * 1000000ull);
		return put_text(p, " left");
	default:
		return p;
	}
}

static char *put_unsent(char *p, const struct tcptrace_record *record)
{
	uint32_t unsent = record_unsent(record);

	if (!unsent)
		return p;
	p = put_text(p, ", ");
	p = put_u64(p, unsent);
	return put_text(p, " unsent");
}

/* "6 bytes acked", "FIN acked", "6 bytes and FIN acked"; nothing if only the window has changed */
static char *put_ack(char *p, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (step->bytes)
		p = put_count(p, step->bytes, "byte");
	if (step->bytes && step->control)
		p = put_text(p, " and ");
	if (step->control)
		p = step->ep->flags & EP_FIN_SENT ? put_text(p, "FIN") : put_text(p, "SYN");
	if (step->bytes || step->control)
		p = put_text(p, " acked, ");
	p = put_text(p, "window ");
	p = put_u64(p, record->snd_wnd);
	if (record->op == TCPTRACE_OP_CLOSED)
		p = put_text(p, ": closed");
	else if (record->op == TCPTRACE_OP_OPENED)
		p = put_text(p, ": reopened");
	return put_unsent(p, record);
}

static char *put_read(char *p, const struct step *step)
{
	/* MSG_PEEK */
	if (!step->bytes) {
		p = put_text(p, "peeked at ");
		return put_count(p, step->record->u.queue.bytes, "byte");
	}
	p = put_string(p, record_read_by_mptcp(step->record) ? "MPTCP took " : "read ");
	p = put_count(p, step->bytes, "byte");
	if (step->waited == UNKNOWN)
		return p;
	p = put_text(p, ", waited ");
	return put_duration(p, step->waited);
}

static char *put_queue(char *p, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	switch (record->op) {
	case TCPTRACE_OP_QUEUED:
		p = put_text(p, "received ");
		return put_count(p, step->bytes, "byte");
	case TCPTRACE_OP_READ:
		return put_read(p, step);
	case TCPTRACE_OP_WRITTEN:
		p = put_text(p, "wrote ");
		p = put_count(p, step->bytes, "byte");
		return put_unsent(p, record);
	case TCPTRACE_OP_WAIT:
		return record->type == TCPTRACE_T_RECV ? put_text(p, "blocked in read") :
							 put_text(p, "waits for send buffer space");
	default:
		return put_ack(p, step);
	}
}

/* The segment has a row of its own. A RST that answers a segment has none. */
static bool has_own_row(const struct timeline *timeline, const struct tcptrace_record *record)
{
	return timeline->segments && record->type != TCPTRACE_T_SEGMENT &&
	       (record->type != TCPTRACE_T_RESET || record->op == TCPTRACE_OP_RECEIVED);
}

static char *put_reset(char *p, const struct timeline *timeline, const struct step *step)
{
	const char *reason = verdict_reset_reason(step->record->u.segment.reason);

	if (has_own_row(timeline, step->record))
		return put_text(p, "RST accepted");
	return reason ? put_string(p, reason) : p;
}

static bool sends_fin(const struct tcptrace_record *record)
{
	return record->new_state == TCPTRACE_S_FIN_WAIT1 || record->new_state == TCPTRACE_S_LAST_ACK;
}

/* `caused`: the segment that caused the change is known. */
static char *put_state(char *p, const struct step *step, bool caused)
{
	const struct tcptrace_record *record = step->record;

	if (step->bytes)
		return put_before_fin(p, step);
	if (record->new_state == TCPTRACE_S_ESTABLISHED && record->flags & TCPTRACE_F_REPAIR)
		return p;
	if (sends_fin(record) && !record_fin_leaves(record))
		return put_text(p, "FIN queued");
	/* A simultaneous open: which of the peer's segments acknowledged the SYN is unknown. */
	if (record->new_state == TCPTRACE_S_ESTABLISHED && !caused)
		return put_text(p, "SYN acked");
	if (record->new_state != TCPTRACE_S_CLOSE)
		return p;
	if (record->error > 0)
		return record_put_error(p, record->error);
	/* The segment shows it: the ACK of the FIN. */
	if (!step->did && caused)
		return p;
	p = step->did ? put_text(p, "aborted") : put_text(p, "closed without an error");
	if (record_unread(record)) {
		p = put_text(p, ", ");
		p = put_count(p, record_unread(record), "byte");
		p = put_text(p, " unread");
	}
	return p;
}

/* close() has set both before the change; shutdown(), connect() to AF_UNSPEC and `ss -K` have not. */
#define CLOSED	(TCPTRACE_F_SHUT_RCV | TCPTRACE_F_SHUT_SND)

static char *put_listen(char *p, const struct tcptrace_record *record)
{
	if (record->new_state == TCPTRACE_S_CLOSE)
		return (record->flags & CLOSED) == CLOSED ? put_text(p, "close()") : put_text(p, "stopped listening");
	p = put_string(p, record->old_state == TCPTRACE_S_LISTEN ? "listen() again, backlog " : "listen(), backlog ");
	return put_u64(p, record->u.listen.backlog_max);
}

static char *put_note(char *p, struct timeline *timeline, const struct step *step, bool caused)
{
	const struct tcptrace_record *record = step->record;

	switch (record->type) {
	case TCPTRACE_T_LISTEN:
		return put_listen(p, record);
	case TCPTRACE_T_STATE:
		return put_state(p, step, caused);
	case TCPTRACE_T_CONNECT:
		return put_connect(p, record);
	case TCPTRACE_T_REQUEST:
		return put_request(p, record);
	case TCPTRACE_T_ACCEPT:
		return put_accept(p, step);
	case TCPTRACE_T_SHUTDOWN:
		p = put_shutdown(p, record->op);
		return record_syn_unsent(record) ? put_text(p, ", no SYN was sent") : p;
	case TCPTRACE_T_TIMEWAIT:
		return put_timewait(p, step);
	case TCPTRACE_T_RESET:
		return put_reset(p, timeline, step);
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
	case TCPTRACE_T_ACK:
		return put_queue(p, step);
	case TCPTRACE_T_WINDOW:
		return step->record->op == TCPTRACE_OP_PROBE || step->record->op == TCPTRACE_OP_KEEPALIVE ?
			       timeline_put_probe(p, step->record) : put_ack(p, step);
	case TCPTRACE_T_RETRANSMIT:
		return timeline_put_retransmit(p, timeline, step);
	case TCPTRACE_T_DROP:
		return timeline_put_drop(p, timeline, step);
	case TCPTRACE_T_SEGMENT:
		return timeline_put_segment(p, timeline, step);
	default:
		return p;
	}
}

char *timeline_put_what(char *p, struct timeline *timeline, const struct step *step)
{
	struct inferred_segment segments[INFERRED_MAX];
	int count = infer_segments(step, segments), shown = has_own_row(timeline, step->record) ? 0 : count, i;
	char *note;

	for (i = 0; i < shown; i++) {
		if (i)
			p = put_text(p, ", ");
		p = put_cause(p, timeline, step, &segments[i]);
	}
	note = p;
	if (shown)
		note = put_text(p, ", ");
	p = put_note(note, timeline, step, count);
	if (p != note)
		return p;
	return shown ? note - 2 : note;
}
