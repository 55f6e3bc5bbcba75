// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>
#include <sys/socket.h>

#include "cause.h"
#include "json.h"
#include "names.h"
#include "record.h"
#include "verdict.h"

/* The keys are literals, and each is added once. */
static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add_ex(object, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void add_int(struct json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

static void add_known(struct json_object *object, const char *key, uint64_t value)
{
	if (value != MODEL_UNKNOWN)
		add_int(object, key, value);
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	if (value)
		add(object, key, json_object_new_string(value));
}

/* How many bytes the UTF-8 character at `text` has, at most `size`; 0: none is there. */
static size_t utf8(const unsigned char *text, size_t size)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 :
			(text[0] & 0xf0) == 0xe0 ? 3 : text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : 0;
	size_t i;

	if (length > size)
		return 0;
	for (i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* A process may call itself anything, and the kernel cuts its name anywhere. */
static void add_comm(struct json_object *object, const char *key, const char *comm)
{
	char text[TCPTRACE_COMM_LEN];
	size_t size = strnlen(comm, sizeof(text)), i = 0;

	memcpy(text, comm, size);
	while (i < size) {
		size_t length = utf8((unsigned char *)text + i, size - i);

		if (!length)
			text[i] = '?';
		i += length ? length : 1;
	}
	add(object, key, json_object_new_string_len(text, size));
}

static void add_process(struct json_object *object, uint32_t pid, const char *comm)
{
	if (!pid)
		return;
	add_int(object, "pid", pid);
	add_comm(object, "comm", comm);
}

static void add_address(struct json_object *object, const char *key, uint8_t family,
			const uint8_t *address)
{
	char text[RECORD_ADDRESS_MAX];
	char *end = record_put_address(text, family, address);

	add(object, key, json_object_new_string_len(text, end - text));
}

static void add_errno(struct json_object *object, int error)
{
	add_int(object, "errno", error);
	if (error)
		add_string(object, "error", strerrorname_np(error));
}

static void print(struct out *out, struct json_object *object)
{
	size_t length;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	out_write(out, text, length);
	out_write(out, "\n", 1);
	json_object_put(object);
}

/* ---- what each object has ---- */

struct head {
	uint64_t time;
	const char *type;
	uint64_t cookie;
	uint32_t netns;
	uint8_t family;
	const uint8_t *saddr, *daddr;
	uint16_t sport, dport;
	uint8_t state;
	uint32_t recvq, sendq;
};

static struct json_object *begin(const struct head *head)
{
	struct json_object *object = json_object_new_object();

	add_int(object, "time", head->time);
	add_string(object, "type", head->type);
	add_int(object, "cookie", head->cookie);
	add_int(object, "netns", head->netns);
	add_int(object, "family", head->family == AF_INET6 ? 6 : 4);
	add_address(object, "saddr", head->family, head->saddr);
	add_int(object, "sport", head->sport);
	add_address(object, "daddr", head->family, head->daddr);
	add_int(object, "dport", head->dport);
	add_string(object, "state", state_name(head->state));
	add_int(object, "recvq", head->recvq);
	add_int(object, "sendq", head->sendq);
	return object;
}

static struct json_object *begin_end(const struct end *end, const char *type, uint64_t time)
{
	const struct head head = {
		.time = time,
		.type = type,
		.cookie = end->cookie,
		.netns = end->netns,
		.family = end->family,
		.saddr = end->saddr,
		.sport = end->sport,
		.daddr = end->daddr,
		.dport = end->dport,
		.state = end->state,
		.recvq = end_recvq(end),
		.sendq = end_sendq(end),
	};

	return begin(&head);
}

static void add_windows(struct json_object *object, uint32_t unsent, uint32_t unacked,
			uint32_t rcv_wnd, uint32_t snd_wnd)
{
	add_int(object, "unsent", unsent);
	add_int(object, "unacked", unacked);
	add_int(object, "rcv_wnd", rcv_wnd);
	add_int(object, "snd_wnd", snd_wnd);
}

/* ---- steps ---- */

static void add_number(struct json_object *object, const char *key, const struct step *step, bool out,
		       uint32_t number, bool absolute)
{
	uint32_t relative;

	/* Without an end of its own a segment is counted from what its peer knows. */
	if (absolute)
		add_int(object, key, number);
	else if (step->end ? cause_relative(step->end, out, number, &relative) :
			     cause_relative(step->peer, !out, number, &relative))
		add_int(object, key, relative);
}

/* One segment has a place in an object: that which came, or, where none did, that which went. */
static void add_cause(struct json_object *object, const struct step *step, bool absolute)
{
	struct cause causes[CAUSE_MAX], *cause = causes;
	char flags[CAUSE_FLAGS_MAX];

	if (!cause_of(step, causes))
		return;
	add_string(object, "dir", cause->out ? "out" : "in");
	add(object, "flags", json_object_new_string_len(
		    flags, cause_put_flags(flags, cause->flags) - flags));
	if (cause->known & CAUSE_SEQ)
		add_number(object, "seq", step, cause->out, cause->seq, absolute);
	if (cause->known & CAUSE_ACK)
		add_number(object, "ack", step, !cause->out, cause->ack, absolute);
	if (cause->known & CAUSE_LENGTH)
		add_int(object, "len", cause->length);
	if (cause->known & CAUSE_WINDOW)
		add_int(object, "win", cause->window);
	if (cause->mss)
		add_int(object, "mss", cause->mss);
	if (cause->wscale)
		add_int(object, "wscale", cause->wscale - 1);
}

static void add_change(struct json_object *object, const struct step *step)
{
	add_string(object, "old", state_name(step->old_state));
	add_string(object, "new", state_name(step->new_state));
	add_known(object, "in_state_ns", step->in_state);
}

static void add_listen(struct json_object *object, const struct tcptrace_listen *listen)
{
	if (!listen->listener)
		return;
	add_int(object, "listener", listen->listener);
	add_int(object, "backlog", listen->backlog);
	add_int(object, "backlog_max", listen->backlog_max);
	add_int(object, "syn_backlog", listen->syn_backlog);
}

static void add_reset(struct json_object *object, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	bool received = record->op == TCPTRACE_OP_RECEIVED;

	add_errno(object, record->error);
	add_string(object, "reason", verdict_reset_reason(record->u.segment.reason));
	add_string(object, "by", received ? "remote" : "local");
	if (step->end && record->op == TCPTRACE_OP_SENT)
		add_string(object, "why", verdict_why(step->end->why));
}

static void add_by_type(struct json_object *object, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	switch (record->type) {
	case TCPTRACE_T_STATE:
		add_change(object, step);
		if (record->error > 0)
			add_errno(object, record->error);
		break;
	case TCPTRACE_T_REQUEST:
		add_change(object, step);
		add_listen(object, &record->u.listen);
		add_int(object, "retransmits", record->u.listen.retransmits);
		break;
	case TCPTRACE_T_LISTEN:
	case TCPTRACE_T_ACCEPT:
		add_listen(object, &record->u.listen);
		break;
	case TCPTRACE_T_CONNECT:
		add_errno(object, record->error);
		break;
	case TCPTRACE_T_TIMEWAIT:
		add_change(object, step);
		add_int(object, "timeout_ms", record->u.totals.timeout);
		add(object, "merged", json_object_new_boolean(step->merged));
		break;
	case TCPTRACE_T_RESET:
		add_reset(object, step);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
	case TCPTRACE_T_ACK:
		add_int(object, "bytes", step->bytes);
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
		.netns = record->netns,
		.family = record->family,
		.saddr = record->saddr,
		.sport = record->sport,
		.daddr = record->daddr,
		.dport = record->dport,
		.state = step->new_state,
		.recvq = record_recvq(record),
		.sendq = record_sendq(record),
	};
	struct json_object *object = begin(&head);

	if (record->op)
		add_string(object, "op", op_name(record->op));
	add_known(object, "since_ns", step->since);
	add_by_type(object, step);
	add_cause(object, step, absolute);
	if (record_full(record))
		add_windows(object, record_unsent(record), record_unacked(record), record->rcv_wnd,
			    record->snd_wnd);
	add_process(object, step->pid, step->comm);
	print(out, object);
}

/* ---- sockets and verdicts ---- */

static struct json_object *socket_object(const struct end *end, uint64_t time)
{
	struct json_object *object = begin_end(end, type_name(TCPTRACE_T_SNAPSHOT), time);

	if (end->state == TCPTRACE_S_LISTEN) {
		add_int(object, "backlog", end->rcv_nxt);
		add_int(object, "backlog_max", end->write_seq);
	} else if (end->kind == TCPTRACE_K_FULL) {
		add_windows(object, end->write_seq - end->snd_nxt, end->snd_nxt - end->snd_una,
			    end->rcv_wnd, end->snd_wnd);
	} else if (end->kind == TCPTRACE_K_TIMEWAIT) {
		add_int(object, "timeout_ms", end->timeout);
	}
	add_process(object, end->owner.pid, end->owner.comm);
	return object;
}

void json_socket(struct out *out, const struct end *end, uint64_t time)
{
	print(out, socket_object(end, time));
}

void json_history(struct out *out, const struct end *end, uint64_t time)
{
	struct json_object *object = socket_object(end, time);

	if (end->flags & END_SINCE)
		add_int(object, "in_state_ns", time - end->since);
	add_int(object, "recvq_peak", end->recvq_peak);
	add_int(object, "sendq_peak", end->sendq_peak);
	print(out, object);
}

void json_verdict(struct out *out, const struct end *end)
{
	struct json_object *object = begin_end(end, "verdict", end->last);
	struct verdict verdict;

	verdict_of(end, &verdict);
	add_string(object, "how", verdict_how(verdict.how));
	add_string(object, "closed_by", verdict_side(verdict.closed_by));
	if (verdict.closer->pid) {
		add_int(object, "closed_pid", verdict.closer->pid);
		add_comm(object, "closed_comm", verdict.closer->comm);
	}
	add_known(object, "handshake_ns", verdict.handshake);
	add_known(object, "duration_ns", verdict.duration);
	if (!verdict.whole)
		add_int(object, "seen_ns", verdict.seen);
	add_known(object, "half_closed_ns", verdict.half_closed);
	add_known(object, "bytes_in", verdict.bytes_in);
	add_known(object, "bytes_out", verdict.bytes_out);
	if (verdict.syn_unknown)
		add(object, "bytes_out_counts_syn", json_object_new_string("unknown"));
	add_known(object, "requests", verdict.requests);
	add_int(object, "retransmits", verdict.retransmits);
	add_int(object, "recvq_peak", verdict.recvq_peak);
	add_int(object, "sendq_peak", verdict.sendq_peak);
	add_string(object, "why", verdict_why(verdict.why));
	if (verdict.why == WHY_UNREAD)
		add_int(object, "unread", verdict.unread);
	add_string(object, "reason", verdict_reset_reason(verdict.reset_reason));
	if (verdict.error)
		add_errno(object, verdict.error);
	if (verdict.held)
		add_int(object, "held_ms", verdict.held);
	if (verdict.lossy)
		add(object, "lossy", json_object_new_boolean(true));
	add_process(object, end->owner.pid, end->owner.comm);
	print(out, object);
}

/* ---- losses ---- */

void json_lost(struct out *out, const struct tcptrace_lost *lost, uint64_t full, uint64_t time)
{
	/* Of no socket, but each object has these keys. */
	static const char *const empty[] = {
		"cookie", "netns", "family", "saddr", "sport", "daddr", "dport", "state", "recvq", "sendq",
	};
	struct json_object *object = json_object_new_object();
	unsigned int i;

	add_int(object, "time", time);
	add_string(object, "type", type_name(TCPTRACE_T_LOST));
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		add(object, empty[i], NULL);
	add_int(object, "lost", lost->overwritten + lost->nested);
	add_int(object, "unknown", lost->unknown);
	add_int(object, "missed", lost->missed);
	add_int(object, "events", lost->events);
	add_int(object, "overwritten", lost->overwritten);
	add_int(object, "nested", lost->nested);
	add_int(object, "model_full", full);
	print(out, object);
}

void json_ports(struct out *out, const struct ports_range *range, const struct ports_peer *peer)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "type", "ports");
	add_int(object, "netns", peer->netns);
	add_int(object, "family", peer->family == AF_INET ? 4 : 6);
	add_address(object, "saddr", peer->family, peer->saddr);
	add_address(object, "daddr", peer->family, peer->daddr);
	add_int(object, "dport", peer->dport);
	add_int(object, "used", peer->used);
	add_int(object, "timewait", peer->timewait);
	add_int(object, "left", ports_left(range, peer));
	if (range->known)
		add_int(object, "reusable", ports_reusable(range, peer));
	add_int(object, "lowest", range->lowest);
	add_int(object, "highest", range->highest);
	add_int(object, "reserved", range->reserved);
	print(out, object);
}
