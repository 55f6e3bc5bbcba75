/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of each listener's two queues since the first record of it. */
#ifndef TCPTRACE_LISTENERS_H
#define TCPTRACE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "model/model.h"

struct listener {
	struct endpoint ep;		/* as of its last record: who it is, and whose */
	uint32_t ifindex;	/* bound device, 0: none */
	uint64_t time;		/* of the queues' figures */
	uint32_t queue, queue_peak, queue_max;	/* connections that wait for accept(), and how many may */
	uint32_t syn, syn_peak;	/* half-open ones */
	uint64_t accepted;
	uint64_t overflows;	/* refused because the accept queue was full, */
	uint64_t drops;		/* or for another reason */
	uint64_t waited;	/* the longest time until accept(), UNKNOWN: nobody was seen to wait */
	uint64_t waiting;	/* of those that still wait, the longest until now; 0: none */
	size_t place;		/* in `all` */
	bool closed;		/* it is in the list of those */
	TAILQ_ENTRY(listener) closed_list;
};

/* What runs for months does not grow with each listener that there was: beyond so many, those that closed first go. */
#define LISTENERS_KEPT	4096

struct listeners {
	struct map by_cookie;
	struct listener **all;
	size_t count, room;
	TAILQ_HEAD(, listener) closed;	/* who closed first comes first */
	uint64_t forgotten;
	bool full;		/* no memory for some */
};

void listeners_free(struct listeners *listeners);

/* A socket that was there, from a record of type SNAPSHOT; a listener or not. */
void listeners_snapshot(struct listeners *listeners, const struct tcptrace_record *record);
/* Whose it is, as far as that is known by then. */
void listeners_owner(struct listeners *listeners, const struct endpoint *ep);
void listeners_step(struct listeners *listeners, const struct step *step);

/* Looks who waits at `time`, and brings `all` into the order of netns, port and address. */
void listeners_look(struct listeners *listeners, const struct model *model, uint64_t time);

/* Whether it has closed. */
static inline bool listener_over(const struct listener *listener)
{
	return listener->ep.state != TCPTRACE_S_LISTEN;
}

/* Says on standard error how many of them are not in `all` any more, where there are such. */
void listeners_say_forgotten(const struct listeners *listeners);

/* The longest wait, be it over or not. */
static inline uint64_t listener_longest(const struct listener *listener)
{
	if (listener->waited != UNKNOWN && listener->waited >= listener->waiting)
		return listener->waited;
	return listener->waiting ? listener->waiting : listener->waited;
}

#endif
