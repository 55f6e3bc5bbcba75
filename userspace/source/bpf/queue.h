/* SPDX-License-Identifier: GPL-2.0-only */
/* Level queue. See life.h. */
#ifndef TCPTRACE_BPF_QUEUE_H
#define TCPTRACE_BPF_QUEUE_H

#include "source/bpf/event.h"

static __always_inline void queue_event(struct tcp_sock *tp, u16 type, u8 op, u32 bytes)
{
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, type, op))
		return;
	capture_queue(event.record, tp, bytes);
	event_publish(&event);
}

static __always_inline void on_data_ready(arguments *regs)
{
	queue_event(tcp_of(ARG(regs, void *, 0)), TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
}

/* Nothing was copied, and nothing more will be received. */
static __always_inline bool at_end(struct tcp_sock *tp)
{
	struct sock *sk = sock_of(tp);
	int state = READ(sk, __sk_common.skc_state);

	return bit_of(READ(sk, __sk_common.skc_flags), SOCK_DONE) || READ(sk, sk_shutdown) & RCV_SHUTDOWN ||
	       (state != TCP_ESTABLISHED && state != TCP_FIN_WAIT1 && state != TCP_FIN_WAIT2);
}

static __always_inline void on_read(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	int copied = ARG(regs, int, 1);

	if (!tp || copied < 0 || (!copied && at_end(tp)))
		return;
	queue_event(tp, TCPTRACE_T_RECV, copied ? TCPTRACE_OP_READ : TCPTRACE_OP_WAIT, copied);
}

static __always_inline void on_write(arguments *regs)
{
	queue_event(tcp_of(ARG(regs, void *, 0)), TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0);
}

static __always_inline void on_write_full(arguments *regs)
{
	queue_event(tcp_of(ARG(regs, void *, 0)), TCPTRACE_T_SEND, TCPTRACE_OP_WAIT, 0);
}

/* The result of tcp_ack_update_window() for the window. */
static __always_inline u32 window_after(struct tcp_sock *tp, struct sk_buff *skb, u32 seq, u32 ack)
{
	u32 before = READ(tp, snd_wnd), wl1 = READ(tp, snd_wl1), window;
	struct tcphdr th;

	header_of(&th, skb);
	window = bpf_ntohs(th.window);
	if (!th.syn)
		window <<= READ_BITS(tp, rx_opt.snd_wscale);
	if (after(ack, READ(tp, snd_una)) || after(seq, wl1) || (seq == wl1 && (window > before || !window)))
		return window;
	return before;
}

static __always_inline void on_ack(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	struct tcp_skb_cb *cb = cb_of(skb);
	u32 ack, una, window, before;
	u8 op = TCPTRACE_OP_NONE;
	struct event event;
	int state;

	if (!tp)
		return;
	ack = READ(cb, ack_seq);
	una = READ(tp, snd_una);
	if (after(una, ack) || after(ack, READ(tp, snd_nxt)))
		return;
	window = window_after(tp, skb, READ(cb, seq), ack);
	before = READ(tp, snd_wnd);
	if (ack == una && window == before)
		return;
	state = READ(sock_of(tp), __sk_common.skc_state);
	if (!window != !before && state != TCP_SYN_SENT && state != TCP_SYN_RECV)
		op = window ? TCPTRACE_OP_OPENED : TCPTRACE_OP_CLOSED;
	if (!event_begin(&event, tp, tp, ack != una ? TCPTRACE_T_ACK : TCPTRACE_T_WINDOW, op))
		return;
	capture_queue(event.record, tp, ack - una);
	event.record->snd_una = ack;
	event.record->snd_wnd = window;
	event_publish(&event);
}

#endif
