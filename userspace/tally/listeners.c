// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "record/record.h"
#include "tally/listeners.h"

static struct listener *find(const struct listeners *listeners, uint64_t cookie)
{
	return map_get(&listeners->by_cookie, cookie);
}

static struct listener *find_or_add(struct listeners *listeners, uint64_t cookie)
{
	struct listener *listener = find(listeners, cookie);

	if (listener)
		return listener;
	listener = calloc(1, sizeof(*listener));
	if (listener) {
		listener->ep.cookie = cookie;
		listener->waited = UNKNOWN;
	}
	if (!listener || !array_reserve(listeners->all, listeners->room, listeners->count + 1) ||
	    !map_put(&listeners->by_cookie, cookie, listener)) {
		free(listener);
		listeners->full = true;
		return NULL;
	}
	if (!listeners->count)
		TAILQ_INIT(&listeners->closed);
	listener->place = listeners->count++;
	listeners->all[listener->place] = listener;
	return listener;
}

/* Called when it listens, and when it stops: one that closes again has closed later. */
static void note_closed(struct listeners *listeners, struct listener *listener)
{
	if (listener->closed)
		TAILQ_REMOVE(&listeners->closed, listener, closed_list);
	listener->closed = listener_over(listener);
	if (listener->closed)
		TAILQ_INSERT_TAIL(&listeners->closed, listener, closed_list);
}

static void drop(struct listeners *listeners, struct listener *listener)
{
	struct listener *last = listeners->all[--listeners->count];

	listeners->all[listener->place] = last;
	last->place = listener->place;
	if (listener->closed)
		TAILQ_REMOVE(&listeners->closed, listener, closed_list);
	map_remove(&listeners->by_cookie, listener->ep.cookie);
	endpoint_release(&listener->ep);
	free(listener);
}

void listeners_free(struct listeners *listeners)
{
	while (listeners->count)
		drop(listeners, listeners->all[listeners->count - 1]);
	free(listeners->all);
	map_exit(&listeners->by_cookie);
}

static void forget_oldest(struct listeners *listeners)
{
	struct listener *oldest = TAILQ_FIRST(&listeners->closed);

	if (!oldest)
		return;
	drop(listeners, oldest);
	listeners->forgotten++;
}

void listeners_say_forgotten(const struct listeners *listeners)
{
	if (listeners->forgotten)
		warnx("%" PRIu64 " closed listeners are not shown, the oldest ones: at most %d are kept",
		      listeners->forgotten, LISTENERS_KEPT);
}

/* ---- the queues ---- */

static inline void raise_to(uint32_t *peak, uint32_t value)
{
	if (value > *peak)
		*peak = value;
}

/*
 * The record is made before the kernel moves the request: one that is created is not in the SYN queue yet, one that is
 * acknowledged or given up still is. With a SYN cookie or fast open it never was.
 */
static uint32_t syn_after(const struct tcptrace_record *record)
{
	uint32_t syn = record->u.listen.syn_backlog;

	if (record->type != TCPTRACE_T_REQUEST)
		return syn;
	switch (record->op) {
	case TCPTRACE_OP_OPEN:
		return syn + 1;
	case TCPTRACE_OP_ACKED:
	case TCPTRACE_OP_TIMEDOUT:
	case TCPTRACE_OP_DROPPED:
	case TCPTRACE_OP_UNREACHABLE:
	case TCPTRACE_OP_DESTROYED:
		return syn && !(record->flags & TCPTRACE_F_COOKIE_SYN) ? syn - 1 : syn;
	default:
		return syn;
	}
}

static void take_queues(struct listener *listener, const struct tcptrace_record *record)
{
	const struct tcptrace_listen *listen = &record->u.listen;

	/* A replayed event, from before the snapshot. */
	if (record->time < listener->time)
		return;
	listener->time = record->time;
	listener->queue = listen->backlog + (record->type == TCPTRACE_T_REQUEST &&
					     record->op == TCPTRACE_OP_ACKED);
	listener->queue_max = listen->backlog_max;
	listener->syn = syn_after(record);
	raise_to(&listener->queue_peak, listener->queue);
	raise_to(&listener->syn_peak, listener->syn);
}

void listeners_snapshot(struct listeners *listeners, const struct tcptrace_record *record)
{
	struct listener *listener;

	if (!record_listens(record))
		return;
	listener = find_or_add(listeners, record->cookie);
	if (!listener)
		return;
	endpoint_release(&listener->ep);
	endpoint_from_snapshot(&listener->ep, record);
	note_closed(listeners, listener);
	take_queues(listener, record);
}

void listeners_owner(struct listeners *listeners, const struct endpoint *ep)
{
	struct listener *listener = ep->state == TCPTRACE_S_LISTEN ? find(listeners, ep->cookie) : NULL;

	if (listener)
		process_ref_share(&listener->ep.owner, ep->owner);
}

/* ---- steps ---- */

static void accepted(struct listener *listener, const struct step *step)
{
	uint64_t waited = step->ep ? endpoint_waited(step->ep) : UNKNOWN;

	listener->accepted++;
	if (waited != UNKNOWN && (listener->waited == UNKNOWN || waited > listener->waited))
		listener->waited = waited;
	if (!listener->ep.owner && step->did)
		process_ref_share(&listener->ep.owner, step->ep->owner);
}

static void refused(struct listener *listener, const struct tcptrace_listen *listen)
{
	if (listen->backlog > listen->backlog_max)
		listener->overflows++;
	else
		listener->drops++;
}

void listeners_step(struct listeners *listeners, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	struct listener *listener;

	switch (record->type) {
	case TCPTRACE_T_LISTEN:
		listener = find_or_add(listeners, record->cookie);
		if (listener && step->ep) {
			endpoint_release(&listener->ep);
			endpoint_copy(&listener->ep, step->ep);
		}
		if (listener)
			note_closed(listeners, listener);
		break;
	case TCPTRACE_T_DROP:
		/* Not of a listener. */
		if (record->op == TCPTRACE_OP_SEGMENT)
			return;
		/* fallthrough */
	case TCPTRACE_T_REQUEST:
	case TCPTRACE_T_ACCEPT:
		listener = find(listeners, record->u.listen.listener);
		break;
	default:
		return;
	}
	if (!listener)
		return;
	take_queues(listener, record);
	if (record->type == TCPTRACE_T_ACCEPT)
		accepted(listener, step);
	else if (record->type == TCPTRACE_T_DROP)
		refused(listener, &record->u.listen);
	else if (listener_over(listener) && listeners->count > LISTENERS_KEPT)
		forget_oldest(listeners);
}

/* ---- waiting for accept() ---- */

/* Established, and not accepted yet. */
static bool waits(const struct endpoint *ep)
{
	const uint32_t passive = EP_PASSIVE | EP_HANDSHAKE;

	return (ep->flags & passive) == passive && !ep->owner && ep->kind == TCPTRACE_K_FULL;
}

static int by_tuple(const void *a, const void *b)
{
	const struct endpoint *one = &(*(struct listener **)a)->ep, *other = &(*(struct listener **)b)->ep;
	const struct zone *here = zone_at(one->zone), *there = zone_at(other->zone);

	if (here->netns != there->netns)
		return here->netns < there->netns ? -1 : 1;
	if (one->sport != other->sport)
		return one->sport < other->sport ? -1 : 1;
	if (memcmp(one->saddr, other->saddr, sizeof(one->saddr)))
		return memcmp(one->saddr, other->saddr, sizeof(one->saddr));
	if (here->ifindex != there->ifindex)
		return here->ifindex < there->ifindex ? -1 : 1;
	return one->cookie < other->cookie ? -1 : one->cookie > other->cookie;
}

void listeners_look(struct listeners *listeners, const struct model *model, uint64_t time)
{
	const struct endpoint *ep;
	uint32_t place = 0;
	size_t i;

	for (i = 0; i < listeners->count; i++)
		listeners->all[i]->waiting = 0;
	while ((ep = model_next(model, &place))) {
		const struct endpoint *of = waits(ep) ? model_listener(model, ep) : NULL;
		struct listener *listener = of ? find(listeners, of->cookie) : NULL;
		uint64_t waited = listener ? endpoint_waits(ep, time) : 0;

		if (listener && waited > listener->waiting)
			listener->waiting = waited;
	}
	if (listeners->count)
		qsort(listeners->all, listeners->count, sizeof(*listeners->all), by_tuple);
	for (i = 0; i < listeners->count; i++)
		listeners->all[i]->place = i;
}
