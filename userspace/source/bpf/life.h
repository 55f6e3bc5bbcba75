/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Level life: one handler for each row of the probe table (module/uapi/tcptrace_probes.h), with the same name as in the
 * module, where the reasons are explained.
 */
#ifndef TCPTRACE_BPF_LIFE_H
#define TCPTRACE_BPF_LIFE_H

#include "source/bpf/event.h"
#include "source/bpf/segment.h"

/*
 * A timewait socket has the cookie of the full socket, unless nobody had asked for that before it was created: then it
 * gets another one here, because BPF cannot write it. From then on that is the endpoint's cookie, and the last record
 * of the full socket, which tcp_time_wait() closes next, uses it, too.
 */
static __always_inline void leaves_its_place(struct tcptrace_record *record, u64 cookie)
{
	struct bpf_cpu *cpu = this_cpu();

	if (cpu && record->cookie != cookie) {
		cpu->left_cookie = record->cookie;
		cpu->taken_cookie = cookie;
	}
	record->cookie = cookie;
}

static __always_inline void has_left_its_place(struct tcptrace_record *record)
{
	struct bpf_cpu *cpu = this_cpu();

	if (cpu && record->cookie && record->cookie == cpu->left_cookie) {
		record->cookie = cpu->taken_cookie;
		cpu->left_cookie = 0;
	}
}

static __always_inline void on_set_state(arguments *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct tcp_sock *tp = tcp_of(sk);
	int state = ARG(regs, int, 1);
	struct event event;
	int old;

	if (!tp)
		return;
	old = READ((struct sock_common *)tp, skc_state);
	if (state == TCP_SYN_SENT || state == old)
		return;
	if (!event_begin(&event, tp, tp, TCPTRACE_T_STATE, TCPTRACE_OP_NONE))
		return;
	if (old == TCP_LISTEN) {
		event.record->type = TCPTRACE_T_LISTEN;
		capture_listener(event.record, tp);
	} else {
		capture_totals(event.record, tp);
		capture_change(event.record, tp, state);
	}
	event.record->new_state = state;
	if (state == TCP_CLOSE)
		has_left_its_place(event.record);
	event_publish(&event);
}

static __always_inline u64 call_listen_start(arguments *regs)
{
	return 0;
}

static __always_inline void on_listen_start(arguments *regs, int error, u64 unused)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;

	if (error || !tp)
		return;
	if (!event_begin(&event, tp, tp, TCPTRACE_T_LISTEN, TCPTRACE_OP_NONE))
		return;
	capture_listener(event.record, tp);
	event.record->old_state = TCPTRACE_S_CLOSE;
	event_publish(&event);
}

static __always_inline void backlog_event(struct tcp_sock *tp, int backlog)
{
	struct event event;

	if (!tp || READ((struct sock_common *)tp, skc_state) != TCP_LISTEN)
		return;
	if (!event_begin(&event, tp, tp, TCPTRACE_T_LISTEN, TCPTRACE_OP_NONE))
		return;
	capture_listener(event.record, tp);
	event.record->u.listen.backlog_max = backlog;
	event_publish(&event);
}

static __always_inline void on_listen_again(arguments *regs)
{
	backlog_event(tcp_of(ARG(regs, void *, 0)), ARG(regs, int, 1));
}

static __always_inline void on_listen_sock(arguments *regs)
{
	struct socket *sock = ARG(regs, struct socket *, 0);

	backlog_event(tcp_of(READ(sock, sk)), ARG(regs, int, 1));
}

static __always_inline void request_event(void *sk, struct tcp_sock *tp, void *listener, u8 op, u8 old, u8 new,
					  u32 retransmits)
{
	struct event event;

	if (!event_begin(&event, sk, tp, TCPTRACE_T_REQUEST, op))
		return;
	capture_listener(event.record, listener);
	event.record->u.listen.retransmits = retransmits;
	if (op == TCPTRACE_OP_OPEN && event.record->u.listen.syn_backlog)
		event.record->u.listen.syn_backlog--;
	event.record->old_state = old;
	event.record->new_state = new;
	event_publish(&event);
}

static __always_inline u64 call_request_open(arguments *regs)
{
	return 0;
}

static __always_inline void on_request_open(arguments *regs, int unused, u64 nothing)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 1);

	/* Unhashed: it is a duplicate. */
	if (!READ(req, __req_common.skc_node.pprev))
		return;
	request_event(req, NULL, ARG(regs, void *, 0), TCPTRACE_OP_OPEN, TCPTRACE_S_LISTEN, TCPTRACE_S_SYN_RECV, 0);
}

static __always_inline void doom(void *sk, u8 op)
{
	struct bpf_cpu *cpu = this_cpu();

	if (!cpu)
		return;
	cpu->doomed_cookie = cookie_of(sk);
	cpu->doomed_op = op;
}

static __always_inline void on_request_err(arguments *regs)
{
	struct tcp_request_sock *req = ARG(regs, struct tcp_request_sock *, 0);

	if (ARG(regs, bool, 2) && ARG(regs, u32, 1) == READ_UNTYPED(req, snt_isn))
		doom(req, TCPTRACE_OP_UNREACHABLE);
}

static __always_inline void on_destroy(arguments *regs)
{
	struct sock_common *sk = ARG(regs, struct sock_common *, 0);

	if (READ(sk, skc_state) == TCP_NEW_SYN_RECV)
		doom(sk, TCPTRACE_OP_DESTROYED);
}

static __always_inline u8 reason_of_drop(struct request_sock *req)
{
	struct bpf_cpu *cpu = this_cpu();

	if (cpu && cpu->doomed_cookie && cpu->doomed_cookie == READ(req, __req_common.skc_cookie.counter))
		return cpu->doomed_op;
	/* The timer that finds the retries exhausted is running, so it is not pending. */
	return READ(req, rsk_timer.entry.pprev) ? TCPTRACE_OP_DROPPED : TCPTRACE_OP_TIMEDOUT;
}

static __always_inline void on_request_drop(arguments *regs)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 1);

	/* Unhashed: replaced by its child. */
	if (!READ(req, __req_common.skc_node.pprev))
		return;
	request_event(req, NULL, ARG(regs, void *, 0), reason_of_drop(req), TCPTRACE_S_SYN_RECV,
		      TCPTRACE_S_CLOSE, READ(req, num_retrans));
}

static __always_inline void on_child(arguments *regs)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 2);
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 1));
	struct bpf_cpu *cpu = this_cpu();

	if (!ARG(regs, bool, 3) || !tp || !cpu)
		return;
	cpu->last_child = cookie_of(tp);
	request_event(tp, tp, ARG(regs, void *, 0), TCPTRACE_OP_ACKED, TCPTRACE_S_SYN_RECV, TCPTRACE_S_SYN_RECV,
		      READ(req, num_retrans));
}

static __always_inline void on_child_cookie(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 2));
	struct bpf_cpu *cpu = this_cpu();
	struct event event;

	if (!tp || !cpu || cpu->last_child == cookie_of(tp))
		return;
	if (!event_begin(&event, tp, tp, TCPTRACE_T_REQUEST, TCPTRACE_OP_ACKED))
		return;
	capture_listener(event.record, ARG(regs, void *, 0));
	event.record->flags |= TCPTRACE_F_COOKIE_SYN;
	event_publish(&event);
}

static __always_inline void on_connect(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_CONNECT, TCPTRACE_OP_NONE))
		return;
	capture_syn(event.record, tp);
	event.record->old_state = TCPTRACE_S_CLOSE;
	event_publish(&event);
}

static __always_inline void accept_subflow(struct tcp_sock *tp, void *listener)
{
	struct event event;

	if (!event_begin(&event, tp, tp, TCPTRACE_T_ACCEPT, TCPTRACE_OP_NONE))
		return;
	capture_queues(&event.record->u.listen, listener);
	event_publish(&event);
}

static __always_inline void request_freed(struct request_sock *req)
{
	struct sock_common *listener = (void *)READ(req, __req_common.skc_listener);
	struct tcptrace_listen listen = { 0 };
	struct bpf_cpu *cpu = this_cpu();
	struct tcp_sock *tp;

	if (!cpu || !READ(req, sk) || !listener || READ_UNTYPED(listener, skc_state) != TCP_LISTEN)
		return;
	tp = tcp_of(READ(req, sk));
	if (!tp)
		return;
	if (is_mptcp(tp)) {
		accept_subflow(tp, listener);
		return;
	}
	capture_queues(&listen, listener);
	cpu->accepted_cookie = cookie_of(tp);
	cpu->accepted_listener = listen.listener;
	cpu->accepted_queues[0] = listen.backlog;
	cpu->accepted_queues[1] = listen.backlog_max;
	cpu->accepted_queues[2] = listen.syn_backlog;
}

static __always_inline void on_accepted4(arguments *regs)
{
	request_freed(ARG(regs, struct request_sock *, 0));
}

static __always_inline void on_accepted6(arguments *regs)
{
	request_freed(ARG(regs, struct request_sock *, 0));
}

static __always_inline void listener_seen(struct tcptrace_record *record)
{
	struct tcptrace_listen *listen = &record->u.listen;
	struct bpf_cpu *cpu = this_cpu();

	if (!cpu || !record->cookie || cpu->accepted_cookie != record->cookie)
		return;
	listen->listener = cpu->accepted_listener;
	listen->backlog = cpu->accepted_queues[0];
	listen->backlog_max = cpu->accepted_queues[1];
	listen->syn_backlog = cpu->accepted_queues[2];
}

static __always_inline void on_accept(arguments *regs)
{
	struct socket *sock = ARG(regs, struct socket *, 0);
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 2));
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_ACCEPT, TCPTRACE_OP_NONE))
		return;
	capture_listener(event.record, READ(sock, sk));
	if (!event.record->u.listen.listener)
		listener_seen(event.record);
	event_publish(&event);
}

static __always_inline void on_accept_graft(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_ACCEPT, TCPTRACE_OP_NONE))
		return;
	listener_seen(event.record);
	event_publish(&event);
}

static __always_inline void shutdown_event(struct tcp_sock *tp, u8 op)
{
	struct event event;

	if (!event_begin(&event, tp, tp, TCPTRACE_T_SHUTDOWN, op))
		return;
	capture_totals(event.record, tp);
	event_publish(&event);
}

static __always_inline void on_shutdown(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));

	if (tp && READ((struct sock_common *)tp, skc_state) != TCP_CLOSE)
		shutdown_event(tp, TCPTRACE_OP_SHUT_RD - 1 + (ARG(regs, int, 1) & SHUTDOWN_MASK));
}

static __always_inline void on_close(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	int state;

	if (!tp)
		return;
	state = READ((struct sock_common *)tp, skc_state);
	if (state != TCP_CLOSE && state != TCP_LISTEN)
		shutdown_event(tp, TCPTRACE_OP_CLOSE);
}

static __always_inline void on_reset_sent(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct tcptrace_segment *segment;
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_RESET, TCPTRACE_OP_SENT))
		return;
	segment = &event.record->u.segment;
	segment->seq = event.record->snd_nxt;
	segment->ack = event.record->rcv_nxt;
	segment->flags = TCPHDR_RST | TCPHDR_ACK;
	segment->out = 1;
	if (config.sent_reason)
		segment->reason = (u32)argument(regs, config.sent_reason) + 1;
	event_publish(&event);
}

/* The reply as RFC 9293, section 3.10.7.1, defines it. */
static __always_inline void reset_reply_segment(struct tcptrace_segment *segment, const struct tcphdr *th,
						struct sk_buff *skb)
{
	segment->flags = TCPHDR_RST;
	if (th->ack) {
		segment->seq = bpf_ntohl(th->ack_seq);
	} else {
		segment->flags |= TCPHDR_ACK;
		segment->ack = bpf_ntohl(th->seq) + th->syn + th->fin + READ(skb, len) - (th->doff << 2);
	}
	segment->out = 1;
}

static __always_inline struct dst_entry *dst_of(struct sk_buff *skb)
{
	return (void *)(READ(skb, _skb_refdst) & ~SKB_DST_NOREF);
}

static __always_inline void reset_reply(arguments *regs, bool unicast)
{
	struct sock_common *sk = ARG(regs, struct sock_common *, 0);
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	struct event event;
	struct tcphdr th;
	struct key key;
	u32 netns;

	header_of(&th, skb);
	if (th.rst || (!sk && !unicast) || is_signed(skb, &th))
		return;
	netns = sk ? netns_of(sk) : BPF_CORE_READ(dst_of(skb), dev, nd_net.net, ns.inum);
	key_of_skb(&key, skb, &th, netns);
	if (!wanted_key(&key) || !event_reserve(&event))
		return;
	if (sk && READ(sk, skc_state) != TCP_LISTEN)
		capture(event.record, sk, tcp_of(sk));
	else
		capture_key(event.record, &key);
	capture_task(event.record);
	event.record->type = TCPTRACE_T_RESET;
	event.record->op = TCPTRACE_OP_REPLIED;
	reset_reply_segment(&event.record->u.segment, &th, skb);
	if (config.reply_reason)
		event.record->u.segment.reason = (u32)argument(regs, config.reply_reason) + 1;
	event_publish(&event);
}

static __always_inline void on_reset_reply4(arguments *regs)
{
	struct rtable *rt = (void *)dst_of(ARG(regs, struct sk_buff *, 1));

	reset_reply(regs, rt && BPF_CORE_READ(rt, rt_type) == RTN_LOCAL);
}

static __always_inline void on_reset_reply6(arguments *regs)
{
	struct rt6_info *rt = (void *)dst_of(ARG(regs, struct sk_buff *, 1));

	reset_reply(regs, rt && BPF_CORE_READ(rt, rt6i_flags) & RTF_LOCAL);
}

static __always_inline void on_reset_in(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;
	struct tcphdr th;

	/* Data after close() get here as well. Until 5.10 the segment is not an argument. */
	if (config.reset_segment) {
		header_of(&th, ARG(regs, struct sk_buff *, 1));
		if (!th.rst)
			return;
	}
	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_RESET, TCPTRACE_OP_RECEIVED))
		return;
	event.record->u.segment.flags = TCPHDR_RST;
	event_publish(&event);
}

static __always_inline void on_tw_begin(arguments *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 1));
	struct event event;
	long timeout;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_TIMEWAIT, TCPTRACE_OP_BEGIN))
		return;
	capture_totals(event.record, tp);
	leaves_its_place(event.record, cookie_of(tw));
	event.record->kind = TCPTRACE_K_TIMEWAIT;
	event.record->new_state = READ(tw, tw_substate);
	timeout = config.tw_timeout ? (int)argument(regs, config.tw_timeout) : left_of(READ(tw, tw_timer.expires));
	event.record->u.totals.timeout = jiffies_to_ms(timeout);
	event_publish(&event);
}

static __always_inline void on_tw_segment(arguments *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	struct bpf_cpu *cpu = this_cpu();
	struct tcphdr th;

	if (!cpu)
		return;
	header_of(&th, ARG(regs, struct sk_buff *, 1));
	cpu->tw_cookie = cookie_of(tw);
	cpu->tw_substate = READ(tw, tw_substate);
	cpu->tw_reset = th.rst ? bpf_ktime_get_ns() : 0;
	segment_to_timewait(tw, ARG(regs, struct sk_buff *, 1));
}

static __always_inline void on_tw_timer(arguments *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	struct bpf_cpu *cpu = this_cpu();
	struct event event;
	u8 old;

	if (!ARG(regs, bool, 2) || !cpu || cpu->tw_cookie != READ(tw, __tw_common.skc_cookie.counter))
		return;
	old = cpu->tw_substate;
	if (!event_begin(&event, tw, NULL, TCPTRACE_T_TIMEWAIT,
			 old == READ(tw, tw_substate) ? TCPTRACE_OP_RESTART : TCPTRACE_OP_SUBSTATE))
		return;
	event.record->old_state = old;
	event.record->u.totals.timeout = jiffies_to_ms(ARG(regs, int, 1));
	event_publish(&event);
}

#define TW_RESET_NS	10000000

static __always_inline bool tw_was_reset(struct inet_timewait_sock *tw)
{
	struct bpf_cpu *cpu = this_cpu();

	return cpu && cpu->tw_reset && cpu->tw_cookie == READ(tw, __tw_common.skc_cookie.counter) &&
	       bpf_ktime_get_ns() - cpu->tw_reset < TW_RESET_NS;
}

static __always_inline void on_tw_end(arguments *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	long left = left_of(READ(tw, tw_timer.expires));
	struct event event;

	if (!event_begin(&event, tw, NULL, TCPTRACE_T_TIMEWAIT, left > 0 ? TCPTRACE_OP_KILLED : TCPTRACE_OP_END))
		return;
	event.record->new_state = TCPTRACE_S_CLOSE;
	if (left > 0 && tw_was_reset(tw))
		event.record->error = ECONNRESET;
	event.record->u.totals.timeout = left > 0 ? jiffies_to_ms(left) : 0;
	event_publish(&event);
}

#endif
