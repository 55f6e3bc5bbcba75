/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of numbers, from /etc/services and the resolver, made safe by safe_text.h: a name server may be anybody's.
 * Results are cached.
 */
#ifndef TCPTRACE_RESOLVE_H
#define TCPTRACE_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

#define RESOLVE_SERVICE_MAX	63	/* maximum length of a service name */

/* "ssh", or NULL. */
const char *resolve_service(uint16_t port);

/* The name of a host, or NULL. */
const char *resolve_host(uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN]);

/* Whether the kernel chooses this port itself (net.ipv4.ip_local_port_range). */
bool resolve_ephemeral(uint16_t port);

#endif
