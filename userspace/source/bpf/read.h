/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the kernel's memory is read. A program attached to a trampoline (fentry) has typed arguments, which it may
 * dereference directly; a kprobe has numbers, and reads with a slower helper. The same handlers serve both:
 * TCPTRACE_KPROBE says for which of them this is compiled.
 */
#ifndef TCPTRACE_BPF_READ_H
#define TCPTRACE_BPF_READ_H

#include "source/bpf/kernel.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "source/bpf/shared.h"

extern const volatile struct bpf_config config;

#ifdef TCPTRACE_KPROBE

#define READ(from, field)	BPF_CORE_READ(from, field)
#define READ_BITS(from, field)	BPF_CORE_READ_BITFIELD_PROBED(from, field)
#define READ_IN6(to, from, field) \
	BPF_CORE_READ_INTO((__u32(*)[4])(to), from, field.in6_u.u6_addr32)

#else

#define READ(from, field)	((from)->field)
#define READ_BITS(from, field)	BPF_CORE_READ_BITFIELD(from, field)
#define READ_IN6(to, from, field)				\
	do {							\
		(to)[0] = (from)->field.in6_u.u6_addr32[0];	\
		(to)[1] = (from)->field.in6_u.u6_addr32[1];	\
		(to)[2] = (from)->field.in6_u.u6_addr32[2];	\
		(to)[3] = (from)->field.in6_u.u6_addr32[3];	\
	} while (0)

#endif

/* For a full socket, and for a timewait socket: the twins of tcptrace_is_tcp() and tcptrace_is_tcp_timewait(). */
static __always_inline bool is_tcp(struct sock *sk)
{
	u16 family = READ(sk, __sk_common.skc_family);

	return READ(sk, sk_protocol) == IPPROTO_TCP && READ(sk, sk_type) == SOCK_STREAM &&
	       (family == AF_INET || family == AF_INET6);
}

static __always_inline bool is_tcp_timewait(struct inet_timewait_sock *tw)
{
	struct proto *protocol = READ(tw, __tw_common.skc_prot);
	struct timewait_sock_ops *ops = READ(protocol, twsk_prot);

	return READ(ops, twsk_obj_size) == bpf_core_type_size(struct tcp_timewait_sock);
}

#ifdef TCPTRACE_KPROBE

static __always_inline struct tcp_sock *tcp_of(void *sk)
{
	int state = BPF_CORE_READ((struct sock_common *)sk, skc_state);

	return state != TCP_NEW_SYN_RECV && state != TCP_TIME_WAIT && is_tcp(sk) ? sk : NULL;
}

static __always_inline u64 make_cookie(void *sk)
{
	return 0;
}

#else

/*
 * Checks the kind and protocol of the socket, and gives it the type. Older kernels take a raw socket for a TCP socket.
 */
static __always_inline struct tcp_sock *tcp_of(void *sk)
{
	return bpf_skc_to_tcp_sock(sk);
}

static __always_inline u64 make_cookie(void *sk)
{
	return config.cookies ? bpf_get_socket_cookie(sk) : 0;
}

#endif

/* The struct sock that a request or timewait socket starts with, as does a full one. */
static __always_inline struct sock *sock_of(struct tcp_sock *tp)
{
	return (struct sock *)tp;
}

/*
 * Reads through a pointer whose type the verifier does not know, or takes for another. Request and timewait sockets are
 * always read this way: they are rare, and the helpers that would give them their type do not know MPTCP's.
 */
#define READ_UNTYPED(from, field)	BPF_CORE_READ(from, field)
#define READ_BITS_UNTYPED(from, field)	BPF_CORE_READ_BITFIELD_PROBED(from, field)

/* Only for READ_UNTYPED(). */
static __always_inline struct tcp_request_sock *request_of(void *sk)
{
	return READ((struct sock_common *)sk, skc_state) == TCP_NEW_SYN_RECV ? sk : NULL;
}

static __always_inline struct tcp_timewait_sock *timewait_of(void *sk)
{
	return READ((struct sock_common *)sk, skc_state) == TCP_TIME_WAIT ? sk : NULL;
}

static __always_inline bool is_mptcp(struct tcp_sock *tp)
{
	return bpf_core_field_exists(tp->is_mptcp) && READ(tp, is_mptcp);
}

/* 0 if none was assigned yet. */
static __always_inline u64 cookie_until_now(void *sk)
{
	return READ((struct sock_common *)sk, skc_cookie.counter);
}

static __always_inline u64 cookie_of(void *sk)
{
	return cookie_until_now(sk) ?: make_cookie(sk);
}

#endif
