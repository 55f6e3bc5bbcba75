/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an address is meant: in a network namespace and, if the socket is bound to one, on a device. RFC 4007 calls
 * that a zone. The same addresses and ports in another zone are another connection's, so an endpoint is its zone and
 * its tuple.
 *
 * Many endpoints share a few zones, so an endpoint keeps a number of four bytes. Zones are not forgotten: the kernel
 * gives a new namespace the lowest free inode, so there are not many of them however many namespaces come and go.
 */
#ifndef TCPTRACE_ZONE_H
#define TCPTRACE_ZONE_H

#include <stdint.h>

#include "base/index_pool.h"
#include "tcptrace.h"

struct zone {
	uint32_t netns;
	uint32_t ifindex;		/* 0: any device */
};

typedef uint32_t zone_ref;		/* 0: unknown */

extern struct index_pool zone_pool;

/* 0: no memory. */
zone_ref zone_ref_of(uint32_t netns, uint32_t ifindex);

/* Never NULL, and valid for ever. */
static inline const struct zone *zone_at(zone_ref ref)
{
	static const struct zone unknown;

	return ref ? index_pool_at(&zone_pool, ref) : &unknown;
}

static inline struct zone zone_of_record(const struct tcptrace_record *record)
{
	return (struct zone){ .netns = record->netns, .ifindex = record->ifindex };
}

static inline uint64_t zone_key(const struct zone *zone)
{
	return (uint64_t)zone->netns << 32 | zone->ifindex;
}

#endif
