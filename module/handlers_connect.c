// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect() that fails before its first segment: no route, no port, an address that is taken, a BPF program or a route
 * that forbids it. The socket may never have left CLOSE, and then nothing else tells of it; so it is the return value
 * that is recorded.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "handlers_impl.h"

/* The address is the kernel's copy, on the stack of the system call, or of the kernel's own user of sockets. */
static __always_inline void call_connect(struct tcptrace_call *call, struct pt_regs *regs)
{
	call->sk = ARG(regs, struct sock *, 0);
	call->what = ARG(regs, void *, 1);
	call->before = ARG(regs, int, 2);
}

/* What the functions themselves ask before they look at an address: its length and its family. */
static bool is_whole(const struct tcptrace_call *call, u32 length, sa_family_t family)
{
	const struct sockaddr *to = call->what;

	return (int)call->before >= (int)length && to->sa_family == family;
}

static void failed_event(struct sock *sk, struct tcptrace_key *key, int error)
{
	struct event event;

	if (!event_begin_key(&event, key, TCPTRACE_L_LIFE, TCPTRACE_T_CONNECT, TCPTRACE_OP_FAILED))
		return;
	event.record->error = -error;
	event.record->ifindex = READ_ONCE(sk->sk_bound_dev_if);
	event_publish(&event);
}

static void connect4_failed(const struct tcptrace_call *call, int error)
{
	const struct sockaddr_in *to = call->what;
	struct tcptrace_key key;

	if (!error || !is_whole(call, sizeof(*to), AF_INET))
		return ignore_hit();
	tcptrace_key_of_sock(&key, call->sk);
	ipv6_addr_set_v4mapped(to->sin_addr.s_addr, &key.daddr);
	key.dport = ntohs(to->sin_port);
	failed_event(call->sk, &key, error);
}

static void connect6_failed(const struct tcptrace_call *call, int error)
{
	const struct sockaddr_in6 *to = call->what;
	struct tcptrace_key key;

	if (!error || !is_whole(call, SIN6_LEN_RFC2133, AF_INET6))
		return ignore_hit();
	tcptrace_key_of_sock(&key, call->sk);
	key.daddr = to->sin6_addr;
	key.dport = ntohs(to->sin6_port);
	failed_event(call->sk, &key, error);
}

/* int tcp_v4_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len), returned */
static __always_inline void call_connect4(struct tcptrace_call *call, struct pt_regs *regs)
{
	call_connect(call, regs);
}

static __always_inline void on_connect4(const struct tcptrace_call *call, int error)
{
	connect4_failed(call, error);
}

/* int tcp_v6_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len), returned */
static __always_inline void call_connect6(struct tcptrace_call *call, struct pt_regs *regs)
{
	call_connect(call, regs);
}

static __always_inline void on_connect6(const struct tcptrace_call *call, int error)
{
	const struct sockaddr_in6 *to = call->what;

	/* For a mapped address, it has called tcp_v4_connect(), unless IPV6_V6ONLY forbids that. */
	if (error && is_whole(call, SIN6_LEN_RFC2133, AF_INET6) && ipv6_addr_v4mapped(&to->sin6_addr) &&
	    !ipv6_only_sock(call->sk))
		return ignore_hit();
	connect6_failed(call, error);
}

/* int tcp_v4_pre_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len), returned: what a BPF program says */
static __always_inline void call_allowed4(struct tcptrace_call *call, struct pt_regs *regs)
{
	call_connect(call, regs);
}

static __always_inline void on_allowed4(const struct tcptrace_call *call, int error)
{
	connect4_failed(call, error);
}

/* The same of IPv6, mapped addresses included. */
static __always_inline void call_allowed6(struct tcptrace_call *call, struct pt_regs *regs)
{
	call_connect(call, regs);
}

static __always_inline void on_allowed6(const struct tcptrace_call *call, int error)
{
	connect6_failed(call, error);
}

HANDLE_RETURN(connect4)
HANDLE_RETURN(connect6)
HANDLE_RETURN(allowed4)
HANDLE_RETURN(allowed6)
