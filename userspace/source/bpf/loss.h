/* SPDX-License-Identifier: GPL-2.0-only */
/* Retransmissions and their reasons, what a full queue refuses, and probes. See life.h. */
#ifndef TCPTRACE_BPF_LOSS_H
#define TCPTRACE_BPF_LOSS_H

#include "source/bpf/event.h"
#include "source/bpf/segment.h"

/* Maximum depth of a tree: more than fits into memory. */
#define TREE_DEPTH	64

/* ---- retransmissions ---- */

static __always_inline void retransmit_event(struct tcp_sock *tp, u32 level, u8 op, u32 seq, u32 len, u32 segments)
{
	struct tcptrace_retransmit *retransmit;
	struct event event;

	if (config.level < level || !event_begin(&event, tp, tp, TCPTRACE_T_RETRANSMIT, op))
		return;
	retransmit = &event.record->u.retransmit;
	capture_retransmit(event.record, tp);
	retransmit->segments = segments;
	retransmit->seq = seq;
	retransmit->len = len;
	event_publish(&event);
}

/* Kept until the return: the socket's retransmissions before the call. */
static __always_inline u64 call_retransmit(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));

	return tp ? READ(tp, total_retrans) : 0;
}

static __always_inline u8 retransmit_cause(struct tcp_sock *tp)
{
	int state = READ(sock_of(tp), __sk_common.skc_state);

	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return TCPTRACE_OP_SYN;
	if (READ_BITS(tp, inet_conn.icsk_ca_state) != TCP_CA_Loss)
		return TCPTRACE_OP_FAST;
	if (!READ(tp, inet_conn.icsk_pending))
		return TCPTRACE_OP_RTO;
	return READ(tp, undo_marker) ? TCPTRACE_OP_LOSS : TCPTRACE_OP_PMTU;
}

static __always_inline void on_retransmit(arguments *regs, int error, u64 before)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	u32 segments;
	u8 op;

	if (!tp)
		return;
	segments = READ(tp, total_retrans) - (u32)before;
	if (!segments)
		return;
	op = retransmit_cause(tp);
	retransmit_event(tp, op == TCPTRACE_OP_SYN ? TCPTRACE_L_LIFE : TCPTRACE_L_QUEUE, op, READ(cb_of(skb), seq),
			 READ(skb, len), segments);
}

static __always_inline u64 call_loss_probe(arguments *regs)
{
	return call_retransmit(regs);
}

/* The node is at the start of a segment. */
static __always_inline struct sk_buff *last_sent(struct tcp_sock *tp)
{
	struct rb_node *node = READ_UNTYPED(sock_of(tp), tcp_rtx_queue.rb_node), *right;
	int i;

	for (i = 0; i < TREE_DEPTH && node; i++) {
		right = READ_UNTYPED(node, rb_right);
		if (!right)
			break;
		node = right;
	}
	return node ? (void *)node - bpf_core_field_offset(struct sk_buff, rbnode) : NULL;
}

static __always_inline void on_loss_probe(arguments *regs, int unused, u64 before)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	u32 segments, seq = 0, len = 0;
	struct sk_buff *last;

	if (!tp)
		return;
	segments = READ(tp, total_retrans) - (u32)before;
	if (!segments)
		return;
	last = last_sent(tp);
	if (last) {
		seq = READ_UNTYPED(cb_of(last), seq);
		len = READ_UNTYPED(last, len);
	}
	retransmit_event(tp, TCPTRACE_L_QUEUE, TCPTRACE_OP_TLP, seq, len, segments);
}

static __always_inline u64 call_synack_again(arguments *regs)
{
	struct tcp_request_sock *req = request_of(ARG(regs, void *, 1));

	return req ? READ_UNTYPED(req, req.req.num_retrans) : 0;
}

static __always_inline void on_synack_again(arguments *regs, int error, u64 before)
{
	struct tcp_sock *child = fast_child(tcp_of(ARG(regs, void *, 0)));
	void *sk = ARG(regs, void *, 1);
	struct tcp_request_sock *req = request_of(sk);
	struct event event;

	if (error || !req)
		return;
	if (child ? !event_begin(&event, child, child, TCPTRACE_T_RETRANSMIT, TCPTRACE_OP_SYNACK) :
		    !event_begin(&event, sk, NULL, TCPTRACE_T_RETRANSMIT, TCPTRACE_OP_SYNACK))
		return;
	event.record->u.retransmit.seq = READ_UNTYPED(req, snt_isn);
	event.record->u.retransmit.segments = 1;
	event.record->u.retransmit.total = before + 1;
	event_publish(&event);
}

static __always_inline void on_undo(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));

	if (tp)
		retransmit_event(tp, TCPTRACE_L_QUEUE, TCPTRACE_OP_SPURIOUS, 0, 0, 0);
}

/* Is there data to send that fits into the peer's window? */
static __always_inline bool can_send(struct tcp_sock *tp)
{
	struct sk_buff *next;

	if (!READ(sock_of(tp), sk_write_queue.qlen))
		return false;
	next = READ(sock_of(tp), sk_write_queue.next);
	return next && after(READ(tp, snd_una) + READ(tp, snd_wnd), READ_UNTYPED(cb_of(next), seq));
}

static __always_inline void on_probe(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;

	if (!tp || READ(sock_of(tp), __sk_common.skc_state) == TCP_CLOSE || can_send(tp))
		return;
	if (!event_begin(&event, tp, tp, TCPTRACE_T_WINDOW,
			 ARG(regs, u32, 1) == config.mib_keepalive ? TCPTRACE_OP_KEEPALIVE : TCPTRACE_OP_PROBE))
		return;
	capture_queue(event.record, tp, 0);
	event.record->u.queue.probes = READ(tp, inet_conn.icsk_probes_out);
	event_publish(&event);
}

/* ---- refused by a listener ---- */

static __always_inline void refusal_event(struct tcp_sock *tp, struct sk_buff *skb, u16 type, u8 op)
{
	struct event event;
	struct tcphdr th;
	struct key key;

	header_of(&th, skb);
	key_of_skb(&key, skb, &th, netns_of((struct sock_common *)tp));
	key.family = READ(sock_of(tp), __sk_common.skc_family);
	if (!event_begin_key(&event, &key, type, op))
		return;
	capture_listener(event.record, tp);
	event.record->old_state = TCPTRACE_S_LISTEN;
	event.record->new_state = TCPTRACE_S_LISTEN;
	event_publish(&event);
}

static __always_inline bool accept_queue_full(struct tcp_sock *tp)
{
	return READ(sock_of(tp), sk_ack_backlog) > READ(sock_of(tp), sk_max_ack_backlog);
}

/* inet_csk_reqsk_queue_is_full() */
static __always_inline bool syn_queue_full(struct tcp_sock *tp)
{
	return READ(tp, inet_conn.icsk_accept_queue.qlen.counter) > (int)READ(sock_of(tp), sk_max_ack_backlog);
}

static __always_inline void on_syn(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 2));
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 3);
	u16 type = TCPTRACE_T_DROP;
	struct net *net;
	bool full, room;
	u8 cookies, op;

	if (!tp)
		return;
	net = READ(sock_of(tp), __sk_common.skc_net.net);
	cookies = READ_BITS(net, ipv4.sysctl_tcp_syncookies);
	full = syn_queue_full(tp) || cookies == 2;
	room = !accept_queue_full(tp);
	if (!full && room)
		return;
	full = full && !by_way_of_timewait(skb);
	if (full && !cookies) {
		op = TCPTRACE_OP_SYN_QUEUE;
	} else if (!room) {
		op = TCPTRACE_OP_ACCEPT_QUEUE;
	} else if (full) {
		type = TCPTRACE_T_REQUEST;
		op = TCPTRACE_OP_COOKIE;
	} else {
		return;
	}
	refusal_event(tp, skb, type, op);
}

static __always_inline void third_segment(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct request_sock *req = ARG(regs, struct request_sock *, 2);
	struct event event;

	if (!tp || !accept_queue_full(tp))
		return;
	if (!READ(req, __req_common.skc_node.pprev))
		return refusal_event(tp, ARG(regs, struct sk_buff *, 1), TCPTRACE_T_DROP, TCPTRACE_OP_ACCEPT_QUEUE);
	if (!event_begin(&event, req, NULL, TCPTRACE_T_DROP, TCPTRACE_OP_ACCEPT_QUEUE))
		return;
	capture_listener(event.record, tp);
	event_publish(&event);
}

static __always_inline void on_third4(arguments *regs)
{
	third_segment(regs);
}

static __always_inline void on_third6(arguments *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	if (READ(skb, protocol) != bpf_htons(ETH_P_IP))
		third_segment(regs);
}

#endif
