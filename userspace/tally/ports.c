// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "tally/ports.h"

#define REUSE_ALWAYS	1
#define REUSE_LOOPBACK	2

/* ---- namespaces ---- */

static int by_netns(const void *a, const void *b)
{
	uint32_t one = ((const struct port_space *)a)->netns, other = ((const struct port_space *)b)->netns;

	return one < other ? -1 : one > other;
}

const struct port_space *ports_space(const struct ports *ports, uint32_t netns)
{
	const struct port_space key = { .netns = netns };

	return bsearch(&key, ports->spaces, ports->space_count, sizeof(key), by_netns);
}

int ports_add(struct ports *ports, uint32_t netns)
{
	if (!array_reserve(ports->spaces, ports->space_room, ports->space_count + 1))
		return -ENOMEM;
	ports->spaces[ports->space_count++] = (struct port_space){ .netns = netns };
	return 0;
}

/* Sorted, without duplicates. */
static void sort_spaces(struct ports *ports)
{
	size_t i, kept = 0;

	if (ports->space_count)
		qsort(ports->spaces, ports->space_count, sizeof(*ports->spaces), by_netns);
	for (i = 0; i < ports->space_count; i++)
		if (!kept || ports->spaces[kept - 1].netns != ports->spaces[i].netns)
			ports->spaces[kept++] = ports->spaces[i];
	ports->space_count = kept;
}

/* ---- ports that are held ---- */

static uint64_t held_key(uint32_t netns, uint16_t port)
{
	return (uint64_t)netns << 16 | port;
}

static int by_key(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/* Ports that bind() has taken, and those of what its listeners accepted. Older recordings tell only of the latter two. */
static bool holds(const struct endpoint *ep)
{
	return ep->state == TCPTRACE_S_LISTEN || ep->flags & (EP_BOUND | EP_PASSIVE);
}

static int add_held(struct ports *ports, const struct endpoint *ep)
{
	if (!array_reserve(ports->held, ports->held_room, ports->held_count + 1))
		return -ENOMEM;
	ports->held[ports->held_count++] = held_key(endpoint_netns(ep), ep->sport);
	return 0;
}

static bool is_held(const struct ports *ports, uint32_t netns, uint16_t port)
{
	uint64_t key = held_key(netns, port);

	return ports->held_count && bsearch(&key, ports->held, ports->held_count, sizeof(key), by_key);
}

static bool in_range(const struct port_space *space, uint16_t port)
{
	const struct port_settings *settings = &space->settings;

	/* If the range is unknown, any port may be in it. */
	return !settings->low || (port >= settings->low && port <= settings->high);
}

/* May connect() choose this port? */
static bool is_free(const struct ports *ports, const struct port_space *space, uint16_t port)
{
	return in_range(space, port) && !port_set_has(space->settings.reserved, port) &&
	       !is_held(ports, space->netns, port);
}

/* ---- reserved and held ports ---- */

static void count_range(struct port_space *space)
{
	const struct port_settings *settings = &space->settings;
	uint32_t port;

	if (!settings->low)
		return;
	space->range = settings->high - settings->low + 1;
	for (port = settings->low; settings->reserved && port <= settings->high; port++)
		space->reserved_count += port_set_has(settings->reserved, port);
}

/* Both are sorted in the same order. */
static void count_held(struct ports *ports)
{
	struct port_space *space = ports->spaces;
	size_t i;

	for (i = 0; i < ports->held_count; i++) {
		uint64_t key = ports->held[i];
		uint16_t port = key;

		if (i && ports->held[i - 1] == key)
			continue;
		while (space->netns != key >> 16)
			space++;
		space->held_count += space->settings.low && in_range(space, port) &&
				     !port_set_has(space->settings.reserved, port);
	}
}

static int find_spaces(struct ports *ports, const struct model *model, ports_settings settings, void *arg)
{
	const struct endpoint *ep;
	uint64_t last = UINT64_MAX;
	uint32_t place = 0;
	size_t i;

	while ((ep = model_next(model, &place))) {
		uint32_t netns = endpoint_netns(ep);

		if (netns != last && ports_add(ports, netns))
			return -ENOMEM;
		last = netns;
		if (holds(ep) && add_held(ports, ep))
			return -ENOMEM;
	}
	sort_spaces(ports);
	if (ports->held_count)
		qsort(ports->held, ports->held_count, sizeof(*ports->held), by_key);
	for (i = 0; i < ports->space_count; i++) {
		settings(&ports->spaces[i].settings, ports->spaces[i].netns, arg);
		count_range(&ports->spaces[i]);
	}
	count_held(ports);
	return 0;
}

/* ---- uses of ports ---- */

static int by_tuple(const void *a, const void *b)
{
	const struct port_use *one = a, *other = b;

	if (one->zone.netns != other->zone.netns)
		return one->zone.netns < other->zone.netns ? -1 : 1;
	if (one->dport != other->dport)
		return one->dport < other->dport ? -1 : 1;
	if (one->zone.ifindex != other->zone.ifindex)
		return one->zone.ifindex < other->zone.ifindex ? -1 : 1;
	return memcmp(one->daddr, other->daddr, sizeof(one->daddr)) ?:
	       memcmp(one->saddr, other->saddr, sizeof(one->saddr));
}

static struct port_use *use_of(struct ports *ports, const struct endpoint *ep)
{
	struct port_use key = { .zone = *zone_at(ep->zone), .dport = ep->dport, .family = ep->family };
	struct port_use **found, *use;

	memcpy(key.saddr, ep->saddr, sizeof(key.saddr));
	memcpy(key.daddr, ep->daddr, sizeof(key.daddr));
	found = tfind(&key, &ports->tree, by_tuple);
	if (found)
		return *found;
	use = malloc(sizeof(*use));
	if (use)
		*use = key;
	if (!use || !array_reserve(ports->uses, ports->use_room, ports->use_count + 1) ||
	    !tsearch(use, &ports->tree, by_tuple)) {
		free(use);
		return NULL;
	}
	ports->uses[ports->use_count++] = use;
	return use;
}

static bool is_loopback(const uint8_t *address)
{
	static const uint8_t mapped[13] = { [10] = 0xff, 0xff, 127 }, v6[TCPTRACE_ADDR_LEN] = { [15] = 1 };

	return !memcmp(address, mapped, sizeof(mapped)) || !memcmp(address, v6, sizeof(v6));
}

/* tcp_twsk_unique(). Not known here: that its last segment is a second old, and that both endpoints used timestamps. */
static bool is_reusable(const struct port_settings *settings, const struct endpoint *ep)
{
	if (ep->state != TCPTRACE_S_TIME_WAIT || !settings->timestamps)
		return false;
	return settings->tw_reuse == REUSE_ALWAYS ||
	       (settings->tw_reuse == REUSE_LOOPBACK && (is_loopback(ep->saddr) || is_loopback(ep->daddr)));
}

static int count_uses(struct ports *ports, const struct model *model, ports_match match, void *arg)
{
	const struct port_space *space = NULL;
	const struct endpoint *ep;
	uint32_t place = 0;

	while ((ep = model_next(model, &place))) {
		struct port_use *use;

		if (!space || space->netns != endpoint_netns(ep))
			space = ports_space(ports, endpoint_netns(ep));
		if (!ep->dport || !is_free(ports, space, ep->sport) || !match(ep, arg))
			continue;
		use = use_of(ports, ep);
		if (!use)
			return -ENOMEM;
		use->in_use++;
		use->timewait += ep->state == TCPTRACE_S_TIME_WAIT;
		use->reusable += is_reusable(&space->settings, ep);
	}
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct port_use *one = *(struct port_use *const *)a, *other = *(struct port_use *const *)b;

	if (one->zone.netns != other->zone.netns)
		return one->zone.netns < other->zone.netns ? -1 : 1;
	if (one->in_use != other->in_use)
		return one->in_use > other->in_use ? -1 : 1;
	return by_tuple(one, other);
}

int ports_count(struct ports *ports, const struct model *model, ports_settings settings, ports_match match, void *arg)
{
	int error = find_spaces(ports, model, settings, arg);

	if (!error)
		error = count_uses(ports, model, match, arg);
	if (ports->use_count)
		qsort(ports->uses, ports->use_count, sizeof(*ports->uses), by_use);
	return error;
}

void ports_free(struct ports *ports)
{
	size_t i;

	for (i = 0; i < ports->use_count; i++) {
		tdelete(ports->uses[i], &ports->tree, by_tuple);
		free(ports->uses[i]);
	}
	for (i = 0; i < ports->space_count; i++)
		free(ports->spaces[i].settings.reserved);
	free(ports->uses);
	free(ports->held);
	free(ports->spaces);
}
