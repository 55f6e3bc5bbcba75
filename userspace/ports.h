/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many ports connect(2) has left. To each peer (source and destination address, destination port) it can use each
 * port of the ephemeral range once; one in TIME_WAIT counts until its end, unless it may be reused.
 */
#ifndef TCPTRACE_PORTS_H
#define TCPTRACE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

/* net.ipv4: which ports there are. */
struct ports_range {
	uint16_t lowest, highest;	/* ip_local_port_range */
	uint32_t reserved;		/* ip_local_reserved_ports, those in the range */
	bool known;			/* read from this host */
	bool timestamps;		/* tcp_timestamps, */
	unsigned int reuse;		/* tcp_tw_reuse: 0 never, 1 always, 2 over the loopback */
};

/* The connections to one peer. */
struct ports_peer {
	uint8_t saddr[TCPTRACE_ADDR_LEN], daddr[TCPTRACE_ADDR_LEN];
	uint32_t netns;
	uint16_t dport;
	uint8_t family;
	uint32_t used;			/* ports, TIME_WAIT's included */
	uint32_t timewait;
};

struct ports;

/* Of this host's network namespace. */
void ports_range_read(struct ports_range *range);

/* NULL: no memory. */
struct ports *ports_new(const struct ports_range *range);
void ports_free(struct ports *ports);

/* A socket, from a record of type SNAPSHOT. Returns 0 or -ENOMEM. */
int ports_add(struct ports *ports, const struct tcptrace_record *record);

/* The peers, those with the fewest ports left first. */
uint32_t ports_peers(struct ports *ports, const struct ports_peer **peers);

/* Ports that connect() can still choose. */
uint32_t ports_left(const struct ports_range *range, const struct ports_peer *peer);

/* Of those in TIME_WAIT, how many it may choose all the same, once they are a second old. */
uint32_t ports_reusable(const struct ports_range *range, const struct ports_peer *peer);

#endif
