/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of devices. A record has the number of its device, which has a name only in its namespace and at its time:
 * devices are renamed, and namespaces are full of devices with the number 2 and the name eth0. So live sources have
 * names looked up, soon after the record and again later; a recording contains them, and whoever shows it asks nobody.
 */
#ifndef TCPTRACE_DEVICE_H
#define TCPTRACE_DEVICE_H

#include <stdbool.h>

#include "base/safe_text.h"
#include "record/record.h"
#include "record/zone.h"

#define DEVICE_NAME_LEN		16	/* IFNAMSIZ: with its NUL */
#define DEVICE_AGAIN_NS		1000000000ull

/* Sets `name` to that of the device now. False: there is none, or its namespace cannot be entered. */
typedef bool device_lookup(const struct zone *zone, char name[DEVICE_NAME_LEN]);

/* From now on, names are looked up with this, and again if that was `again` ns ago. NULL: no more. */
void device_names_live(device_lookup *lookup, uint64_t again);

/* From a recording; longer names are cut. False: no memory. */
bool device_name_set(const struct zone *zone, const char *name);

/* The latest name that is known, as it is: it may contain any bytes. NULL: none, or the zone has no device. */
const char *device_name(const struct zone *zone);

/* The name, made safe; "if7" without one. Returns the position after it. */
#define DEVICE_TEXT_MAX	(SAFE_TEXT_GROWTH * DEVICE_NAME_LEN)
char *put_device(char *p, const struct zone *zone);

/* "10.0.0.1%red", if the zone has a device. */
char *put_local_address(char *p, const struct zone *zone, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN]);

/* A local address with its device, if it has one: "10.0.0.1%red:9090", "[fe80::1%eth0]:9090" as in RFC 4007. */
#define LOCAL_TEXT_MAX	(RECORD_ENDPOINT_MAX + 1 + DEVICE_TEXT_MAX)
char *put_local(char *p, const struct zone *zone, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN], uint16_t port);

#endif
