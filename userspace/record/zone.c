// SPDX-License-Identifier: GPL-2.0-only
#include "base/map.h"
#include "record/zone.h"

struct index_pool zone_pool = INDEX_POOL(sizeof(struct zone));

/* The numbers, by zone_key(). */
static struct map numbers;

zone_ref zone_ref_of(uint32_t netns, uint32_t ifindex)
{
	const struct zone zone = { .netns = netns, .ifindex = ifindex };
	zone_ref ref = (uintptr_t)map_get(&numbers, zone_key(&zone));

	if (ref)
		return ref;
	ref = index_pool_take(&zone_pool);
	if (!ref)
		return 0;
	*(struct zone *)index_pool_at(&zone_pool, ref) = zone;
	if (map_put(&numbers, zone_key(&zone), (void *)(uintptr_t)ref))
		return ref;
	index_pool_give(&zone_pool, ref);
	return 0;
}
