/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of endpoints: found by cookie, and by tuple from either side, so that the two endpoints of a connection on
 * this host find each other. Only used by the model.
 */
#ifndef TCPTRACE_ENDPOINT_TABLE_H
#define TCPTRACE_ENDPOINT_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "model/model.h"

/*
 * Endpoints do not move: address space for the maximum is reserved, memory is taken as it is used. Place 0 stays empty:
 * its number means "none".
 */
struct endpoint_table {
	struct endpoint *all;	/* a free place has cookie 0 */
	uint32_t used;		/* places used so far */
	uint32_t free;		/* the first free place, linked by cookie_next */
	uint32_t count, max;

	uint32_t *by_cookie, *by_tuple;	/* heads of chains */
	uint32_t bits;			/* 1 << bits heads each */
};

/*
 * Endpoints with the same tuple share a chain, whatever the hash: listeners on one address, and endpoints in several
 * zones. More than this many are made up, and would slow down the search for all others in the chain.
 */
#define ENDPOINTS_ALIKE	1024

int endpoint_table_init(struct endpoint_table *table, uint32_t max);
void endpoint_table_exit(struct endpoint_table *table);

static inline struct endpoint *endpoint_at(const struct endpoint_table *table, uint32_t place)
{
	return place ? &table->all[place] : NULL;
}

static inline uint32_t *endpoint_table_cookie_head(const struct endpoint_table *table, uint64_t cookie)
{
	return &table->by_cookie[hash_place(hash_number(cookie), table->bits)];
}

/* 0: not found. */
static inline uint32_t endpoint_table_find(const struct endpoint_table *table, uint64_t cookie)
{
	uint32_t place = *endpoint_table_cookie_head(table, cookie);

	while (place && table->all[place].cookie != cookie)
		place = table->all[place].cookie_next;
	return place;
}

/* To a device, or to none. The namespace is for life: whatever a damaged recording says, an index depends on it. */
static inline void endpoint_bind(struct endpoint *ep, uint32_t ifindex)
{
	const struct zone *zone = zone_at(ep->zone);

	if (zone->ifindex != ifindex)
		ep->zone = zone_ref_of(zone->netns, ifindex) ?: ep->zone;
}

/* Clears the endpoint and sets its cookie, zone and tuple. */
static inline void endpoint_name(struct endpoint *ep, const struct tcptrace_record *record)
{
	memset(ep, 0, sizeof(*ep));
	ep->cookie = record->cookie;
	memcpy(ep->saddr, record->saddr, sizeof(ep->saddr));
	memcpy(ep->daddr, record->daddr, sizeof(ep->daddr));
	ep->sport = record->sport;
	ep->dport = record->dport;
	ep->zone = zone_ref_of(record->netns, record->ifindex);
	ep->family = record->family;
}

/* Adds an endpoint and indexes it by cookie and tuple. 0: no room, or there are ENDPOINTS_ALIKE with its tuple. */
uint32_t endpoint_table_add(struct endpoint_table *table, const struct tcptrace_record *record);
void endpoint_table_remove(struct endpoint_table *table, uint32_t place);

/* The other endpoint of this connection, as far as both are known; 0: not on this host, or it is not clear which. */
uint32_t endpoint_table_find_peer(const struct endpoint_table *table, uint32_t place);
/* The same for a segment without an endpoint. */
uint32_t endpoint_table_find_peer_of(const struct endpoint_table *table, const struct tcptrace_record *record);
/* The endpoint with the record's tuple and another cookie; 0: none, or it is not clear which. */
uint32_t endpoint_table_find_tuple(const struct endpoint_table *table, const struct tcptrace_record *record);
/* Another one with the same tuple in the same zone, which must have ended; 0: none. */
uint32_t endpoint_table_find_stale(const struct endpoint_table *table, uint32_t place);

/* The listener on this endpoint's local port, as far as it is known; 0: none. */
uint32_t endpoint_table_find_listener(const struct endpoint_table *table, const struct endpoint *ep);

void endpoint_table_pair(struct endpoint_table *table, uint32_t place, uint32_t peer);

#endif
