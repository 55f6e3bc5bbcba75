/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may see what TCP does on this host: CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN instead of the latter as in
 * perfmon_capable(), both in the initial user namespace. CAP_NET_ADMIN alone is not enough: containers with a network
 * of their own have it, and records are of every namespace.
 *
 * Checked whenever something is handed out, not only when a file or a socket is opened: descriptors can be passed on.
 */
#ifndef TCPTRACE_RIGHTS_H
#define TCPTRACE_RIGHTS_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The current task. */
bool tcptrace_may_trace(void);

/* The sender of a netlink request: the current task, and whoever opened the socket. */
bool tcptrace_sender_may_trace(const struct sk_buff *request);

/*
 * Whoever opened a netlink socket that is to receive a message; sk_capable(). To be called in a kernel thread, and
 * while netlink_broadcast() keeps the socket from being closed.
 */
bool tcptrace_opener_may_trace(const struct sock *sk);

#endif
