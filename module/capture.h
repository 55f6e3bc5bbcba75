/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a socket to a record: the only code that reads a struct sock. A request
 * and a timewait socket share no more than sock_common with a full one, so the
 * kind is told apart before anything beyond it is touched.
 *
 * Every socket here is TCP's: the probe table says where that has to be checked (`whose`), and the snapshot's tables
 * hold no others. A request socket belongs to its listener's protocol.
 *
 * All of it may run in a probe: nothing sleeps, allocates or takes a lock.
 * The caller holds the socket: its function was called with it, or the bucket is locked.
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

/* NEW_SYN_RECV is a request socket's, TIME_WAIT a timewait socket's, all else a full one's. */
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
 * Of a full socket, whether it is one of TCP's; sk_is_tcp() of newer kernels. The protocol's number alone is that of raw
 * sockets as well, of the kernel's own that sends what belongs to no connection, and in other families of other things.
 */
static __always_inline bool tcptrace_is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

/* Of a timewait socket. It has no number of a protocol, but each protocol's are of a size of their own. */
static __always_inline bool tcptrace_is_tcp_timewait(const struct inet_timewait_sock *tw)
{
	return tw->tw_prot->twsk_prot->twsk_obj_size == sizeof(struct tcp_timewait_sock);
}

/* Not sk_num: a full socket that is about to be gone has given its port back, and still uses it. */
static __always_inline u16 tcptrace_local_port(const struct sock *sk, enum tcptrace_kind kind)
{
	return kind == TCPTRACE_K_FULL ? ntohs(inet_sk(sk)->inet_sport) : sk->sk_num;
}

/* The tuple of any kind of socket, from the local end. */
void tcptrace_key_of_sock(struct tcptrace_key *key, const struct sock *sk);
/* The tuple of a received segment, from the local end: the destination is local. `net` NULL: not known. */
void tcptrace_key_of_skb(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net);
/* Of a segment that a listener is about to send: ports and namespace. The addresses are not in it yet. */
void tcptrace_key_of_reply(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net);

/*
 * Fills all of the record but position and time: zeroes it, then writes the tuple, the cookie
 * (made where the socket has none yet) and what its kind has of state and queue figures.
 * old_state and new_state are both the socket's state now.
 */
void tcptrace_capture(struct tcptrace_record *record, struct sock *sk);

/* The same where there is no socket, from a key. */
void tcptrace_capture_key(struct tcptrace_record *record, const struct tcptrace_key *key);

/* pid and comm, where a task runs and not a softirq on its back. */
void tcptrace_capture_task(struct tcptrace_record *record);

/* u.listen from a listener. `listener` may be any socket: left zero where it does not listen. */
void tcptrace_capture_listener(struct tcptrace_record *record, struct sock *listener);

/* u.totals from a full socket. */
void tcptrace_capture_totals(struct tcptrace_record *record, const struct sock *sk);

/* u.queue from a full socket. */
void tcptrace_capture_queue(struct tcptrace_record *record, const struct sock *sk, u32 bytes);

/* u.retransmit from a full socket: what is on its way, and the congestion control's figures. */
void tcptrace_capture_retransmit(struct tcptrace_record *record, const struct sock *sk);

/* Inode and uid for a snapshot; only outside of probes, with bottom halves off. */
void tcptrace_capture_owner(struct sock *sk, __u64 *inode, __u32 *uid);

/* The cookie of any kind of socket, made where there is none yet; sock_diag_save_cookie(). */
u64 tcptrace_cookie(struct sock *sk);

/*
 * The same of a socket that takes the place of `from`. When it was made it got a copy of that one's cookie; where
 * there was none to be copied, it gets it now, as inet_twsk_alloc() and inet_csk_clone_lock() would have done it.
 */
u64 tcptrace_cookie_inherited(struct sock *sk, struct sock *from);

#endif
