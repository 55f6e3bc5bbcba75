// SPDX-License-Identifier: GPL-2.0-only
/* Level queue: what changes a queue. */
#include <linux/tcp.h>
#include <net/mptcp.h>
#include <net/tcp.h>

#include "handlers_impl.h"
#include "readmark.h"

static __always_inline void queue_event(struct sock *sk, u16 type, u8 op, u32 bytes)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, type, op))
		return;
	tcptrace_capture_queue(event.record, sk, bytes);
	event_publish(&event);
}

/* ---- the receive queue ---- */

/* void tcp_data_ready(struct sock *sk): rcv_nxt has advanced */
static __always_inline void on_data_ready(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct event event;
	u32 before;

	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED))
		return;
	tcptrace_readmark(event.record->cookie, event.record->copied_seq, &before);
	tcptrace_capture_queue(event.record, sk, 0);
	event_publish(&event);
}

#define NOT_KNOWN	-1

/*
 * How many bytes were removed from the receive queue since that was recorded last, without the FIN, which is removed
 * after the last of them.
 */
static __always_inline int bytes_removed(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 seq = tp->copied_seq, before;
	int removed;

	if (!tcptrace_readmark(tcptrace_cookie(sk), seq, &before))
		return NOT_KNOWN;
	removed = seq - before;
	if (removed > 0 && sock_flag(sk, SOCK_DONE) && seq == tp->rcv_nxt)
		removed--;
	return removed < 0 ? NOT_KNOWN : removed;
}

/*
 * The bytes of a read; NOT_KNOWN: there was none. A call with a 1 may mean that something is to be done now, such as to
 * send the ACK that setsockopt(TCP_QUICKACK) asks for, and MPTCP makes no others. MSG_PEEK removes nothing; nor does a
 * read of what a BPF program has redirected here, which was in another socket's queue.
 */
static __always_inline int bytes_read(struct sock *sk, int copied)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	int removed = bytes_removed(sk);

	if (sk_is_mptcp(sk))
		return removed > 0 ? removed : NOT_KNOWN;
	if (removed > 0)
		return min(removed, copied);
	if (removed == NOT_KNOWN)
		return copied > 1 ? copied : 0;
	return copied > 1 && copied <= (int)(tp->rcv_nxt - tp->copied_seq) ? copied : NOT_KNOWN;
}

/* tcp_recvmsg() has found nothing and is about to block. At the end of the stream it finds nothing either. */
static __always_inline bool blocks(const struct sock *sk)
{
	return !sock_flag(sk, SOCK_DONE) && !(sk->sk_shutdown & RCV_SHUTDOWN) &&
	       ((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2));
}

/* void __tcp_cleanup_rbuf(struct sock *sk, int copied): copied_seq has advanced already, or nothing was copied */
static __always_inline void on_read(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	int copied = ARG(regs, int, 1), bytes;

	if (copied < 0 || (!copied && !blocks(sk)))
		return ignore_hit();
	if (!copied)
		return queue_event(sk, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0);
	if (!wanted(sk, TCPTRACE_L_QUEUE))
		return;
	bytes = bytes_read(sk, copied);
	if (bytes == NOT_KNOWN)
		return ignore_hit();
	queue_event(sk, TCPTRACE_T_RECV, TCPTRACE_OP_READ, bytes);
}

/*
 * bool mptcp_subflow_data_available(struct sock *ssk): MPTCP looks for more, and may have moved what there was to the
 * connection's own queue. It does so in whatever context, for no process.
 */
static __always_inline void on_mptcp_read(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct event event;
	int bytes;

	if (!wanted(sk, TCPTRACE_L_QUEUE))
		return;
	bytes = bytes_removed(sk);
	if (bytes <= 0)
		return ignore_hit();
	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, TCPTRACE_T_RECV, TCPTRACE_OP_READ))
		return;
	tcptrace_capture_nobody(event.record);
	tcptrace_capture_queue(event.record, sk, bytes);
	event_publish(&event);
}

/* ---- the send queue ---- */

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
HANDLE_ENTRY(mptcp_read)
HANDLE_ENTRY(write)
HANDLE_ENTRY(write_full)
HANDLE_ENTRY(ack)
