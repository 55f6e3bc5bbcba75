/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many more connections to a peer are possible: what is left of the ports that connect() may choose.
 *
 * The kernel's rule (__inet_hash_connect): a port is skipped if it is reserved, or if somebody has bound it (a
 * listener, or what it accepted). Otherwise it can be used for each (source, destination, port) that does not have it
 * yet. A port in TIME_WAIT is in use, unless tcp_tw_reuse applies to it.
 */
#ifndef TCPTRACE_PORTS_H
#define TCPTRACE_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/port_settings.h"
#include "model/model.h"

/* A network namespace. */
struct port_space {
	uint32_t netns;
	struct port_settings settings;
	uint32_t range;		/* number of ports in it */
	uint32_t reserved_count, held_count;	/* reserved; of the others, taken by bind(): for a listener, or before connect() */
};

/* How many of these ports one (source, destination, port) uses, of sockets that are bound to one device or none. */
struct port_use {
	struct zone zone;
	uint16_t dport;
	uint8_t family;
	uint8_t saddr[TCPTRACE_ADDR_LEN], daddr[TCPTRACE_ADDR_LEN];
	uint32_t in_use;	/* including TIME_WAIT */
	uint32_t timewait, reusable;
};

struct ports {
	struct port_space *spaces;	/* sorted by netns */
	size_t space_count, space_room;
	uint64_t *held;			/* netns << 16 | port, sorted, with duplicates */
	size_t held_count, held_room;
	struct port_use **uses;		/* sorted by netns, then the most used first */
	size_t use_count, use_room;
	void *tree;			/* the same, for tsearch(3) */
};

/* Settings of a namespace that replace the sysctls of this host. */
typedef void (*ports_settings)(struct port_settings *settings, uint32_t netns, void *arg);
typedef bool (*ports_match)(const struct endpoint *ep, void *arg);

/* A namespace that is shown even without sockets. Returns 0 or -ENOMEM. */
int ports_add(struct ports *ports, uint32_t netns);

/* Counts all endpoints; `match` says which get a row. Returns 0 or -ENOMEM. */
int ports_count(struct ports *ports, const struct model *model, ports_settings settings, ports_match match,
		void *arg);
void ports_free(struct ports *ports);

const struct port_space *ports_space(const struct ports *ports, uint32_t netns);

/* The number of ports for an unused destination. */
static inline uint32_t port_space_free(const struct port_space *space)
{
	return space->range - space->reserved_count - space->held_count;
}

/* The number of ports left for this one, including reusable ones. */
static inline uint32_t port_use_left(const struct port_space *space, const struct port_use *use)
{
	return port_space_free(space) - (use->in_use - use->reusable);
}

#endif
