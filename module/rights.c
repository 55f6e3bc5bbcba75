// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <net/sock.h>

#include "rights.h"

/* The rule; capable_of() says for whom. */
static bool tcptrace_rule(bool (*capable_of)(const void *who, int capability), const void *who)
{
	return capable_of(who, CAP_NET_ADMIN) && (capable_of(who, CAP_PERFMON) || capable_of(who, CAP_SYS_ADMIN));
}

static bool tcptrace_task_capable(const void *unused, int capability)
{
	return capable(capability);
}

static bool tcptrace_opener_capable(const void *sk, int capability)
{
	return sk_capable(sk, capability);
}

bool tcptrace_may_trace(void)
{
	return tcptrace_rule(tcptrace_task_capable, NULL);
}

bool tcptrace_opener_may_trace(const struct sock *sk)
{
	/* A kernel socket has no file. */
	return sk->sk_socket && sk->sk_socket->file && tcptrace_rule(tcptrace_opener_capable, sk);
}

/*
 * netlink_capable() does not check who opened the socket where the request names its destination, as libmnl's
 * requests do. sk_capable() checks that, and the current task.
 */
bool tcptrace_sender_may_trace(const struct sk_buff *request)
{
	return tcptrace_opener_may_trace(NETLINK_CB(request).sk);
}
