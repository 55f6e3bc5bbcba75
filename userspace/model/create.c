// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints that are created, and endpoints that existed before their first record. */
#include "model/model_impl.h"

/* What a state implies about the past. */
static uint32_t implied(uint8_t state)
{
	switch (state) {
	case TCPTRACE_S_FIN_WAIT1:
		return EP_FIN_SENT | EP_LOCAL_FIRST;
	case TCPTRACE_S_FIN_WAIT2:
		return EP_FIN_SENT | EP_FIN_ACKED | EP_LOCAL_FIRST;
	case TCPTRACE_S_CLOSING:
		return EP_FIN_SENT | EP_FIN_RCVD | EP_CROSSED;
	case TCPTRACE_S_TIME_WAIT:
		return EP_FIN_SENT | EP_FIN_ACKED | EP_FIN_RCVD;
	case TCPTRACE_S_CLOSE_WAIT:
		return EP_FIN_RCVD | EP_REMOTE_FIRST;
	case TCPTRACE_S_LAST_ACK:
		return EP_FIN_RCVD | EP_FIN_SENT | EP_REMOTE_FIRST;
	default:
		return 0;
	}
}

static void fill_snapshot(struct endpoint *ep, const struct tcptrace_record *record)
{
	ep->kind = record->kind;
	ep->state = record->new_state;
	ep->created = record->time;
	ep->flags |= EP_PREEXISTING | implied(ep->state);
	if (record->flags & TCPTRACE_F_BOUND)
		ep->flags |= EP_BOUND;
	counters_copy(ep, record);
	if (record_listens(record)) {
		counters_copy_backlog(ep, record);
	} else if (record->kind == TCPTRACE_K_REQUEST) {
		ep->flags |= EP_PASSIVE | EP_ISS | EP_IRS;
		ep->iss = record->snd_una;
		ep->irs = record->rcv_nxt - 1;
		ep->retransmits = record->u.listen.retransmits;
	} else if (record->kind == TCPTRACE_K_TIMEWAIT) {
		ep->timeout = record->u.totals.timeout;
	} else {
		if (!state_handshaking(ep->state))
			ep->flags |= EP_SYNCED;
		if (ep->state == TCPTRACE_S_SYN_SENT) {
			ep->flags |= EP_ACTIVE | EP_ISS;
			ep->iss = record->snd_una;
		}
		if (record->flags & TCPTRACE_F_FIN)
			ep->flags |= EP_FIN_COUNTED;
		counters_take_totals(ep, record);
	}
	counters_peaks(ep, endpoint_recvq(ep), ep->state == TCPTRACE_S_LISTEN ? 0 : endpoint_sendq(ep));
	take_owner(&ep->owner, record);
}

void endpoint_from_snapshot(struct endpoint *ep, const struct tcptrace_record *record)
{
	endpoint_name(ep, record);
	fill_snapshot(ep, record);
}

void endpoint_copy(struct endpoint *ep, const struct endpoint *other)
{
	*ep = *other;
	ep->owner = ep->closer = 0;
	process_ref_share(&ep->owner, other->owner);
	process_ref_share(&ep->closer, other->closer);
}

void endpoint_release(struct endpoint *ep)
{
	process_ref_drop(&ep->owner);
	process_ref_drop(&ep->closer);
}

uint32_t model_add(struct model *model, const struct tcptrace_record *record)
{
	uint32_t place = endpoint_table_add(&model->table, record);

	if (place)
		endpoint_at(&model->table, place)->epoch = model->epoch;
	else
		model->full++;
	return place;
}

void model_find_peer(struct model *model, uint32_t place)
{
	struct endpoint *ep = endpoint_at(&model->table, place), *peer;
	uint32_t found = endpoint_table_find_peer(&model->table, place);

	if (!found)
		return;
	endpoint_table_pair(&model->table, place, found);
	peer = endpoint_at(&model->table, found);
	if (peer->last > ep->last)
		ep->last = peer->last;
	if (ep->flags & EP_ISS)
		counters_know_iss(model, ep, ep->iss);
	if (ep->flags & EP_IRS)
		counters_know_irs(model, ep, ep->irs);
	if (peer->flags & EP_ISS)
		counters_know_iss(model, peer, peer->iss);
	if (peer->flags & EP_IRS)
		counters_know_irs(model, peer, peer->irs);
}

struct endpoint *model_bootstrap(struct model *model, const struct tcptrace_record *record)
{
	uint32_t place;

	model_remove_retired(model);
	place = endpoint_table_find(&model->table, record->cookie);
	/* Seen twice: it moved in the kernel's table during the snapshot. The later record counts. */
	if (place)
		model_remove(model, place);
	if (!model_wanted(model, record))
		return NULL;
	place = model_add(model, record);
	if (!place)
		return NULL;
	fill_snapshot(endpoint_at(&model->table, place), record);
	if (record_listens(record))
		return endpoint_at(&model->table, place);
	model_find_peer(model, place);
	if (record->kind == TCPTRACE_K_FULL && !state_handshaking(record->new_state))
		counters_derive(model, endpoint_at(&model->table, place), record);
	return endpoint_at(&model->table, place);
}

/* Its kind before the event: the full socket, if a timewait socket replaces it now. */
static uint8_t kind_before(const struct tcptrace_record *event)
{
	return event->type == TCPTRACE_T_TIMEWAIT && event->op == TCPTRACE_OP_BEGIN ?
	       TCPTRACE_K_FULL : event->kind;
}

uint32_t model_add_before(struct model *model, const struct tcptrace_record *event)
{
	uint32_t place = model_add(model, event);
	struct endpoint *ep = endpoint_at(&model->table, place);

	if (!place)
		return 0;
	ep->state = event->old_state;
	ep->kind = kind_before(event);
	ep->created = event->time;
	ep->flags |= EP_PREEXISTING | implied(ep->state);
	counters_copy(ep, event);
	if (record_listens(event)) {
		counters_copy_backlog(ep, event);
		return place;
	}
	if (ep->kind == TCPTRACE_K_FULL && !state_handshaking(ep->state))
		ep->flags |= EP_SYNCED;
	if (ep->kind == TCPTRACE_K_REQUEST) {
		ep->flags |= EP_PASSIVE | EP_ISS | EP_IRS;
		ep->iss = event->snd_una;
		ep->irs = event->rcv_nxt - 1;
	}
	model_find_peer(model, place);
	return place;
}

/* Its numbers are kept, being newer is no harm; except those of a timewait socket, which are not its own. */
void model_step_back(struct endpoint *ep, const struct tcptrace_record *event)
{
	uint32_t kept = EP_PREEXISTING | EP_ACTIVE | EP_PASSIVE | EP_ISS | EP_IRS | EP_BOUND;
	uint8_t kind = kind_before(event);

	if (kind == ep->kind)
		kept |= EP_FIN_COUNTED;
	else
		counters_copy(ep, event);
	ep->kind = kind;
	ep->state = event->old_state;
	ep->flags = (ep->flags & kept) | implied(ep->state);
	if (kind == TCPTRACE_K_FULL && !state_handshaking(ep->state))
		ep->flags |= EP_SYNCED;
	ep->timeout = 0;
}

struct endpoint *model_bootstrap_before(struct model *model, const struct tcptrace_record *event)
{
	model_remove_retired(model);
	if (!event->cookie || event->old_state == TCPTRACE_S_CLOSE || !event->old_state ||
	    !model_wanted(model, event))
		return NULL;
	return endpoint_at(&model->table, model_add_before(model, event));
}

void model_forget(struct model *model, uint64_t cookie)
{
	uint32_t place;

	model_remove_retired(model);
	place = endpoint_table_find(&model->table, cookie);
	if (place)
		model_remove(model, place);
}

void model_begin(struct change *change)
{
	const struct tcptrace_record *record = change->record;
	struct endpoint *ep = change->ep;
	uint32_t stale;

	ep->kind = record->kind;
	ep->state = record->new_state;
	ep->created = record->time;
	ep->since = record->time;
	ep->flags |= EP_SINCE;
	if (record->type == TCPTRACE_T_CONNECT && record->flags & TCPTRACE_F_BOUND)
		ep->flags |= EP_BOUND;
	counters_copy(ep, record);
	if (record->type == TCPTRACE_T_LISTEN) {
		counters_copy_backlog(ep, record);
		return;
	}
	if (record->type == TCPTRACE_T_CONNECT && record->flags & TCPTRACE_F_REPAIR) {
		/* As if the SYNs had been the numbers before. */
		ep->flags |= EP_RESTORED | EP_ISS | EP_IRS;
		ep->iss = record->write_seq - 1;
		ep->irs = record->rcv_nxt - 1;
	} else if (record->type == TCPTRACE_T_CONNECT) {
		ep->flags |= EP_ACTIVE | EP_ISS;
		ep->iss = record->write_seq;
	} else {
		ep->flags |= EP_PASSIVE | EP_ISS | EP_IRS;
		if (record->flags & TCPTRACE_F_COOKIE_SYN)
			ep->flags |= EP_COOKIE;
		/* A child's SYN-ACK is acknowledged, a request's is not. */
		ep->iss = record->snd_una - (record->op == TCPTRACE_OP_ACKED);
		ep->irs = record->copied_seq - 1;
	}
	stale = endpoint_table_find_stale(&change->model->table, change->place);
	if (stale)
		model_remove(change->model, stale);
	model_find_peer(change->model, change->place);
}
