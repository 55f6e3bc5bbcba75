/* SPDX-License-Identifier: GPL-2.0-only */
/* From a socket to a record: the twin of module/capture.c. As there, this is the only code that reads a struct sock. */
#ifndef TCPTRACE_BPF_CAPTURE_H
#define TCPTRACE_BPF_CAPTURE_H

#include "source/bpf/filter.h"
#include "source/bpf/read.h"

/* Bits of the preempt count: softirq being served, hardirq, NMI. */
#define NOT_TASK	0x00ff0100

#define SMALL_QUEUE	2048

extern const int __preempt_count __ksym __weak;
extern const struct pcpu_hot pcpu_hot __ksym __weak;

/*
 * On x86 a per-CPU variable; found through the type information if that has it, otherwise through the kernel's symbols.
 */
static __always_inline int preempt_count(void)
{
	u64 base = 0;
	int count = 0;

	if (config.preempt_count) {
		bpf_probe_read_kernel(&base, sizeof(base),
				      (void *)config.per_cpu_offset + 8ul * bpf_get_smp_processor_id());
		bpf_probe_read_kernel(&count, sizeof(count), (void *)(base + config.preempt_count));
		return count;
	}
	if (&__preempt_count)
		return *(int *)bpf_this_cpu_ptr(&__preempt_count);
	if (&pcpu_hot)
		return ((struct pcpu_hot *)bpf_this_cpu_ptr(&pcpu_hot))->preempt_count;
	return NOT_TASK;
}

/* pid and comm, if a task runs, not a softirq that interrupted it. */
static __always_inline void capture_task(struct tcptrace_record *record)
{
	struct task_struct *task;

	if (preempt_count() & NOT_TASK)
		return;
	record->flags |= TCPTRACE_F_TASK;
	if (config.typed_task) {
		task = (void *)bpf_get_current_task_btf();
		record->pid = task->tgid;
		__builtin_memcpy(record->comm, task->comm, sizeof(record->comm));
		return;
	}
	record->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
}

static __always_inline void capture_nobody(struct tcptrace_record *record)
{
	record->flags &= ~TCPTRACE_F_TASK;
	record->pid = 0;
	__builtin_memset(record->comm, 0, sizeof(record->comm));
}

static __always_inline u32 receive_window(struct tcp_sock *tp)
{
	int window = READ(tp, rcv_wup) + READ(tp, rcv_wnd) - READ(tp, rcv_nxt);

	return window < 0 ? 0 : window;
}

static __always_inline u32 bit_of(u64 bits, int bit)
{
	return bits >> bit & 1;
}

static __always_inline void capture_full(struct tcptrace_record *record, struct tcp_sock *tp)
{
	struct sock *sk = sock_of(tp);
	u64 flags = READ(sk, __sk_common.skc_flags);

	record->stamp = READ(tp, tcp_clock_cache);
	record->snd_una = READ(tp, snd_una);
	record->snd_nxt = READ(tp, snd_nxt);
	record->write_seq = READ(tp, write_seq);
	record->copied_seq = READ(tp, copied_seq);
	record->rcv_nxt = READ(tp, rcv_nxt);
	record->snd_wnd = READ(tp, snd_wnd);
	record->rcv_wnd = receive_window(tp);
	record->mss = READ(tp, mss_cache);
	record->wscale = READ_BITS(tp, rx_opt.rcv_wscale) << 4 | READ_BITS(tp, rx_opt.snd_wscale);
	record->error = READ(sk, sk_err);
	record->flags |= (READ(sk, sk_shutdown) & SHUTDOWN_MASK) * TCPTRACE_F_SHUT_RCV |
			 bit_of(flags, SOCK_DEAD) * TCPTRACE_F_ORPHAN |
			 bit_of(flags, SOCK_DONE) * TCPTRACE_F_FIN |
			 bit_of(flags, SOCK_LINGER) * TCPTRACE_F_LINGER |
			 READ_BITS(sk, __sk_common.skc_ipv6only) * TCPTRACE_F_V6ONLY;
	if (is_mptcp(tp))
		record->flags |= TCPTRACE_F_MPTCP;
}

/* The twins of what module/capture.c says about the segment that a change sends, or that causes it. */
static __always_inline bool fin_may_wait(struct tcp_sock *tp)
{
	struct sock *sk = sock_of(tp);
	u32 write_seq = READ(tp, write_seq), packets_out = READ(tp, packets_out);
	u32 in_flight = packets_out - READ(tp, sacked_out) - READ(tp, lost_out) + READ(tp, retrans_out);

	return write_seq != READ(tp, snd_nxt) || (int)(READ(tp, snd_una) + READ(tp, snd_wnd) - write_seq) <= 0 ||
	       in_flight >= READ(tp, snd_cwnd) || (packets_out && READ(sk, sk_pacing_status) == SK_PACING_NEEDED) ||
	       READ(sk, sk_wmem_alloc.refs.counter) > SMALL_QUEUE;
}

static __always_inline bool third_may_wait(struct tcp_sock *tp)
{
	return READ(sock_of(tp), sk_write_pending) || READ(tp, inet_conn.icsk_accept_queue.rskq_defer_accept) ||
	       READ(tp, inet_conn.icsk_ack.pingpong);
}

static __always_inline void capture_change(struct tcptrace_record *record, struct tcp_sock *tp, int state)
{
	u8 ecn;

	if (state == TCP_LAST_ACK)
		record->flags |= READ(tp, rcv_wup) == READ(tp, rcv_nxt) ? TCPTRACE_F_ACKED : TCPTRACE_F_UNACKED;
	if ((state == TCP_LAST_ACK || state == TCP_FIN_WAIT1) && fin_may_wait(tp))
		record->flags |= TCPTRACE_F_HELD;
	if (state != TCP_ESTABLISHED || record->old_state != TCP_SYN_SENT)
		return;
	ecn = READ(tp, ecn_flags);
	if (third_may_wait(tp))
		record->flags |= TCPTRACE_F_HELD;
	if ((ecn & (TCP_ECN_OK | TCP_ECN_MODE_ACCECN)) == TCP_ECN_OK)
		record->flags |= TCPTRACE_F_ECN;
	if (READ_BITS(tp, repair))
		record->flags |= TCPTRACE_F_REPAIR;
}

static __always_inline bool route_has_ecn(struct sock *sk)
{
	struct dst_entry *dst = READ(sk, sk_dst_cache);
	u32 *metrics, features = 0;

	if (!dst)
		return false;
	metrics = (u32 *)(READ(dst, _metrics) & ~DST_METRICS_FLAGS);
	bpf_probe_read_kernel(&features, sizeof(features), metrics + RTAX_FEATURES - 1);
	return features & RTAX_FEATURE_ECN;
}

static __always_inline bool syn_has_ecn(struct tcp_sock *tp)
{
	struct sock *sk = sock_of(tp);
	struct net *net = READ(sk, __sk_common.skc_net.net);
	const struct tcp_congestion_ops *ca = READ(tp, inet_conn.icsk_ca_ops);
	u8 ecn = READ(net, ipv4.sysctl_tcp_ecn);

	return ecn == 1 || ecn == 3 || ecn == 4 || READ(ca, flags) & TCP_CONG_NEEDS_ECN ||
	       route_has_ecn(sk);
}

/* With a helper: of a timewait socket the pointer has no type. */
static __always_inline void capture_bound(struct tcptrace_record *record, struct inet_bind_bucket *bucket)
{
	if (bucket && (BPF_CORE_READ(bucket, fastreuse) >= 0 || BPF_CORE_READ(bucket, fastreuseport) >= 0))
		record->flags |= TCPTRACE_F_BOUND;
}

static __always_inline void capture_syn(struct tcptrace_record *record, struct tcp_sock *tp)
{
	record->snd_una = record->write_seq;
	record->snd_nxt = record->write_seq;
	if (READ_BITS(tp, repair))
		record->flags |= TCPTRACE_F_REPAIR;
	else if (syn_has_ecn(tp))
		record->flags |= TCPTRACE_F_ECN;
	capture_bound(record, READ(tp, inet_conn.icsk_bind_hash));
}

static __always_inline void capture_request(struct tcptrace_record *record, struct tcp_request_sock *req)
{
	u32 snt_isn = READ_UNTYPED(req, snt_isn), rcv_isn = READ_UNTYPED(req, rcv_isn);

	record->snd_una = snt_isn;
	record->snd_nxt = snt_isn + 1;
	record->write_seq = snt_isn + 1;
	record->rcv_nxt = rcv_isn + 1;
	record->copied_seq = rcv_isn + 1;
	record->rcv_wnd = READ_UNTYPED(req, req.req.__req_common.skc_rcv_wnd);
	record->mss = READ_UNTYPED(req, req.req.mss);
	record->wscale = READ_BITS_UNTYPED(req, req.rcv_wscale) << 4 | READ_BITS_UNTYPED(req, req.snd_wscale);
	if (READ_BITS_UNTYPED(req, req.ecn_ok))
		record->flags |= TCPTRACE_F_ECN;
	if (bpf_core_field_exists(req->is_mptcp) && READ_UNTYPED(req, is_mptcp))
		record->flags |= TCPTRACE_F_MPTCP;
}

static __always_inline void capture_timewait(struct tcptrace_record *record, struct tcp_timewait_sock *tw)
{
	u32 snd_nxt = READ_UNTYPED(tw, tw_sk.__tw_common.skc_tw_snd_nxt);
	u32 rcv_nxt = READ_UNTYPED(tw, tw_sk.__tw_common.skc_tw_rcv_nxt);

	record->snd_una = snd_nxt;
	record->snd_nxt = snd_nxt;
	record->write_seq = snd_nxt;
	record->rcv_nxt = rcv_nxt;
	record->copied_seq = rcv_nxt;
	record->rcv_wnd = READ_UNTYPED(tw, tw_rcv_wnd);
	record->wscale = READ_UNTYPED(tw, tw_sk.tw_rcv_wscale) << 4;
	record->flags |= TCPTRACE_F_ORPHAN | READ_BITS_UNTYPED(tw, tw_sk.__tw_common.skc_ipv6only) * TCPTRACE_F_V6ONLY;
}

static __always_inline void clear_record(struct tcptrace_record *record)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->cpu = bpf_get_smp_processor_id();
}

/*
 * Fills all of the record except its time: zeroes it, then writes the tuple, the cookie, and the state and queue
 * counters that the kind of socket has. old_state and new_state are both the socket's current state. tp: set if it is a
 * full socket. A socket without a cookie stays without: for callers in which the verifier does not allow one to be
 * assigned.
 */
static __always_inline void capture_as_is(struct tcptrace_record *record, struct sock_common *sk, struct tcp_sock *tp)
{
	struct tcp_timewait_sock *tw;
	struct tcp_request_sock *req;

	clear_record(record);
	record->cookie = cookie_until_now(sk);
	addresses(sk, (u32 *)record->saddr, (u32 *)record->daddr);
	record->sport = local_port(sk, tp);
	record->dport = bpf_ntohs(READ(sk, skc_dport));
	record->netns = netns_of(sk);
	record->family = READ(sk, skc_family);
	record->ifindex = READ(sk, skc_bound_dev_if);
	record->kind = TCPTRACE_K_FULL;
	record->new_state = READ(sk, skc_state);

	if (tp) {
		capture_full(record, tp);
	} else if (record->new_state == TCP_NEW_SYN_RECV) {
		record->kind = TCPTRACE_K_REQUEST;
		record->new_state = TCPTRACE_S_SYN_RECV;
		req = request_of(sk);
		if (req)
			capture_request(record, req);
	} else if (record->new_state == TCP_TIME_WAIT) {
		record->kind = TCPTRACE_K_TIMEWAIT;
		tw = timewait_of(sk);
		if (tw) {
			record->new_state = READ_UNTYPED(tw, tw_sk.tw_substate);
			capture_timewait(record, tw);
		}
	}
	record->old_state = record->new_state;
}

static __always_inline void capture(struct tcptrace_record *record, struct sock_common *sk, struct tcp_sock *tp)
{
	capture_as_is(record, sk, tp);
	if (!record->cookie)
		record->cookie = make_cookie(sk);
}

/* The same without a socket, from a key. */
static __always_inline void capture_key(struct tcptrace_record *record, const struct key *key)
{
	clear_record(record);
	__builtin_memcpy(record->saddr, key->saddr, sizeof(record->saddr));
	__builtin_memcpy(record->daddr, key->daddr, sizeof(record->daddr));
	record->sport = key->sport;
	record->dport = key->dport;
	record->netns = key->netns;
	record->family = key->family;
	record->kind = TCPTRACE_K_NONE;
	record->old_state = TCPTRACE_S_CLOSE;
	record->new_state = TCPTRACE_S_CLOSE;
}

/* u.listen of a listener. `sk` may be any socket: left zero if it does not listen. */
static __always_inline void capture_listener(struct tcptrace_record *record, void *sk)
{
	struct tcptrace_listen *listen = &record->u.listen;
	struct tcp_sock *tp = tcp_of(sk);

	if (!tp || READ((struct sock_common *)tp, skc_state) != TCP_LISTEN)
		return;
	listen->listener = cookie_of(tp);
	listen->backlog = READ(sock_of(tp), sk_ack_backlog);
	listen->backlog_max = READ(sock_of(tp), sk_max_ack_backlog);
	listen->syn_backlog = READ(tp, inet_conn.icsk_accept_queue.qlen.counter);
}

/* The same from a pointer that was found in a request, and which the verifier lets nobody but these helpers use. */
static __always_inline void capture_queues(struct tcptrace_listen *listen, void *sk)
{
	struct tcp_sock *tp = sk;

	listen->listener = READ_UNTYPED((struct sock_common *)sk, skc_cookie.counter);
	listen->backlog = READ_UNTYPED((struct sock *)sk, sk_ack_backlog);
	listen->backlog_max = READ_UNTYPED((struct sock *)sk, sk_max_ack_backlog);
	listen->syn_backlog = READ_UNTYPED(tp, inet_conn.icsk_accept_queue.qlen.counter);
}

/* u.totals from a full socket. */
static __always_inline void capture_totals(struct tcptrace_record *record, struct tcp_sock *tp)
{
	struct tcptrace_totals *totals = &record->u.totals;

	totals->bytes_in = READ(tp, bytes_received);
	totals->bytes_out = READ(tp, bytes_acked);
	totals->retransmits = READ(tp, total_retrans);
	totals->ooo = READ(tp, rcv_ooopack);
}

/* u.queue from a full socket. */
static __always_inline void capture_queue(struct tcptrace_record *record, struct tcp_sock *tp, u32 bytes)
{
	struct tcptrace_queue *queue = &record->u.queue;
	struct sock *sk = sock_of(tp);

	queue->bytes = bytes;
	queue->sndbuf = READ(sk, sk_sndbuf);
	queue->rcvbuf = READ(sk, sk_rcvbuf);
	queue->wmem = READ(sk, sk_wmem_queued);
	queue->rmem = READ(sk, sk_backlog.rmem_alloc.counter);
}

static __always_inline u32 jiffies_to_ms(u64 jiffies)
{
	return jiffies * config.jiffy_ns / 1000000;
}

/* The remaining time of a timer. */
static __always_inline long left_of(unsigned long expires)
{
	return expires - (unsigned long)bpf_jiffies64();
}

/* u.retransmit from a full socket: segments in flight, and the variables of congestion control. */
static __always_inline void capture_retransmit(struct tcptrace_record *record, struct tcp_sock *tp)
{
	struct tcptrace_retransmit *retransmit = &record->u.retransmit;

	retransmit->total = READ(tp, total_retrans);
	retransmit->in_flight = READ(tp, packets_out);
	retransmit->sacked = READ(tp, sacked_out);
	retransmit->lost = READ(tp, lost_out);
	retransmit->retransmitted = READ(tp, retrans_out);
	retransmit->cwnd = READ(tp, snd_cwnd);
	retransmit->ssthresh = READ(tp, snd_ssthresh);
	retransmit->rto = jiffies_to_ms(READ(tp, inet_conn.icsk_rto));
	retransmit->backoff = READ(tp, inet_conn.icsk_backoff);
}

#endif
