// SPDX-License-Identifier: GPL-2.0-only
/* Level queue: what changes a queue. */
#include <linux/tcp.h>
#include <net/tcp.h>

#include "handlers_impl.h"

static __always_inline void queue_event(struct sock *sk, u16 type, u8 op, u32 bytes)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, type, op))
		return;
	tcptrace_capture_queue(event.record, sk, bytes);
	event_publish(&event);
}

/* void tcp_data_ready(struct sock *sk): rcv_nxt has advanced */
static __always_inline void on_data_ready(struct pt_regs *regs)
{
	queue_event(ARG(regs, struct sock *, 0), TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
}

/*
 * void tcp_cleanup_rbuf(struct sock *sk, int copied): copied_seq has advanced already; or nothing was copied, and
 * tcp_recvmsg() is about to block. At the end of the stream nothing is copied either, but nothing blocks.
 */
static __always_inline void on_read(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	int copied = ARG(regs, int, 1);

	if (copied < 0 ||
	    (!copied && (sock_flag(sk, SOCK_DONE) || (sk->sk_shutdown & RCV_SHUTDOWN) ||
			 !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)))))
		return ignore_hit();
	queue_event(sk, TCPTRACE_T_RECV, copied ? TCPTRACE_OP_READ : TCPTRACE_OP_WAIT, copied);
}

/* void tcp_push(struct sock *sk, ...): write_seq has advanced */
static __always_inline void on_write(struct pt_regs *regs)
{
	queue_event(ARG(regs, struct sock *, 0), TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0);
}

/* int sk_stream_wait_memory(struct sock *sk, long *timeo_p): blocks, since the send queue is full */
static __always_inline void on_write_full(struct pt_regs *regs)
{
	queue_event(ARG(regs, struct sock *, 0), TCPTRACE_T_SEND, TCPTRACE_OP_WAIT, 0);
}

/* The window that tcp_ack_update_window() will compute; without its side effects. */
static __always_inline u32 window_after(const struct tcp_sock *tp, const struct sk_buff *skb, u32 ack)
{
	const struct tcphdr *th = tcp_hdr(skb);
	u32 seq = TCP_SKB_CB(skb)->seq;
	u32 window = ntohs(th->window);

	if (!th->syn)
		window <<= tp->rx_opt.snd_wscale;
	if (after(ack, tp->snd_una) || after(seq, tp->snd_wl1) ||
	    (seq == tp->snd_wl1 && (window > tp->snd_wnd || !window)))
		return window;
	return tp->snd_wnd;
}

/*
 * int tcp_ack(struct sock *sk, const struct sk_buff *skb, int flag), at its entry; makes the same first checks. An ACK
 * below snd_una is old, one above snd_nxt acknowledges data that was not sent.
 */
static __always_inline void on_ack(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	const struct sk_buff *skb = ARG(regs, const struct sk_buff *, 1);
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 ack = TCP_SKB_CB(skb)->ack_seq;
	u32 acked = ack - tp->snd_una;
	u8 op = TCPTRACE_OP_NONE;
	struct event event;
	u32 window;

	if (before(ack, tp->snd_una) || after(ack, tp->snd_nxt))
		return ignore_hit();
	window = window_after(tp, skb, ack);
	if (!acked && window == tp->snd_wnd)
		return ignore_hit();
	/* Before the handshake is complete, the window has not been open yet. */
	if (!window != !tp->snd_wnd && !((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)))
		op = window ? TCPTRACE_OP_OPENED : TCPTRACE_OP_CLOSED;
	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, acked ? TCPTRACE_T_ACK : TCPTRACE_T_WINDOW, op))
		return;
	tcptrace_capture_queue(event.record, sk, acked);
	event.record->snd_una = ack;
	event.record->snd_wnd = window;
	event_publish(&event);
}

HANDLE_ENTRY(data_ready)
HANDLE_ENTRY(read)
HANDLE_ENTRY(write)
HANDLE_ENTRY(write_full)
HANDLE_ENTRY(ack)
