/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of ends: found by cookie, and by tuple from either side, so that the two
 * ends of a connection on this host find each other. Only the model's parts use it.
 */
#ifndef TCPTRACE_ENDS_H
#define TCPTRACE_ENDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "model/model.h"

/*
 * Ends do not move: address space for all that may be is set aside, memory comes as it is used. Place 0 stays
 * empty, its number is "none".
 */
struct ends {
	struct end *all;	/* a place that is free again has cookie 0 */
	uint32_t used;		/* places ever used */
	uint32_t free;		/* the first of those free again, linked by cookie_next */
	uint32_t count, max;
	uint32_t *ifindex;	/* by place, of those that are END_BOUND; memory comes as it is used here, too */

	uint32_t *by_cookie, *by_tuple;	/* heads of chains */
	uint32_t bits;			/* 1 << bits heads each */
};

/*
 * Ends whose tuple is the same share a chain, whatever the hash. Listeners of one address in one namespace, and ends in
 * some namespaces do; more than so many somebody has made up, and all others would be looked for among them.
 */
#define ENDS_ALIKE	1024

int ends_init(struct ends *ends, uint32_t max);
void ends_exit(struct ends *ends);

static inline struct end *ends_at(const struct ends *ends, uint32_t place)
{
	return place ? &ends->all[place] : NULL;
}

static inline uint32_t *ends_cookie_head(const struct ends *ends, uint64_t cookie)
{
	return &ends->by_cookie[hash_place(hash_number(cookie), ends->bits)];
}

/* To the device that its record names, or to none any more. */
static inline void ends_bind(struct ends *ends, struct end *end, uint32_t ifindex)
{
	end->flags &= ~END_BOUND;
	if (!ifindex)
		return;
	end->flags |= END_BOUND;
	ends->ifindex[end - ends->all] = ifindex;
}

/* 0: there is none. */
static inline uint32_t ends_find(const struct ends *ends, uint64_t cookie)
{
	uint32_t place = *ends_cookie_head(ends, cookie);

	while (place && ends->all[place].cookie != cookie)
		place = ends->all[place].cookie_next;
	return place;
}

/* Who it is: empty but for cookie and tuple. */
static inline void ends_name(struct end *end, const struct tcptrace_record *record)
{
	memset(end, 0, sizeof(*end));
	end->cookie = record->cookie;
	memcpy(end->saddr, record->saddr, sizeof(end->saddr));
	memcpy(end->daddr, record->daddr, sizeof(end->daddr));
	end->sport = record->sport;
	end->dport = record->dport;
	end->netns = record->netns;
	end->family = record->family;
}

/* A new one, which is found by its cookie and tuple from now on. 0: no room, or ENDS_ALIKE are there with its tuple. */
uint32_t ends_add(struct ends *ends, const struct tcptrace_record *record);
void ends_remove(struct ends *ends, uint32_t place);

/* The end that fits as the other one of this connection, as far as both are known; 0: none is here. */
uint32_t ends_find_peer(const struct ends *ends, uint32_t place);
/* The same for a segment that has no end. */
uint32_t ends_find_peer_of(const struct ends *ends, const struct tcptrace_record *record);
/* The end whose tuple the record has, though not its cookie; 0: none is here. */
uint32_t ends_find_of(const struct ends *ends, const struct tcptrace_record *record);
/* Another one with the same tuple in the same namespace, which it cannot have any longer; 0: none. */
uint32_t ends_find_stale(const struct ends *ends, uint32_t place);

/* The listener that has a connection of this end's local port, as far as it is known; 0: none is here. */
uint32_t ends_find_listener(const struct ends *ends, const struct end *end);

void ends_pair(struct ends *ends, uint32_t place, uint32_t peer);

#endif
