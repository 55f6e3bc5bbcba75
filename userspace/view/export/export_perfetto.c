// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chrome's trace event format: an array of events that ui.perfetto.dev and chrome://tracing open. A connection is shown
 * as a process, an endpoint as a thread of it, and the endpoint's states as the slices of that thread:
 *
 *	tid	the lower half of the endpoint's cookie
 *	pid	the tid of the endpoint of the connection that was exported first
 *
 * An endpoint knows its peer before anything of it is exported: the sender of the SYN existed before. When one of the
 * two has ended, the other does not know it any more, so the pid is kept. Endpoints that find each other later stay
 * separate.
 */
#include <errno.h>

#include "base/index_pool.h"
#include "base/map.h"
#include "model/verdict.h"
#include "record/names.h"
#include "view/export/export_perfetto.h"
#include "view/print_summary.h"
#include "view/text/timeline.h"

#define TRACKS_FIRST	256

/* What was exported for an endpoint. If records were lost, or states are not selected, the model may be ahead. */
struct track {
	uint64_t cookie;	/* 0: no endpoint */
	uint32_t group;
	uint32_t pid;		/* of the process in its name */
	uint32_t recvq, sendq;
	uint8_t state;		/* of the open slice, 0: none */
};

struct perfetto {
	struct export export;
	struct session *session;
	struct map numbers;	/* of tracks, by cookie */
	struct index_pool tracks;
	size_t most;		/* tracks that are kept before those of removed endpoints are dropped */
	uint64_t time;		/* of the events being written */
	bool begun;		/* an event was written: the next one needs a comma */
	bool named;		/* `nobody` is */
};

/* For events without a known endpoint, and for those that concern all. */
static const struct track nobody;

/* ---- events ---- */

/* A double cannot hold the nanoseconds of a wall clock, so the digits are passed as text. */
static void add_time(struct json_object *event, uint64_t ns)
{
	char text[64], *p = put_u64(text, ns / 1000);

	*p++ = '.';
	p = put_3(p, ns % 1000);
	*p = '\0';
	json_add(event, "ts", json_object_new_double_s(ns / 1e3, text));
}

static struct json_object *new_event(const struct perfetto *perfetto, const struct track *track, const char *phase)
{
	struct json_object *event = json_object_new_object();

	json_add_string(event, "ph", phase);
	json_add_int(event, "pid", track->group);
	json_add_int(event, "tid", (uint32_t)track->cookie);
	add_time(event, perfetto->time + perfetto->session->source->realtime);
	return event;
}

static struct json_object *new_instant(const struct perfetto *perfetto, const struct track *track, const char *scope)
{
	struct json_object *event = new_event(perfetto, track, "i");

	json_add_string(event, "s", scope);
	return event;
}

static struct json_object *add_args(struct json_object *event)
{
	struct json_object *args = json_object_new_object();

	json_add(event, "args", args);
	return args;
}

static void emit(struct perfetto *perfetto, struct json_object *event)
{
	struct out *out = &perfetto->session->out;
	size_t length;
	const char *text = json_object_to_json_string_length(
		event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	out_write(out, ",\n", perfetto->begun ? 2 : 0);
	perfetto->begun = true;
	out_write(out, text, length);
	json_object_put(event);
}

/* ---- names ---- */

static void emit_name(struct perfetto *perfetto, const struct track *track, const char *what, char *text,
		      const char *end)
{
	struct json_object *event = new_event(perfetto, track, "M");

	json_add_string(event, "name", what);
	json_add_text(add_args(event), "name", text, end);
	emit(perfetto, event);
}

static void name_connection(struct perfetto *perfetto, const struct track *track, const struct endpoint *ep)
{
	char text[TEXT_MAX], *p = put_local(text, zone_at(ep->zone), ep->family, ep->saddr, ep->sport);

	if (ep->dport) {
		*p++ = ' ';
		*p++ = ep->flags & EP_ACTIVE ? '>' : ep->flags & EP_PASSIVE ? '<' : '-';
		*p++ = ' ';
		p = record_put_endpoint(p, ep->family, ep->daddr, ep->dport);
	}
	emit_name(perfetto, track, "process_name", text, p);
}

/* Its process may become known later, and may change. */
static void name_endpoint(struct perfetto *perfetto, struct track *track, const struct endpoint *ep)
{
	char text[TEXT_MAX], *p = put_local(text, zone_at(ep->zone), ep->family, ep->saddr, ep->sport);

	track->pid = process_at(ep->owner)->pid;
	if (track->pid)
		*p++ = ' ';
	emit_name(perfetto, track, "thread_name", text, put_process_ref(p, ep->owner));
}

static void name_nobody(struct perfetto *perfetto)
{
	char text[] = "no known end";

	perfetto->named = true;
	emit_name(perfetto, &nobody, "process_name", text, text + sizeof(text) - 1);
}

/* ---- tracks ---- */

static void end_slice(struct perfetto *perfetto, struct track *track)
{
	if (track->state)
		emit(perfetto, new_event(perfetto, track, "E"));
	track->state = 0;
}

static struct track *find(const struct perfetto *perfetto, uint64_t cookie)
{
	uintptr_t number = (uintptr_t)map_get(&perfetto->numbers, cookie);

	return number ? index_pool_at(&perfetto->tracks, number) : NULL;
}

/* Drops tracks that the model has forgotten, so there are never many more than endpoints. */
static void drop_gone(struct perfetto *perfetto)
{
	uintptr_t number;
	size_t place = 0;

	while ((number = (uintptr_t)map_next(&perfetto->numbers, &place))) {
		const struct track *track = index_pool_at(&perfetto->tracks, number);

		if (model_find(perfetto->session->model, track->cookie))
			continue;
		map_remove(&perfetto->numbers, track->cookie);
		index_pool_give(&perfetto->tracks, number);
		place--;
	}
	perfetto->most = 2 * perfetto->numbers.count + TRACKS_FIRST;
}

/* NULL: no memory. */
static struct track *new_track(struct perfetto *perfetto, const struct endpoint *ep)
{
	const struct endpoint *peer = model_peer(perfetto->session->model, ep);
	const struct track *other;
	struct track *track;
	uint32_t number;

	if (perfetto->numbers.count >= perfetto->most)
		drop_gone(perfetto);
	other = peer ? find(perfetto, peer->cookie) : NULL;
	number = index_pool_take(&perfetto->tracks);
	if (!number || !map_put(&perfetto->numbers, ep->cookie, (void *)(uintptr_t)number)) {
		perfetto->export.error = -ENOMEM;
		return NULL;
	}
	track = index_pool_at(&perfetto->tracks, number);
	track->cookie = ep->cookie;
	track->group = other ? other->group : (uint32_t)ep->cookie;
	return track;
}

/* `created`: the same socket may have been another endpoint before, whose close() was lost. NULL: no memory. */
static struct track *track_of(struct perfetto *perfetto, const struct endpoint *ep, bool created)
{
	struct track *track = find(perfetto, ep->cookie);

	if (!track) {
		track = new_track(perfetto, ep);
		created = true;
	}
	if (!track)
		return NULL;
	if (created)
		end_slice(perfetto, track);
	if (created && track->group == (uint32_t)ep->cookie)
		name_connection(perfetto, track, ep);
	if (created || process_at(ep->owner)->pid != track->pid)
		name_endpoint(perfetto, track, ep);
	return track;
}

/* ---- the parts of an endpoint's track ---- */

/* Such a step has no information besides the change of state. */
static inline bool is_change(const struct step *step)
{
	return step->record->type == TCPTRACE_T_STATE ||
	       (step->record->type == TCPTRACE_T_LISTEN && step->old_state != step->new_state);
}

/* `step`: what led to the state, NULL: it existed before. */
static void show_state(struct perfetto *perfetto, struct track *track, const struct endpoint *ep,
		       const struct step *step)
{
	bool asked = ep->state != TCPTRACE_S_CLOSE && session_wants_state(perfetto->session, ep->state);
	uint8_t state = asked ? ep->state : 0;
	struct json_object *event;

	if (track->state == state)
		return;
	end_slice(perfetto, track);
	track->state = state;
	if (!state)
		return;
	event = new_event(perfetto, track, "B");
	json_add_string(event, "name", state_name(state));
	if (step && is_change(step))
		perfetto_add_step(add_args(event), step);
	emit(perfetto, event);
}

/* Both in one event: viewers make a track of each, whose name starts with the endpoint's. */
static void show_queues(struct perfetto *perfetto, struct track *track, const struct endpoint *ep, uint32_t recvq,
			uint32_t sendq)
{
	struct json_object *event, *args;
	char text[TEXT_MAX];

	if (track->recvq == recvq && track->sendq == sendq)
		return;
	track->recvq = recvq;
	track->sendq = sendq;
	event = new_event(perfetto, track, "C");
	json_add_text(event, "name", text, put_local(text, zone_at(ep->zone), ep->family, ep->saddr, ep->sport));
	args = add_args(event);
	json_add_int(args, "Recv-Q", recvq);
	json_add_int(args, "Send-Q", sendq);
	emit(perfetto, event);
}

static void show_event(struct perfetto *perfetto, const struct track *track, const struct step *step)
{
	struct json_object *event = new_instant(perfetto, track, "t");

	perfetto_add_name(event, step->record);
	perfetto_add_step(add_args(event), step);
	emit(perfetto, event);
}

/* Without an endpoint: shown with the sending or receiving endpoint, if that was exported. */
static void show_stranger(struct perfetto *perfetto, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	const struct track *track = (step->peer ? find(perfetto, step->peer->cookie) : NULL) ?: &nobody;
	struct json_object *event, *args;
	const struct zone zone = zone_of_record(record);
	char text[TEXT_MAX];

	perfetto->time = record->time;
	if (!track->cookie && !perfetto->named)
		name_nobody(perfetto);
	event = new_instant(perfetto, track, "p");
	perfetto_add_name(event, record);
	args = add_args(event);
	json_add_text(args, "local", text, put_local(text, &zone, record->family, record->saddr, record->sport));
	json_add_text(args, "peer", text, record_put_endpoint(text, record->family, record->daddr, record->dport));
	perfetto_add_step(args, step);
	emit(perfetto, event);
}

/* ---- the view ---- */

static int on_begin(void *arg, struct session *session)
{
	struct perfetto *perfetto = arg;

	perfetto->session = session;
	perfetto->tracks = (struct index_pool)INDEX_POOL(sizeof(struct track));
	out_write(&session->out, "[\n", 2);
	return 0;
}

static void on_socket(void *arg, const struct endpoint *ep)
{
	struct perfetto *perfetto = arg;
	struct track *track;

	if (!session_wants_state(perfetto->session, ep->state))
		return;
	perfetto->time = ep->created;
	track = track_of(perfetto, ep, false);
	if (!track)
		return;
	show_state(perfetto, track, ep, NULL);
	if (ep->state != TCPTRACE_S_LISTEN)
		show_queues(perfetto, track, ep, endpoint_recvq(ep), endpoint_sendq(ep));
}

/* What was in progress when an existing endpoint was found began before that. */
static inline uint64_t not_before(const struct endpoint *ep, uint64_t time)
{
	return time < ep->created ? ep->created : time;
}

static void on_step(void *arg, const struct step *step)
{
	struct perfetto *perfetto = arg;
	const struct tcptrace_record *record = step->record;
	bool asked = perfetto->session->states & (1u << step->new_state | 1u << step->old_state);
	const struct endpoint *ep = step->ep;
	struct track *track;

	if (!ep) {
		if (asked)
			show_stranger(perfetto, step);
		return;
	}
	perfetto->time = not_before(ep, record->time);
	track = asked ? track_of(perfetto, ep, record_begins(record)) : find(perfetto, ep->cookie);
	if (!track)
		return;
	show_state(perfetto, track, ep, step);
	if (ep->flags & EP_OVER || ep->kind == TCPTRACE_K_TIMEWAIT)
		show_queues(perfetto, track, ep, 0, 0);
	else if (record_full(record))
		show_queues(perfetto, track, ep, record_recvq(record), record_sendq(record));
	if (asked && !is_change(step))
		show_event(perfetto, track, step);
}

static void on_verdict(void *arg, const struct endpoint *ep)
{
	struct perfetto *perfetto = arg;
	struct json_object *event, *args;
	struct verdict verdict;
	struct track *track;

	perfetto->time = not_before(ep, ep->last);
	track = track_of(perfetto, ep, false);
	if (!track)
		return;
	verdict_of(ep, &verdict);
	event = new_instant(perfetto, track, "t");
	json_add_string(event, "name", "verdict");
	args = add_args(event);
	json_add_string(args, "how", verdict_how(verdict.how));
	json_add_string(args, "closed_by", verdict_side(verdict.closed_by));
	json_add_string(args, "why", verdict_why(verdict.why));
	json_add_string(args, "reason", verdict_reset_reason(verdict.reset_reason));
	if (verdict.error)
		json_add_errno(args, verdict.error);
	json_add_known(args, "handshake_ns", verdict.handshake);
	json_add_known(args, "duration_ns", verdict.duration);
	json_add_known(args, "bytes_in", verdict.bytes_in);
	json_add_known(args, "bytes_out", verdict.bytes_out);
	json_add_string(args, "bytes_out_counts_syn", verdict.syn_unknown ? "unknown" : NULL);
	json_add_int(args, "retransmits", verdict.retransmits);
	if (verdict.lossy)
		json_add(args, "lossy", json_object_new_boolean(true));
	json_add_owner(args, ep->owner);
	emit(perfetto, event);
}

static void on_lost(void *arg, const struct tcptrace_record *record)
{
	struct perfetto *perfetto = arg;
	struct json_object *event;

	perfetto->time = record->time;
	event = new_instant(perfetto, &nobody, "g");
	json_add_string(event, "name", type_name(record->type));
	json_add_int(add_args(event), "lost", record_lost(&record->u.lost));
	emit(perfetto, event);
}

static void on_end(void *arg, uint64_t time)
{
	struct perfetto *perfetto = arg;

	(void)time;
	out_write(&perfetto->session->out, "\n", perfetto->begun ? 1 : 0);
	out_write(&perfetto->session->out, "]\n", 2);
	map_exit(&perfetto->numbers);
	index_pool_exit(&perfetto->tracks);
}

static const struct session_view view = {
	.summary = print_summary,
	.level = TCPTRACE_L_SEGMENT,
	.level_filtered = TCPTRACE_L_SEGMENT,
	.summary_apart = true,
	.begin = on_begin,
	.socket = on_socket,
	.step = on_step,
	.verdict = on_verdict,
	.lost = on_lost,
	.end = on_end,
};

const struct export_format export_perfetto = {
	.name = "perfetto",
	.size = sizeof(struct perfetto),
	.view = &view,
};
