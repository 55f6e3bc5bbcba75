// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/map.h"
#include "base/out.h"
#include "record/device.h"

#define UNKNOWN_AGAIN	10	/* times as long: a search for a namespace looks at each process */

struct device {
	char name[DEVICE_NAME_LEN];	/* empty: unknown */
	uint64_t due;			/* when it is looked up again */
};

/* By zone_key(). */
static struct map devices;

static device_lookup *look_up;
static uint64_t again_after;

void device_names_live(device_lookup *lookup, uint64_t again)
{
	look_up = lookup;
	again_after = again;
}

/* NULL: no memory. */
static struct device *device_of(const struct zone *zone)
{
	struct device *device = map_get(&devices, zone_key(zone));

	if (device)
		return device;
	device = calloc(1, sizeof(*device));
	if (device && map_put(&devices, zone_key(zone), device))
		return device;
	free(device);
	return NULL;
}

bool device_name_set(const struct zone *zone, const char *name)
{
	struct device *device = device_of(zone);

	if (device)
		snprintf(device->name, sizeof(device->name), "%s", name);
	return device;
}

static uint64_t coarse_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* A device that is gone keeps the name that it had. */
static void refresh(const struct zone *zone, struct device *device)
{
	uint64_t now = coarse_now();
	char name[DEVICE_NAME_LEN] = "";

	if (now < device->due)
		return;
	if (look_up(zone, name))
		memcpy(device->name, name, sizeof(device->name));
	device->due = now + (name[0] ? again_after : UNKNOWN_AGAIN * again_after);
}

const char *device_name(const struct zone *zone)
{
	struct device *device = NULL;

	if (zone->ifindex)
		device = look_up ? device_of(zone) : map_get(&devices, zone_key(zone));
	if (!device)
		return NULL;
	if (look_up)
		refresh(zone, device);
	return device->name[0] ? device->name : NULL;
}

char *put_device(char *p, const struct zone *zone)
{
	const char *name = device_name(zone);

	if (name)
		return put_safe(p, name, DEVICE_NAME_LEN);
	p = put_text(p, "if");
	return put_u64(p, zone->ifindex);
}

char *put_local_address(char *p, const struct zone *zone, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN])
{
	p = record_put_address(p, family, address);
	if (!zone->ifindex)
		return p;
	*p++ = '%';
	return put_device(p, zone);
}

char *put_local(char *p, const struct zone *zone, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN], uint16_t port)
{
	if (!zone->ifindex)
		return record_put_endpoint(p, family, address, port);
	if (family == AF_INET6)
		*p++ = '[';
	p = put_local_address(p, zone, family, address);
	if (family == AF_INET6)
		*p++ = ']';
	*p++ = ':';
	return put_port(p, port);
}
