/* SPDX-License-Identifier: GPL-2.0-only */
/* Level queue. See life.h. */
#ifndef TCPTRACE_BPF_QUEUE_H
#define TCPTRACE_BPF_QUEUE_H

#include "source/bpf/event.h"
#include "source/bpf/readmark.h"

static __always_inline void queue_event(struct tcp_sock *tp, u16 type, u8 op, u32 bytes)
{
	struct event event;

	if (!tp || !event_begin(&event, tp, tp, type, op))
		return;
	capture_queue(event.record, tp, bytes);
	event_publish(&event);
}

/* ---- the receive queue ---- */

static __always_inline void on_data_ready(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;
	u32 before;

	if (!tp || !event_begin(&event, tp, tp, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED))
		return;
	readmark(event.record->cookie, event.record->copied_seq, &before);
	capture_queue(event.record, tp, 0);
	event_publish(&event);
}

#define NOT_KNOWN	-1

static __always_inline bool is_done(struct tcp_sock *tp)
{
	return bit_of(READ(sock_of(tp), __sk_common.skc_flags), SOCK_DONE);
}

static __always_inline int bytes_removed(struct tcp_sock *tp)
{
	u32 seq = READ(tp, copied_seq), before = 0;
	int removed;

	if (!readmark(cookie_of(tp), seq, &before))
		return NOT_KNOWN;
	removed = seq - before;
	if (removed > 0 && is_done(tp) && seq == READ(tp, rcv_nxt))
		removed--;
	return removed < 0 ? NOT_KNOWN : removed;
}

static __always_inline int bytes_read(struct tcp_sock *tp, int copied)
{
	int removed = bytes_removed(tp);

	if (is_mptcp(tp))
		return removed > 0 ? removed : NOT_KNOWN;
	if (removed > 0)
		return removed < copied ? removed : copied;
	if (removed == NOT_KNOWN)
		return copied > 1 ? copied : 0;
	return copied > 1 && copied <= (int)(READ(tp, rcv_nxt) - READ(tp, copied_seq)) ? copied : NOT_KNOWN;
}

static __always_inline bool blocks(struct tcp_sock *tp)
{
	struct sock *sk = sock_of(tp);
	int state = READ(sk, __sk_common.skc_state);

	return !is_done(tp) && !(READ(sk, sk_shutdown) & RCV_SHUTDOWN) &&
	       (state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2);
}

static __always_inline void on_read(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	int copied = ARG(regs, int, 1), bytes;

	if (!tp || copied < 0 || (!copied && !blocks(tp)) || !wanted((struct sock_common *)tp, tp))
		return;
	bytes = copied ? bytes_read(tp, copied) : 0;
	if (bytes == NOT_KNOWN)
		return;
	queue_event(tp, TCPTRACE_T_RECV, copied ? TCPTRACE_OP_READ : TCPTRACE_OP_WAIT, bytes);
}

static __always_inline void on_mptcp_read(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct event event;
	int bytes;

	if (!tp || !wanted((struct sock_common *)tp, tp))
		return;
	bytes = bytes_removed(tp);
	if (bytes <= 0 || !event_begin(&event, tp, tp, TCPTRACE_T_RECV, TCPTRACE_OP_READ))
		return;
	capture_nobody(event.record);
	capture_queue(event.record, tp, bytes);
	event_publish(&event);
}

/* ---- the send queue ---- */

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
