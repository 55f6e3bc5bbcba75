// SPDX-License-Identifier: GPL-2.0-only
#include <net/if.h>

#include "host/device.h"
#include "host/netns.h"

_Static_assert(DEVICE_NAME_LEN == IF_NAMESIZE, "room for any name");

bool host_device_name(const struct zone *zone, char name[DEVICE_NAME_LEN])
{
	bool found;
	int own;

	if (zone->netns == netns_own())
		return if_indextoname(zone->ifindex, name);
	if (netns_visit(zone->netns, &own))
		return false;
	found = if_indextoname(zone->ifindex, name);
	netns_return(own);
	return found;
}
