/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a socket to a record: the only code that reads a struct sock. Request and timewait sockets share no more than
 * sock_common with a full socket, so the kind is determined before anything beyond it is read.
 *
 * Every socket here is TCP's: the probe table says where that has to be checked (`whose`), and the snapshot's tables
 * hold no others. A request socket belongs to its listener's protocol.
 *
 * All of this may run in a probe: nothing sleeps, allocates or takes a lock. The caller holds the socket: the probed
 * function was called with it, or its hash bucket is locked.
 */
#ifndef TCPTRACE_CAPTURE_H
#define TCPTRACE_CAPTURE_H

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/inet_timewait_sock.h>
#include <net/sock.h>
#include <net/timewait_sock.h>

#include "key.h"
#include "uapi/tcptrace.h"

/* NEW_SYN_RECV is a request socket, TIME_WAIT a timewait socket, any other state a full socket. */
static inline enum tcptrace_kind tcptrace_kind_of(const struct sock *sk)
{
	switch (READ_ONCE(sk->sk_state)) {
	case TCP_NEW_SYN_RECV:
		return TCPTRACE_K_REQUEST;
	case TCP_TIME_WAIT:
		return TCPTRACE_K_TIMEWAIT;
	default:
		return TCPTRACE_K_FULL;
	}
}

/*
 * Whether a full socket is TCP's; as sk_is_tcp() of newer kernels. The protocol number alone does not tell: raw sockets
 * have it too, among them the kernel's own, which sends what belongs to no connection.
 */
static __always_inline bool tcptrace_is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

/* Whether a timewait socket is TCP's. It has no protocol number, but its size differs between protocols. */
static __always_inline bool tcptrace_is_tcp_timewait(const struct inet_timewait_sock *tw)
{
	return tw->tw_prot->twsk_prot->twsk_obj_size == sizeof(struct tcp_timewait_sock);
}

/* Not sk_num of a full socket: one that is being destroyed has given its port back but still sends from it. */
static __always_inline u16 tcptrace_local_port(const struct sock *sk, enum tcptrace_kind kind)
{
	return kind == TCPTRACE_K_FULL ? ntohs(inet_sk(sk)->inet_sport) : sk->sk_num;
}

/* The tuple of a socket of any kind, as this side sees it. */
void tcptrace_key_of_sock(struct tcptrace_key *key, const struct sock *sk);
/* The tuple of a received segment, as the receiver sees it: the destination is local. `net` NULL: not known. */
void tcptrace_key_of_skb(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net);
/* Ports and namespace of a segment that a listener is about to send. Its addresses are not in it yet. */
void tcptrace_key_of_reply(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net);

/*
 * Fills the whole record but position and time: zeroes it, then writes the tuple, the cookie (generated where the
 * socket has none yet), and the state and queue figures that its kind has. old_state and new_state are both the
 * socket's current state.
 */
void tcptrace_capture(struct tcptrace_record *record, struct sock *sk);

/* The same from a tuple, where there is no socket. */
void tcptrace_capture_key(struct tcptrace_record *record, const struct tcptrace_key *key);

/* pid and comm, in task context; nothing in a softirq that interrupted a task. */
void tcptrace_capture_task(struct tcptrace_record *record);
/* Takes that back: the task only happens to run. */
void tcptrace_capture_nobody(struct tcptrace_record *record);

/* u.listen from a listener. `listener` may be any full socket: where it does not listen, u.listen stays zero. */
void tcptrace_capture_listener(struct tcptrace_record *record, struct sock *listener);
/* The same, of a socket that listens. */
void tcptrace_capture_queues(struct tcptrace_listen *listen, struct sock *listener);

/* u.totals from a full socket. */
void tcptrace_capture_totals(struct tcptrace_record *record, const struct sock *sk);

/* For STATE, of the flags those about what the change sends, or about the segment that causes it. Before the change. */
void tcptrace_capture_change(struct tcptrace_record *record, const struct sock *sk, int state);

/* For CONNECT, on entry to tcp_connect(): the SYN that it will send, or that TCP_REPAIR will not. */
void tcptrace_capture_syn(struct tcptrace_record *record, const struct sock *sk);

/*
 * F_BOUND: inet_hash_connect() passes over ports that bind() has taken. Of a hashed full or timewait socket whose bucket
 * is locked, or of a full socket that is locked itself: its port is given back after it was unhashed, or by itself.
 */
void tcptrace_capture_bound(struct tcptrace_record *record, const struct sock *sk);

/* u.queue from a full socket. */
void tcptrace_capture_queue(struct tcptrace_record *record, const struct sock *sk, u32 bytes);

/* u.retransmit from a full socket: what is in flight, and the figures of congestion control. */
void tcptrace_capture_retransmit(struct tcptrace_record *record, const struct sock *sk);

/* Inode and uid for a snapshot. Not in a probe; bottom halves off. */
void tcptrace_capture_owner(struct sock *sk, __u64 *inode, __u32 *uid);

/* The cookie of a socket of any kind, generated where it has none yet; sock_diag_save_cookie(). */
u64 tcptrace_cookie(struct sock *sk);

/*
 * The cookie of a socket that replaces `from`. It got a copy of that one's cookie when it was created; if there was
 * none to copy, it gets one now, as inet_twsk_alloc() and inet_csk_clone_lock() would have done.
 */
u64 tcptrace_cookie_inherited(struct sock *sk, struct sock *from);

#endif
