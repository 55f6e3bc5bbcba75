/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may see what TCP does on this host: CAP_NET_ADMIN and CAP_PERFMON, for which CAP_SYS_ADMIN stands as in
 * perfmon_capable(), both in the initial user namespace. CAP_NET_ADMIN alone is what a container with a network of
 * its own is given, and records tell of every namespace.
 *
 * It is asked whenever something is handed out, not only when a file or a socket is opened: descriptors are passed on.
 */
#ifndef TCPTRACE_RIGHTS_H
#define TCPTRACE_RIGHTS_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The task that runs. */
bool tcptrace_may_trace(void);

/* Who sends a netlink request: the task that runs, and who opened its socket; netlink_capable(). */
bool tcptrace_sender_may_trace(const struct sk_buff *request);

/*
 * Who opened a netlink socket that is to get a message; sk_capable(). From a task of the kernel's own, and while
 * netlink_broadcast() keeps the socket from being closed.
 */
bool tcptrace_opener_may_trace(const struct sock *sk);

#endif
