/* SPDX-License-Identifier: GPL-2.0-only */
/* The sysctls of a network namespace that define which ports connect() may choose. */
#ifndef TCPTRACE_PORT_SETTINGS_H
#define TCPTRACE_PORT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORTS		65536

/* A set of ports. */
struct port_set {
	uint64_t bits[PORTS / 64];
};

/* NULL: the empty set. */
static inline bool port_set_has(const struct port_set *set, uint16_t port)
{
	return set && set->bits[port / 64] >> port % 64 & 1;
}

static inline void port_set_add(struct port_set *set, uint16_t port)
{
	set->bits[port / 64] |= 1ull << port % 64;
}

struct port_settings {
	bool known;		/* otherwise `why` not, and all except `low` and `high` is 0 */
	const char *why;
	uint16_t low, high;	/* ip_local_port_range */
	struct port_set *reserved;	/* ip_local_reserved_ports, to be freed; NULL: none, or unknown */
	int tw_reuse;		/* tcp_tw_reuse: 0 never, 1 always, 2 only on loopback */
	int timestamps;		/* tcp_timestamps, 0: none */
};

/* Of the namespace with this inode; a process or a name in /run/netns must refer to it. */
void port_settings_read(struct port_settings *settings, uint32_t netns);

/* "32768-60999". False: invalid. */
bool port_settings_parse(struct port_settings *settings, const char *text);
/* "8080,9000-9010", the format of ip_local_reserved_ports. False: invalid. */
bool port_set_parse(struct port_set *set, const char *text);

#endif
