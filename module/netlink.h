/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family: requests in netlink.c, the multicast group in life.c.
 * docs/netlink/tcptrace.yaml describes it.
 */
#ifndef TCPTRACE_NETLINK_H
#define TCPTRACE_NETLINK_H

#include <linux/types.h>

struct genl_family;
extern struct genl_family tcptrace_family;

int tcptrace_netlink_init(void);
void tcptrace_netlink_exit(void);

bool tcptrace_netlink_subscribed(void);

/* life.c: reads the rings for the group `life` while somebody is subscribed. -ENOMEM. */
int tcptrace_life_init(void);
/* After the last waking, which may have queued the reader. */
void tcptrace_life_exit(void);
/*
 * Where the group has listeners: when it returns, the rings are read. Waits for arming, and for nothing where they
 * are read already. May sleep.
 */
void tcptrace_life_start(void);
/* Ends it for good, whoever listens. May sleep. */
void tcptrace_life_stop(void);

#endif
