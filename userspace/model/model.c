// SPDX-License-Identifier: GPL-2.0-only
/* The model: takes one record after the other, and returns one step for each. */
#include <netinet/tcp.h>
#include <stdlib.h>

#include "model/model_impl.h"
#include "model/queue_stats.h"

struct model *model_new(const struct model_options *options)
{
	struct model *model = calloc(1, sizeof(*model));
	uint32_t max = options->max_endpoints ? options->max_endpoints : MODEL_ENDPOINTS_MAX;

	if (!model)
		return NULL;
	model->options = *options;
	if (endpoint_table_init(&model->table, max)) {
		free(model);
		return NULL;
	}
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	endpoint_table_exit(&model->table);
	free(model->pending);
	free(model);
}

const struct endpoint *model_find(const struct model *model, uint64_t cookie)
{
	return endpoint_at(&model->table, endpoint_table_find(&model->table, cookie));
}

const struct endpoint *model_peer(const struct model *model, const struct endpoint *ep)
{
	return endpoint_at(&model->table, ep->peer);
}

const struct endpoint *model_listener(const struct model *model, const struct endpoint *ep)
{
	return endpoint_at(&model->table, endpoint_table_find_listener(&model->table, ep));
}

const struct process *model_owner(const struct model *model, const struct endpoint *ep)
{
	const struct endpoint *listener = ep->owner ? NULL : model_listener(model, ep);

	return process_at(listener ? listener->owner : ep->owner);
}

const struct endpoint *model_next(const struct model *model, uint32_t *place)
{
	while (++*place < model->table.used) {
		const struct endpoint *ep = endpoint_at(&model->table, *place);

		if (ep->cookie && !(ep->flags & EP_OVER) &&
		    (!model->options.shown || model->options.shown(ep, model->options.arg)))
			return ep;
	}
	return NULL;
}

uint32_t model_place(const struct model *model, const struct endpoint *ep)
{
	return ep - model->table.all;
}

uint32_t model_endpoint_count(const struct model *model)
{
	return model->table.count - !!model->retired;
}

uint64_t model_full(const struct model *model)
{
	return model->full;
}

struct endpoint *model_endpoint(struct model *model, uint64_t cookie)
{
	return endpoint_at(&model->table, endpoint_table_find(&model->table, cookie));
}

bool model_wanted(const struct model *model, const struct tcptrace_record *record)
{
	return !model->options.wanted || model->options.wanted(record, model->options.arg);
}

/* ---- the end of endpoints ---- */

/* Its entry among the pending ones is skipped by model_settle(). */
static void forget_pending(struct model *model, uint32_t place)
{
	endpoint_at(&model->table, place)->flags &= ~EP_PENDING;
}

void model_remove(struct model *model, uint32_t place)
{
	if (endpoint_at(&model->table, place)->flags & EP_PENDING)
		forget_pending(model, place);
	if (model->retired == place)
		model->retired = 0;
	endpoint_table_remove(&model->table, place);
}

static bool add_pending(struct model *model, uint32_t place)
{
	if (model->pending_count == model->pending_room) {
		uint32_t room = model->pending_room ? 2 * model->pending_room : 64, i;
		struct pending *pending = malloc(room * sizeof(*pending));

		if (!pending)
			return false;
		for (i = 0; i < model->pending_count; i++)
			pending[i] = model->pending[(model->pending_first + i) % model->pending_room];
		free(model->pending);
		model->pending = pending;
		model->pending_room = room;
		model->pending_first = 0;
	}
	model->pending[(model->pending_first + model->pending_count++) % model->pending_room] = (struct pending){
		.cookie = endpoint_at(&model->table, place)->cookie,
		.place = place,
	};
	return true;
}

bool model_pending(const struct model *model)
{
	return model->pending_count;
}

const struct endpoint *model_settle(struct model *model, uint64_t time)
{
	while (model->pending_count) {
		const struct pending *first = &model->pending[model->pending_first];
		uint32_t place = first->place;
		struct endpoint *ep = endpoint_at(&model->table, place);
		bool waits = ep->cookie == first->cookie && ep->flags & EP_PENDING;

		if (waits && ep->since > time)
			return NULL;
		model->pending_first = (model->pending_first + 1) % model->pending_room;
		model->pending_count--;
		/* Settled by its RST, or gone. */
		if (!waits)
			continue;
		model_remove_retired(model);
		ep->flags &= ~EP_PENDING;
		model->retired = place;
		return ep;
	}
	return NULL;
}

void model_retire(struct change *change)
{
	if (change->ep->flags & EP_PENDING)
		forget_pending(change->model, change->place);
	change->model->retired = change->place;
}

void model_settled(struct change *change)
{
	change->step->verdict = true;
	model_retire(change);
}

/*
 * Without memory to defer it, the verdict is given now. Nothing but a damaged recording reports twice that a socket is
 * closed.
 */
void model_unsettled(struct change *change)
{
	if (change->ep->flags & EP_PENDING)
		return;
	if (add_pending(change->model, change->place))
		change->ep->flags |= EP_PENDING;
	else
		model_settled(change);
}

/* ---- a record ---- */

/*
 * The full socket that a timewait socket replaced still changes to CLOSE, and may still be read and closed. A child
 * that did not come to life changes to CLOSE as well, and its request continues.
 */
static bool is_shadow(const struct model *model, const struct endpoint *ep,
		      const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_FULL || record->type != TCPTRACE_T_STATE)
		return false;
	if (ep->kind == TCPTRACE_K_TIMEWAIT)
		return true;
	return ep->kind == TCPTRACE_K_REQUEST && record->old_state == TCPTRACE_S_SYN_RECV &&
	       record->new_state == TCPTRACE_S_CLOSE && ep->epoch == model->epoch;
}

/* True if the record has no socket to keep track of. */
static bool is_nobody(const struct tcptrace_record *record)
{
	return !record->cookie || record->kind == TCPTRACE_K_NONE || record_syn_unsent(record) ||
	       (!record_begins(record) && record->old_state == TCPTRACE_S_CLOSE);
}

/*
 * The RST that aborts a half-open connection names the listener, so no endpoint. It answers what would have been the
 * third segment of the handshake if there had been room, or another SYN. A RST that answers a wrong ack leaves the
 * request alone.
 */
static void on_reply(struct model *model, const struct tcptrace_record *record)
{
	struct endpoint *ep = endpoint_at(&model->table, endpoint_table_find_tuple(&model->table, record));
	const struct tcptrace_segment *segment = &record->u.segment;

	if (ep && ep->kind == TCPTRACE_K_REQUEST && ep->flags & EP_ISS &&
	    (segment->flags & TH_ACK || segment->seq == ep->iss + 1))
		ep->flags |= EP_RST_SENT;
}

/* Segments are shown even without an endpoint, and so is what a listener did with one; the peer may be known. */
static enum model_outcome without_endpoint(struct change *change)
{
	struct model *model = change->model;
	const struct tcptrace_record *record = change->record;

	switch (record->type) {
	/* What never was a connection, and has no peer. */
	case TCPTRACE_T_CONNECT:
		change->step->did = record->pid;
		return MODEL_STEP;
	case TCPTRACE_T_SHUTDOWN:
		change->step->did = record->pid;
		return record_syn_unsent(record) ? MODEL_STEP : MODEL_SKIP;
	case TCPTRACE_T_RESET:
		on_reply(model, record);
		break;
	case TCPTRACE_T_SEGMENT:
		break;
	case TCPTRACE_T_REQUEST:
	case TCPTRACE_T_DROP:
		if (record->op != TCPTRACE_OP_SEGMENT)
			counters_take_backlog(model, record);
		break;
	default:
		return MODEL_SKIP;
	}
	change->peer = endpoint_at(&model->table, endpoint_table_find_peer_of(&model->table, record));
	return MODEL_STEP;
}

static void timing(struct change *change)
{
	uint64_t time = change->record->time;
	struct endpoint *ep = change->ep, *peer = change->peer;
	uint64_t last = ep ? ep->last : 0;

	if (peer && peer->last > last)
		last = peer->last;
	/* Records of one connection may have the same time, but never go back. */
	if (last && time >= last)
		change->step->since = time - last;
	if (ep)
		ep->last = time;
	if (peer)
		peer->last = time;
}

static void attribute(struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (step->did) {
		step->pid = record->pid;
		step->comm = record->comm;
	} else if (step->ep) {
		const struct process *owner = process_at(step->ep->owner);

		step->pid = owner->pid;
		step->comm = owner->comm;
	}
}

/* queue_stats compares with the previous counters. */
static void take_queues(struct change *change)
{
	if (change->record->type == TCPTRACE_T_STATE || change->record->type == TCPTRACE_T_TIMEWAIT)
		change_data_before_fin(change);
	if (change->ep->queue_stats)
		change->step->waited = queue_stats_take(queue_stats_of(change->ep), change->ep, change->record);
	counters_take(change->model, change->ep, change->record);
}

static void take_counters(struct change *change, bool created)
{
	const struct tcptrace_record *record = change->record;
	bool whole = record_full(record) || (record->type == TCPTRACE_T_TIMEWAIT &&
					     record->op == TCPTRACE_OP_BEGIN);

	if (whole && !created && !record_beside(record))
		take_queues(change);
	else if (record->kind == TCPTRACE_K_TIMEWAIT)
		counters_copy(change->ep, record);
}

static void on_endpoint(struct change *change, bool created)
{
	const struct tcptrace_record *record = change->record;
	struct model *model = change->model;
	struct step *step = change->step;
	struct endpoint *ep = change->ep;
	bool dead = ep->kind == TCPTRACE_K_TIMEWAIT && record->kind == TCPTRACE_K_FULL;

	if (ep->epoch != model->epoch) {
		ep->epoch = model->epoch;
		ep->flags |= EP_LOSSY;
		if (ep->queue_stats) {
			queue_stats_broken(queue_stats_of(ep), record->time);
			counters_written(ep, ep->write_seq);
		}
	}
	change->peer = endpoint_at(&model->table, ep->peer);
	/* What moved is computed from the previous counters; everything else uses the new ones. */
	if (record_has_queue(record))
		change_apply(change);
	take_counters(change, created);
	if (!record_has_queue(record))
		change_apply(change);
	if (dead)
		step->old_state = step->new_state = ep->state;
}

enum model_outcome model_apply(struct model *model, const struct tcptrace_record *record,
			       const struct tcptrace_record *next, struct step *step)
{
	struct change change = { .model = model, .record = record, .step = step };
	enum model_outcome outcome = MODEL_STEP;
	bool created = false;

	model_remove_retired(model);
	*step = (struct step){
		.record = record,
		.since = UNKNOWN,
		.in_state = UNKNOWN,
		.waited = UNKNOWN,
		.comm = "",
		.old_state = record->old_state,
		.new_state = record->new_state,
		.merged = next && record_fin_acked(record) && record_fin_merged(next, record->stamp),
	};
	if (record->type == TCPTRACE_T_LOST) {
		model->epoch++;
		return MODEL_LOST;
	}
	if (record->type == TCPTRACE_T_SNAPSHOT)
		return MODEL_SKIP;

	change.place = record->cookie ? endpoint_table_find(&model->table, record->cookie) : 0;
	if (change.place && record_begins(record)) {
		/* The same socket again, connected or listening once more. */
		model_remove(model, change.place);
		change.place = 0;
	}
	if (!change.place) {
		if (!model_wanted(model, record))
			return MODEL_SKIP;
		if (is_nobody(record)) {
			outcome = without_endpoint(&change);
		} else if (record_begins(record)) {
			created = true;
			change.place = model_add(model, record);
		} else {
			change.place = model_add_before(model, record);
		}
	}
	if (outcome == MODEL_SKIP)
		return outcome;
	change.ep = endpoint_at(&model->table, change.place);
	if (change.ep) {
		if (is_shadow(model, change.ep, record))
			return MODEL_SKIP;
		if (created)
			model_begin(&change);
		on_endpoint(&change, created);
	}
	timing(&change);
	step->ep = change.ep;
	step->peer = change.peer;
	attribute(step);
	return outcome;
}
