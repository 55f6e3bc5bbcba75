/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for numbers, as /etc/services and the resolver have them, by safe_text.h: a name server belongs to anybody.
 * What was asked once is remembered.
 */
#ifndef TCPTRACE_RESOLVE_H
#define TCPTRACE_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

#define RESOLVE_SERVICE_MAX	63	/* letters of a service's name */

/* "ssh", or NULL. */
const char *resolve_service(uint16_t port);

/* Of a host, or NULL. */
const char *resolve_host(uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN]);

/* Of a device; where there is none of this number: "if7". */
const char *resolve_device(uint32_t ifindex);

/* Whether the kernel chooses such ports itself (net.ipv4.ip_local_port_range). */
bool resolve_ephemeral(uint16_t port);

#endif
