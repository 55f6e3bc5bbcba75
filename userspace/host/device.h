/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_HOST_DEVICE_H
#define TCPTRACE_HOST_DEVICE_H

#include "record/device.h"

/* The name that a device of this host has now: a device_lookup. */
bool host_device_name(const struct zone *zone, char name[DEVICE_NAME_LEN]);

#endif
