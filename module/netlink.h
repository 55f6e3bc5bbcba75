/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family and its requests. docs/netlink/tcptrace.yaml describes it; its multicast group: life.h. */
#ifndef TCPTRACE_NETLINK_H
#define TCPTRACE_NETLINK_H

struct genl_family;
extern struct genl_family tcptrace_family;

int tcptrace_netlink_init(void);
/* Stops the group, too. May sleep. */
void tcptrace_netlink_exit(void);

#endif
