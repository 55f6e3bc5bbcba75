/* SPDX-License-Identifier: GPL-2.0-only */
/* The multicast group `life`: reads the rings while somebody is subscribed, and sends what they hold of that level. */
#ifndef TCPTRACE_LIFE_H
#define TCPTRACE_LIFE_H

#include <linux/types.h>

struct genl_family;

/* Events will be sent as `family`, to its first group. -ENOMEM. */
int tcptrace_life_init(const struct genl_family *family);
/* After the last wake-up, which may have queued the worker. */
void tcptrace_life_exit(void);

/*
 * If the group has subscribers, the rings are being read when this returns. It waits until the probes are armed; if the
 * rings are being read already, it does not wait. May sleep.
 */
void tcptrace_life_start(void);
/* Stops for good, subscribers or not; before the family is unregistered. May sleep. */
void tcptrace_life_stop(void);

/* Whether the rings are being read for the group. Any context. */
bool tcptrace_life_subscribed(void);

#endif
