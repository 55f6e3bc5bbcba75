/* SPDX-License-Identifier: GPL-2.0-only */
/* The history of each listener's two queues since its first record. */
#ifndef TCPTRACE_LISTENERS_H
#define TCPTRACE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "model/model.h"

struct listener {
	struct endpoint ep;		/* as of its last record: its addresses and its process */
	uint64_t time;		/* of the queue lengths */
	uint32_t queue, queue_peak, queue_max;	/* connections that wait for accept(), and the maximum */
	uint32_t syn, syn_peak;	/* half-open connections */
	uint64_t accepted;
	uint64_t overflows;	/* refused because the accept queue was full */
	uint64_t drops;		/* refused for another reason */
	uint64_t waited;	/* the longest wait for accept(), UNKNOWN: none was seen */
	uint64_t waiting;	/* the longest wait so far of those still waiting; 0: none */
	size_t place;		/* in `all` */
	bool closed;		/* it is in the list of closed ones */
	TAILQ_ENTRY(listener) closed_list;
};

/* So that memory does not grow over months: beyond this number, those that closed first are removed. */
#define LISTENERS_KEPT	4096

struct listeners {
	struct map by_cookie;
	struct listener **all;
	size_t count, room;
	TAILQ_HEAD(, listener) closed;	/* those that closed first come first */
	uint64_t forgotten;
	bool full;		/* no memory for some */
};

void listeners_free(struct listeners *listeners);

/* An existing socket, from a record of type SNAPSHOT; it need not be a listener. */
void listeners_snapshot(struct listeners *listeners, const struct tcptrace_record *record);
/* Its process, as far as that is known by then. */
void listeners_owner(struct listeners *listeners, const struct endpoint *ep);
void listeners_step(struct listeners *listeners, const struct step *step);

/* Updates who is waiting at `time`, and sorts `all` by netns, port and address. */
void listeners_look(struct listeners *listeners, const struct model *model, uint64_t time);

/* Whether it has closed. */
static inline bool listener_over(const struct listener *listener)
{
	return listener->ep.state != TCPTRACE_S_LISTEN;
}

/* Reports on standard error how many of them were removed from `all`, if any. */
void listeners_say_forgotten(const struct listeners *listeners);

/* The longest wait, whether it has ended or not. */
static inline uint64_t listener_longest(const struct listener *listener)
{
	if (listener->waited != UNKNOWN && listener->waited >= listener->waiting)
		return listener->waited;
	return listener->waiting ? listener->waiting : listener->waited;
}

#endif
