// SPDX-License-Identifier: GPL-2.0-only
/* Ends that begin, and ends that were there before anything was heard of them. */
#include "model/model_impl.h"

/* What a state says of the way to it. */
static uint32_t implied(uint8_t state)
{
	switch (state) {
	case TCPTRACE_S_FIN_WAIT1:
		return END_FIN_SENT | END_LOCAL_FIRST;
	case TCPTRACE_S_FIN_WAIT2:
		return END_FIN_SENT | END_FIN_ACKED | END_LOCAL_FIRST;
	case TCPTRACE_S_CLOSING:
		return END_FIN_SENT | END_FIN_RCVD | END_CROSSED;
	case TCPTRACE_S_TIME_WAIT:
		return END_FIN_SENT | END_FIN_ACKED | END_FIN_RCVD;
	case TCPTRACE_S_CLOSE_WAIT:
		return END_FIN_RCVD | END_REMOTE_FIRST;
	case TCPTRACE_S_LAST_ACK:
		return END_FIN_RCVD | END_FIN_SENT | END_REMOTE_FIRST;
	default:
		return 0;
	}
}

static void fill_snapshot(struct end *end, const struct tcptrace_record *record)
{
	end->kind = record->kind;
	end->state = record->new_state;
	end->created = record->time;
	end->flags |= END_PREEXISTING | implied(end->state);
	counters_copy(end, record);
	if (record_listens(record)) {
		counters_copy_backlog(end, record);
	} else if (record->kind == TCPTRACE_K_REQUEST) {
		end->flags |= END_PASSIVE | END_ISS | END_IRS;
		end->iss = record->snd_una;
		end->irs = record->rcv_nxt - 1;
		end->retransmits = record->u.listen.retransmits;
	} else if (record->kind == TCPTRACE_K_TIMEWAIT) {
		end->timeout = record->u.totals.timeout;
	} else {
		if (!state_handshaking(end->state))
			end->flags |= END_SYNCED;
		if (end->state == TCPTRACE_S_SYN_SENT) {
			end->flags |= END_ACTIVE | END_ISS;
			end->iss = record->snd_una;
		}
		if (record->flags & TCPTRACE_F_FIN)
			end->flags |= END_FIN_COUNTED;
		counters_take_totals(end, record);
	}
	counters_peaks(end, end_recvq(end), end->state == TCPTRACE_S_LISTEN ? 0 : end_sendq(end));
	take_owner(&end->owner, record);
}

void end_from_snapshot(struct end *end, const struct tcptrace_record *record)
{
	ends_name(end, record);
	fill_snapshot(end, record);
}

void end_copy(struct end *end, const struct end *other)
{
	*end = *other;
	end->owner = end->closer = 0;
	process_ref_share(&end->owner, other->owner);
	process_ref_share(&end->closer, other->closer);
}

void end_release(struct end *end)
{
	process_ref_drop(&end->owner);
	process_ref_drop(&end->closer);
}

uint32_t model_add(struct model *model, const struct tcptrace_record *record)
{
	uint32_t place = ends_add(&model->ends, record);

	if (place)
		ends_at(&model->ends, place)->epoch = model->epoch;
	else
		model->full++;
	return place;
}

void model_find_peer(struct model *model, uint32_t place)
{
	struct end *end = ends_at(&model->ends, place), *peer;
	uint32_t found = ends_find_peer(&model->ends, place);

	if (!found)
		return;
	ends_pair(&model->ends, place, found);
	peer = ends_at(&model->ends, found);
	if (peer->last > end->last)
		end->last = peer->last;
	if (end->flags & END_ISS)
		counters_know_iss(model, end, end->iss);
	if (end->flags & END_IRS)
		counters_know_irs(model, end, end->irs);
	if (peer->flags & END_ISS)
		counters_know_iss(model, peer, peer->iss);
	if (peer->flags & END_IRS)
		counters_know_irs(model, peer, peer->irs);
}

struct end *model_bootstrap(struct model *model, const struct tcptrace_record *record)
{
	uint32_t place;

	model_remove_retired(model);
	place = ends_find(&model->ends, record->cookie);
	/* Came by twice: it changed its place in the kernel's table meanwhile. The later one counts. */
	if (place)
		model_remove(model, place);
	if (!model_wanted(model, record))
		return NULL;
	place = model_add(model, record);
	if (!place)
		return NULL;
	fill_snapshot(ends_at(&model->ends, place), record);
	if (record_listens(record))
		return ends_at(&model->ends, place);
	model_find_peer(model, place);
	if (record->kind == TCPTRACE_K_FULL && !state_handshaking(record->new_state))
		counters_derive(model, ends_at(&model->ends, place), record);
	return ends_at(&model->ends, place);
}

/* What it was before: the full socket, where a timewait one takes its place now. */
static uint8_t kind_before(const struct tcptrace_record *event)
{
	return event->type == TCPTRACE_T_TIMEWAIT && event->op == TCPTRACE_OP_BEGIN ?
	       TCPTRACE_K_FULL : event->kind;
}

uint32_t model_add_before(struct model *model, const struct tcptrace_record *event)
{
	uint32_t place = model_add(model, event);
	struct end *end = ends_at(&model->ends, place);

	if (!place)
		return 0;
	end->state = event->old_state;
	end->kind = kind_before(event);
	end->created = event->time;
	end->flags |= END_PREEXISTING | implied(end->state);
	counters_copy(end, event);
	if (record_listens(event)) {
		counters_copy_backlog(end, event);
		return place;
	}
	if (end->kind == TCPTRACE_K_FULL && !state_handshaking(end->state))
		end->flags |= END_SYNCED;
	if (end->kind == TCPTRACE_K_REQUEST) {
		end->flags |= END_PASSIVE | END_ISS | END_IRS;
		end->iss = event->snd_una;
		end->irs = event->rcv_nxt - 1;
	}
	model_find_peer(model, place);
	return place;
}

/* Its numbers stay, they are no worse for being younger; but those of a timewait socket are not its own. */
void model_step_back(struct end *end, const struct tcptrace_record *event)
{
	uint32_t kept = END_PREEXISTING | END_ACTIVE | END_PASSIVE | END_ISS | END_IRS | END_BOUND;
	uint8_t kind = kind_before(event);

	if (kind == end->kind)
		kept |= END_FIN_COUNTED;
	else
		counters_copy(end, event);
	end->kind = kind;
	end->state = event->old_state;
	end->flags = (end->flags & kept) | implied(end->state);
	if (kind == TCPTRACE_K_FULL && !state_handshaking(end->state))
		end->flags |= END_SYNCED;
	end->timeout = 0;
}

struct end *model_bootstrap_before(struct model *model, const struct tcptrace_record *event)
{
	model_remove_retired(model);
	if (!event->cookie || event->old_state == TCPTRACE_S_CLOSE || !event->old_state ||
	    !model_wanted(model, event))
		return NULL;
	return ends_at(&model->ends, model_add_before(model, event));
}

void model_forget(struct model *model, uint64_t cookie)
{
	uint32_t place;

	model_remove_retired(model);
	place = ends_find(&model->ends, cookie);
	if (place)
		model_remove(model, place);
}

void model_begin(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct end *end = change->end;
	uint32_t stale;

	end->kind = record->kind;
	end->state = record->new_state;
	end->created = record->time;
	end->since = record->time;
	end->flags |= END_SINCE;
	counters_copy(end, record);
	if (record->type == TCPTRACE_T_LISTEN) {
		counters_copy_backlog(end, record);
		return;
	}
	if (record->type == TCPTRACE_T_CONNECT) {
		end->flags |= END_ACTIVE | END_ISS;
		end->iss = record->write_seq;
	} else {
		end->flags |= END_PASSIVE | END_ISS | END_IRS;
		if (record->flags & TCPTRACE_F_COOKIE_SYN)
			end->flags |= END_COOKIE;
		/* A child's SYN-ACK is acknowledged, a request's is not. */
		end->iss = record->snd_una - (record->op == TCPTRACE_OP_ACKED);
		end->irs = record->copied_seq - 1;
	}
	stale = ends_find_stale(&change->model->ends, change->place);
	if (stale)
		model_remove(change->model, stale);
	model_find_peer(change->model, change->place);
}
