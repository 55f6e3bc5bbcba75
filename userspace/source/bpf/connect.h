/* SPDX-License-Identifier: GPL-2.0-only */
/* connect() that fails before its first segment: the twin of module/handlers_connect.c, where the reasons are explained. */
#ifndef TCPTRACE_BPF_CONNECT_H
#define TCPTRACE_BPF_CONNECT_H

#include "source/bpf/event.h"

static __always_inline void failed_event(struct tcp_sock *tp, struct key *key, int error)
{
	struct event event;

	if (!event_begin_key(&event, key, TCPTRACE_T_CONNECT, TCPTRACE_OP_FAILED))
		return;
	event.record->error = -error;
	event.record->ifindex = READ((struct sock_common *)tp, skc_bound_dev_if);
	event_publish(&event);
}

/* Of struct sockaddr_in and struct sockaddr_in6: both begin so. */
struct destination {
	u16 family;
	__be16 port;
	__be32 address4;
	u32 address6[4];
};

/* The least that the functions take: sizeof(struct sockaddr_in); of IPv6, without the scope. */
#define SIN_LEN			16
#define SIN6_LEN_RFC2133	24

static __always_inline bool get_destination(struct destination *to, arguments *regs, bool v6)
{
	if (ARG(regs, int, 2) < (v6 ? SIN6_LEN_RFC2133 : SIN_LEN))
		return false;
	bpf_probe_read_kernel(to, v6 ? SIN6_LEN_RFC2133 : SIN_LEN, ARG(regs, void *, 1));
	return to->family == (v6 ? AF_INET6 : AF_INET);
}

static __always_inline void connect_failed(arguments *regs, int error, bool v6)
{
	struct sock_common *sk = ARG(regs, struct sock_common *, 0);
	struct tcp_sock *tp = tcp_of(sk);
	struct destination to = { 0 };
	struct key key = { 0 };

	if (!error || !tp || !get_destination(&to, regs, v6))
		return;
	addresses(sk, key.saddr, key.daddr);
	if (v6)
		__builtin_memcpy(key.daddr, to.address6, sizeof(key.daddr));
	else
		set_v4mapped(key.daddr, to.address4);
	key.sport = local_port(sk, tp);
	key.dport = bpf_ntohs(to.port);
	key.family = READ(sk, skc_family);
	key.netns = netns_of(sk);
	failed_event(tp, &key, error);
}

static __always_inline u64 call_connect4(arguments *regs)
{
	return 0;
}

static __always_inline void on_connect4(arguments *regs, int error, u64 unused)
{
	connect_failed(regs, error, false);
}

static __always_inline u64 call_connect6(arguments *regs)
{
	return 0;
}

static __always_inline bool is_mapped(const struct destination *to)
{
	return !to->address6[0] && !to->address6[1] && to->address6[2] == bpf_htonl(0xffff);
}

static __always_inline void on_connect6(arguments *regs, int error, u64 unused)
{
	struct sock_common *sk = ARG(regs, struct sock_common *, 0);
	struct destination to = { 0 };

	if (error && get_destination(&to, regs, true) && is_mapped(&to) && !READ_BITS(sk, skc_ipv6only))
		return;
	connect_failed(regs, error, true);
}

static __always_inline u64 call_allowed4(arguments *regs)
{
	return 0;
}

static __always_inline void on_allowed4(arguments *regs, int error, u64 unused)
{
	connect_failed(regs, error, false);
}

static __always_inline u64 call_allowed6(arguments *regs)
{
	return 0;
}

static __always_inline void on_allowed6(arguments *regs, int error, u64 unused)
{
	connect_failed(regs, error, true);
}

#endif
