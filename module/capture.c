// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sched.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/inet_timewait_sock.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "capture.h"
#include "compat/compat.h"

/* The part of a record that is captured: all but position and time, which the ring sets. */
#define CAPTURED	offsetof(struct tcptrace_record, cookie)

/* Out of line, so that the fast path needs no stack frame for the array. */
static noinline u64 tcptrace_make_cookie(struct sock *sk)
{
	u32 words[2];

	sock_diag_save_cookie(sk, words);
	return words[0] | (u64)words[1] << 32;
}

u64 tcptrace_cookie(struct sock *sk)
{
	u64 cookie = atomic64_read(&sk->sk_cookie);

	return likely(cookie) ? cookie : tcptrace_make_cookie(sk);
}

u64 tcptrace_cookie_inherited(struct sock *sk, struct sock *from)
{
	/* A child is hashed already: another CPU may be generating a cookie for it just now. Then that one stays. */
	if (unlikely(!atomic64_read(&sk->sk_cookie)))
		atomic64_cmpxchg(&sk->sk_cookie, 0, tcptrace_cookie(from));
	return atomic64_read(&sk->sk_cookie);
}

static __always_inline void set_v4mapped(void *to, __be32 address)
{
	__be32 *word = to;

	word[0] = 0;
	word[1] = 0;
	word[2] = htonl(0xffff);
	word[3] = address;
}

/* Both are in sock_common, so in sockets of each kind. */
static __always_inline void addresses(const struct sock *sk, void *saddr, void *daddr)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(saddr, &sk->sk_v6_rcv_saddr, TCPTRACE_ADDR_LEN);
		memcpy(daddr, &sk->sk_v6_daddr, TCPTRACE_ADDR_LEN);
		return;
	}
#endif
	set_v4mapped(saddr, sk->sk_rcv_saddr);
	set_v4mapped(daddr, sk->sk_daddr);
}

void tcptrace_key_of_sock(struct tcptrace_key *key, const struct sock *sk)
{
	addresses(sk, &key->saddr, &key->daddr);
	key->sport = tcptrace_local_port(sk, tcptrace_kind_of(sk));
	key->dport = ntohs(sk->sk_dport);
	key->family = sk->sk_family;
	key->netns = sock_net(sk)->ns.inum;
}

void tcptrace_key_of_skb(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net)
{
	const struct tcphdr *th = tcp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IPV6)) {
		key->family = AF_INET6;
		key->saddr = ipv6_hdr(skb)->daddr;
		key->daddr = ipv6_hdr(skb)->saddr;
	} else {
		key->family = AF_INET;
		set_v4mapped(&key->saddr, ip_hdr(skb)->daddr);
		set_v4mapped(&key->daddr, ip_hdr(skb)->saddr);
	}
	key->sport = ntohs(th->dest);
	key->dport = ntohs(th->source);
	key->netns = net ? net->ns.inum : 0;
}

void tcptrace_key_of_reply(struct tcptrace_key *key, const struct sk_buff *skb, const struct net *net)
{
	const struct tcphdr *th = tcp_hdr(skb);

	key->sport = ntohs(th->source);
	key->dport = ntohs(th->dest);
	key->netns = net->ns.inum;
}

void tcptrace_capture_task(struct tcptrace_record *record)
{
	if (!in_task())
		return;
	record->flags |= TCPTRACE_F_TASK;
	record->pid = current->tgid;
	/* Not get_task_comm(), which may take a lock. A name that is being changed may be torn, but is terminated. */
	memcpy(record->comm, current->comm, TCPTRACE_COMM_LEN - 1);
}

void tcptrace_capture_nobody(struct tcptrace_record *record)
{
	record->flags &= ~TCPTRACE_F_TASK;
	record->pid = 0;
	memset(record->comm, 0, TCPTRACE_COMM_LEN);
}

static __always_inline u32 bit_of(unsigned long bits, int bit)
{
	return bits >> bit & 1;
}

static __always_inline void tcptrace_capture_full(struct tcptrace_record *record, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	record->stamp = tp->tcp_clock_cache;
	record->snd_una = READ_ONCE(tp->snd_una);
	record->snd_nxt = READ_ONCE(tp->snd_nxt);
	record->write_seq = READ_ONCE(tp->write_seq);
	record->copied_seq = READ_ONCE(tp->copied_seq);
	record->rcv_nxt = READ_ONCE(tp->rcv_nxt);
	record->snd_wnd = READ_ONCE(tp->snd_wnd);
	record->rcv_wnd = tcp_receive_window(tp);
	record->mss = tp->mss_cache;
	record->wscale = tp->rx_opt.rcv_wscale << 4 | tp->rx_opt.snd_wscale;
	record->error = READ_ONCE(sk->sk_err);
	/* RCV_SHUTDOWN and SEND_SHUTDOWN are bits 0 and 1, and in the order of our flags: no branches are needed. */
	record->flags |= (READ_ONCE(sk->sk_shutdown) & SHUTDOWN_MASK) * TCPTRACE_F_SHUT_RCV |
			 bit_of(sk->sk_flags, SOCK_DEAD) * TCPTRACE_F_ORPHAN |
			 bit_of(sk->sk_flags, SOCK_DONE) * TCPTRACE_F_FIN |
			 bit_of(sk->sk_flags, SOCK_LINGER) * TCPTRACE_F_LINGER |
			 sk->sk_ipv6only * TCPTRACE_F_V6ONLY |
			 sk_is_mptcp(sk) * TCPTRACE_F_MPTCP;
}

/*
 * A request socket does not initialise all of sock_common. What it leaves out, sk_ipv6only above all, is a leftover
 * of the object that had the slab's memory before.
 */
static void tcptrace_capture_request(struct tcptrace_record *record, const struct sock *sk)
{
	const struct request_sock *req = inet_reqsk(sk);
	const struct tcp_request_sock *treq = tcp_rsk(req);

	record->snd_una = treq->snt_isn;
	record->snd_nxt = treq->snt_isn + 1;
	record->write_seq = treq->snt_isn + 1;
	record->rcv_nxt = treq->rcv_isn + 1;
	record->copied_seq = treq->rcv_isn + 1;
	record->rcv_wnd = req->rsk_rcv_wnd;
	record->mss = req->mss;
	if (rsk_is_mptcp(req))
		record->flags |= TCPTRACE_F_MPTCP;
	if (inet_rsk(req)->ecn_ok)
		record->flags |= TCPTRACE_F_ECN;
	record->wscale = inet_rsk(req)->rcv_wscale << 4 | inet_rsk(req)->snd_wscale;
}

static void tcptrace_capture_timewait(struct tcptrace_record *record, const struct sock *sk)
{
	const struct tcp_timewait_sock *tcptw = tcp_twsk(sk);

	record->snd_una = tcptw->tw_snd_nxt;
	record->snd_nxt = tcptw->tw_snd_nxt;
	record->write_seq = tcptw->tw_snd_nxt;
	record->rcv_nxt = tcptw->tw_rcv_nxt;
	record->copied_seq = tcptw->tw_rcv_nxt;
	record->rcv_wnd = tcptw->tw_rcv_wnd;
	/* The peer's window scale is not kept. */
	record->wscale = inet_twsk(sk)->tw_rcv_wscale << 4;
	record->flags |= TCPTRACE_F_ORPHAN | sk->sk_ipv6only * TCPTRACE_F_V6ONLY;
}

static __always_inline void clear_record(struct tcptrace_record *record)
{
	memset((void *)record + CAPTURED, 0, sizeof(*record) - CAPTURED);
	record->cpu = smp_processor_id();
}

void tcptrace_capture(struct tcptrace_record *record, struct sock *sk)
{
	enum tcptrace_kind kind = tcptrace_kind_of(sk);

	clear_record(record);
	record->cookie = tcptrace_cookie(sk);
	addresses(sk, record->saddr, record->daddr);
	record->sport = tcptrace_local_port(sk, kind);
	record->dport = ntohs(sk->sk_dport);
	record->netns = sock_net(sk)->ns.inum;
	record->family = sk->sk_family;
	record->kind = kind;
	record->ifindex = READ_ONCE(sk->sk_bound_dev_if);

	switch (kind) {
	case TCPTRACE_K_REQUEST:
		record->new_state = TCPTRACE_S_SYN_RECV;
		tcptrace_capture_request(record, sk);
		break;
	case TCPTRACE_K_TIMEWAIT:
		record->new_state = inet_twsk(sk)->tw_substate;
		tcptrace_capture_timewait(record, sk);
		break;
	default:
		record->new_state = READ_ONCE(sk->sk_state);
		tcptrace_capture_full(record, sk);
	}
	record->old_state = record->new_state;
}

void tcptrace_capture_key(struct tcptrace_record *record, const struct tcptrace_key *key)
{
	clear_record(record);
	memcpy(record->saddr, &key->saddr, TCPTRACE_ADDR_LEN);
	memcpy(record->daddr, &key->daddr, TCPTRACE_ADDR_LEN);
	record->sport = key->sport;
	record->dport = key->dport;
	record->netns = key->netns;
	record->family = key->family;
	record->kind = TCPTRACE_K_NONE;
	record->old_state = TCPTRACE_S_CLOSE;
	record->new_state = TCPTRACE_S_CLOSE;
}

void tcptrace_capture_listener(struct tcptrace_record *record, struct sock *listener)
{
	if (READ_ONCE(listener->sk_state) == TCP_LISTEN)
		tcptrace_capture_queues(&record->u.listen, listener);
}

void tcptrace_capture_queues(struct tcptrace_listen *listen, struct sock *listener)
{
	listen->listener = tcptrace_cookie(listener);
	listen->backlog = READ_ONCE(listener->sk_ack_backlog);
	listen->backlog_max = READ_ONCE(listener->sk_max_ack_backlog);
	listen->syn_backlog = inet_csk_reqsk_queue_len(listener);
}

/*
 * Whether anything may keep tcp_write_xmit() from sending a FIN at once: data before it, the windows, pacing, or a lower
 * layer that still has what was sent before. tcp_small_queue_check() lets through at least two segments' memory; what
 * it compares with is never less than SMALL_QUEUE.
 */
#define SMALL_QUEUE	2048

static bool fin_may_wait(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return tp->write_seq != tp->snd_nxt || !before(tp->write_seq, tcp_wnd_end(tp)) ||
	       tcp_packets_in_flight(tp) >= tp->snd_cwnd ||
	       (tp->packets_out && READ_ONCE(sk->sk_pacing_status) == SK_PACING_NEEDED) ||
	       refcount_read(&sk->sk_wmem_alloc) > SMALL_QUEUE;
}

/* tcp_rcv_synsent_state_process(): data, or the ACK's timer, may send it later. */
static bool third_may_wait(const struct sock *sk)
{
	return sk->sk_write_pending || inet_csk(sk)->icsk_accept_queue.rskq_defer_accept ||
	       inet_csk(sk)->icsk_ack.pingpong;
}

/* Whether everything received, of which the peer's FIN is the last, was acknowledged: tcp_select_window() notes it. */
static bool fin_acked(const struct tcp_sock *tp)
{
	return tp->rcv_wup == tp->rcv_nxt;
}

void tcptrace_capture_change(struct tcptrace_record *record, const struct sock *sk, int state)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (state == TCP_LAST_ACK)
		record->flags |= fin_acked(tp) ? TCPTRACE_F_ACKED : TCPTRACE_F_UNACKED;
	if (state == TCP_LAST_ACK || state == TCP_FIN_WAIT1)
		record->flags |= fin_may_wait(sk) * TCPTRACE_F_HELD;
	if (state == TCP_ESTABLISHED && sk->sk_state == TCP_SYN_SENT)
		record->flags |= third_may_wait(sk) * TCPTRACE_F_HELD |
				 tcptrace_ecn_is_agreed(tp) * TCPTRACE_F_ECN | tp->repair * TCPTRACE_F_REPAIR;
}

/* As tcp_ecn_send_syn() will decide, but for what a BPF program says then. */
static bool syn_has_ecn(const struct sock *sk)
{
	const struct dst_entry *dst = rcu_dereference_raw(sk->sk_dst_cache);

	return tcptrace_ecn_is_asked_for(sock_net(sk)) || tcp_ca_needs_ecn(sk) ||
	       (dst && dst_metric_raw(dst, RTAX_FEATURES) & RTAX_FEATURE_ECN);
}

void tcptrace_capture_syn(struct tcptrace_record *record, const struct sock *sk)
{
	/* tcp_connect_init() will set them so. */
	record->snd_una = record->write_seq;
	record->snd_nxt = record->write_seq;
	if (tcp_sk(sk)->repair)
		record->flags |= TCPTRACE_F_REPAIR;
	else if (syn_has_ecn(sk))
		record->flags |= TCPTRACE_F_ECN;
	tcptrace_capture_bound(record, sk);
}

void tcptrace_capture_bound(struct tcptrace_record *record, const struct sock *sk)
{
	const struct inet_bind_bucket *bucket = record->kind == TCPTRACE_K_TIMEWAIT ? inet_twsk(sk)->tw_tb :
								      inet_csk(sk)->icsk_bind_hash;

	/* connect() makes it negative. */
	if (bucket && (bucket->fastreuse >= 0 || bucket->fastreuseport >= 0))
		record->flags |= TCPTRACE_F_BOUND;
}

void tcptrace_capture_totals(struct tcptrace_record *record, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	struct tcptrace_totals *totals = &record->u.totals;

	totals->bytes_in = tp->bytes_received;
	totals->bytes_out = tp->bytes_acked;
	totals->retransmits = tp->total_retrans;
	totals->ooo = tp->rcv_ooopack;
}

void tcptrace_capture_queue(struct tcptrace_record *record, const struct sock *sk, u32 bytes)
{
	struct tcptrace_queue *queue = &record->u.queue;

	queue->bytes = bytes;
	queue->sndbuf = READ_ONCE(sk->sk_sndbuf);
	queue->rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	queue->wmem = READ_ONCE(sk->sk_wmem_queued);
	queue->rmem = atomic_read(&sk->sk_rmem_alloc);
}

void tcptrace_capture_retransmit(struct tcptrace_record *record, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	struct tcptrace_retransmit *retransmit = &record->u.retransmit;

	retransmit->total = tp->total_retrans;
	retransmit->in_flight = tp->packets_out;
	retransmit->sacked = tp->sacked_out;
	retransmit->lost = tp->lost_out;
	retransmit->retransmitted = tp->retrans_out;
	retransmit->cwnd = tp->snd_cwnd;
	retransmit->ssthresh = tp->snd_ssthresh;
	retransmit->rto = jiffies_to_msecs(inet_csk(sk)->icsk_rto);
	retransmit->backoff = inet_csk(sk)->icsk_backoff;
}

void tcptrace_capture_owner(struct sock *sk, __u64 *inode, __u32 *uid)
{
	*inode = sock_i_ino(sk);
	*uid = from_kuid_munged(&init_user_ns, sock_net_uid(sock_net(sk), sk));
}
