// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions and their cause, what a listener with a full queue refuses, and probes of a silent peer. */
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/request_sock.h>
#include <net/snmp.h>
#include <net/tcp.h>

#include "handlers_impl.h"

/* ---- retransmissions ---- */

static void retransmit_event(struct sock *sk, u32 level, u8 op, const struct sk_buff *skb, u32 segments)
{
	struct tcptrace_retransmit *retransmit;
	struct event event;

	if (!event_begin(&event, sk, level, TCPTRACE_T_RETRANSMIT, op))
		return;
	retransmit = &event.record->u.retransmit;
	tcptrace_capture_retransmit(event.record, sk);
	retransmit->segments = segments;
	if (skb) {
		retransmit->seq = TCP_SKB_CB(skb)->seq;
		retransmit->len = skb->len;
	}
	event_publish(&event);
}

/* int tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb, int segs), returned: only then is known what it sent */
static __always_inline void call_retransmit(struct tcptrace_call *call, struct pt_regs *regs)
{
	call->sk = ARG(regs, struct sock *, 0);
	call->what = ARG(regs, void *, 1);
	call->before = tcp_sk(call->sk)->total_retrans;
}

static __always_inline u8 retransmit_cause(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);

	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return TCPTRACE_OP_SYN;
	if (icsk->icsk_ca_state != TCP_CA_Loss)
		return TCPTRACE_OP_FAST;
	/* tcp_simple_retransmit() leaves nothing to undo; tcp_enter_loss() notes where undoing would begin. */
	if (icsk->icsk_pending && !tcp_sk(sk)->undo_marker)
		return TCPTRACE_OP_PMTU;
	/* The retransmission timer clears this before it retransmits, and is restarted later; on an ACK it is set. */
	return icsk->icsk_pending ? TCPTRACE_OP_LOSS : TCPTRACE_OP_RTO;
}

static __always_inline void on_retransmit(const struct tcptrace_call *call, int error)
{
	struct sock *sk = call->sk;
	u32 segments = tcp_sk(sk)->total_retrans - call->before;
	u8 op = retransmit_cause(sk);

	/* For instance because the previous copy is still in the device's queue. */
	if (!segments)
		return ignore_hit();
	retransmit_event(sk, op == TCPTRACE_OP_SYN ? TCPTRACE_L_LIFE : TCPTRACE_L_QUEUE, op, call->what, segments);
}

/* void tcp_send_loss_probe(struct sock *sk): retransmits the last segment where there is no new data to send */
static __always_inline void call_loss_probe(struct tcptrace_call *call, struct pt_regs *regs)
{
	call->sk = ARG(regs, struct sock *, 0);
	call->before = tcp_sk(call->sk)->total_retrans;
}

static __always_inline void on_loss_probe(const struct tcptrace_call *call, int unused)
{
	struct sock *sk = call->sk;
	u32 segments = tcp_sk(sk)->total_retrans - call->before;

	if (!segments)
		return ignore_hit();
	retransmit_event(sk, TCPTRACE_L_QUEUE, TCPTRACE_OP_TLP, skb_rb_last(&sk->tcp_rtx_queue), segments);
}

/* int tcp_rtx_synack(const struct sock *sk, struct request_sock *req) */
static __always_inline void call_synack_again(struct tcptrace_call *call, struct pt_regs *regs)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 1);

	call->sk = endpoint_of_request(ARG(regs, struct sock *, 0), req);
	call->what = req;
	call->before = req->num_retrans;
}

static __always_inline void on_synack_again(const struct tcptrace_call *call, int error)
{
	struct request_sock *req = call->what;
	struct event event;

	if (error)
		return ignore_hit();
	if (!event_begin(&event, call->sk, TCPTRACE_L_LIFE, TCPTRACE_T_RETRANSMIT, TCPTRACE_OP_SYNACK))
		return;
	event.record->u.retransmit.seq = tcp_rsk(req)->snt_isn;
	event.record->u.retransmit.segments = 1;
	/* Depending on the kernel, num_retrans includes this one by now, or will later. */
	event.record->u.retransmit.total = call->before + 1;
	event_publish(&event);
}

/* static void tcp_undo_cwnd_reduction(struct sock *sk, bool unmark_loss): the retransmissions were spurious */
static __always_inline void on_undo(struct pt_regs *regs)
{
	retransmit_event(ARG(regs, struct sock *, 0), TCPTRACE_L_QUEUE, TCPTRACE_OP_SPURIOUS, NULL, 0);
}

/*
 * int tcp_write_wakeup(struct sock *sk, int mib): `mib` is the counter that it will increment. If there is data that
 * fits into the window, it sends some of that instead of a probe.
 */
static __always_inline void on_probe(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	const struct sk_buff *next = tcp_send_head(sk);
	struct event event;

	if (sk->sk_state == TCP_CLOSE || (next && before(TCP_SKB_CB(next)->seq, tcp_wnd_end(tcp_sk(sk)))))
		return ignore_hit();
	if (!event_begin(&event, sk, TCPTRACE_L_QUEUE, TCPTRACE_T_WINDOW,
			 ARG(regs, int, 1) == LINUX_MIB_TCPKEEPALIVE ? TCPTRACE_OP_KEEPALIVE : TCPTRACE_OP_PROBE))
		return;
	tcptrace_capture_queue(event.record, sk, 0);
	event.record->u.queue.probes = inet_csk(sk)->icsk_probes_out;
	event_publish(&event);
}

/* ---- refused by a listener ---- */

static noinline void refusal_event(struct sock *listener, const struct sk_buff *skb, u16 type, u8 op)
{
	struct tcptrace_key key;
	struct event event;

	tcptrace_key_of_skb(&key, skb, sock_net(listener));
	key.family = listener->sk_family;
	if (!event_begin_key(&event, &key, TCPTRACE_L_QUEUE, type, op))
		return;
	tcptrace_capture_listener(event.record, listener);
	event.record->old_state = TCPTRACE_S_LISTEN;
	event.record->new_state = TCPTRACE_S_LISTEN;
	event_publish(&event);
}

/*
 * int tcp_conn_request(struct request_sock_ops *rsk_ops, const struct tcp_request_sock_ops *af_ops, struct sock *sk,
 * struct sk_buff *skb): makes the same first checks. A full SYN queue does not refuse a SYN that a timewait socket has
 * handed over.
 */
static __always_inline void on_syn(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 2);
	const struct sk_buff *skb = ARG(regs, const struct sk_buff *, 3);
	u8 cookies = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_syncookies);
	bool full = inet_csk_reqsk_queue_is_full(sk) || cookies == 2;

	if (likely(!full && !sk_acceptq_is_full(sk)))
		return ignore_hit();
	full = full && !tcptrace_by_way_of_timewait(skb);
	if (full && !cookies)
		return refusal_event(sk, skb, TCPTRACE_T_DROP, TCPTRACE_OP_SYN_QUEUE);
	if (sk_acceptq_is_full(sk))
		return refusal_event(sk, skb, TCPTRACE_T_DROP, TCPTRACE_OP_ACCEPT_QUEUE);
	if (full)
		return refusal_event(sk, skb, TCPTRACE_T_REQUEST, TCPTRACE_OP_COOKIE);
	ignore_hit();
}

/*
 * struct sock *tcp_v[46]_syn_recv_sock(const struct sock *sk, struct sk_buff *skb, struct request_sock *req, ...):
 * received the third segment of the handshake. A request that is not hashed was made for a SYN cookie or for fast open,
 * and does not outlive the call.
 */
static __always_inline void third_segment(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct sock *req = ARG(regs, struct sock *, 2);
	struct event event;

	if (likely(!sk_acceptq_is_full(sk)))
		return ignore_hit();
	if (!sk_hashed(req))
		return refusal_event(sk, ARG(regs, const struct sk_buff *, 1), TCPTRACE_T_DROP,
				     TCPTRACE_OP_ACCEPT_QUEUE);
	if (!event_begin(&event, req, TCPTRACE_L_QUEUE, TCPTRACE_T_DROP, TCPTRACE_OP_ACCEPT_QUEUE))
		return;
	tcptrace_capture_listener(event.record, sk);
	event_publish(&event);
}

static __always_inline void on_third4(struct pt_regs *regs)
{
	third_segment(regs);
}

static __always_inline void on_third6(struct pt_regs *regs)
{
	/* It calls tcp_v4_syn_recv_sock(), which is probed, too. */
	if (ARG(regs, const struct sk_buff *, 1)->protocol == htons(ETH_P_IP))
		return ignore_hit();
	third_segment(regs);
}

HANDLE_RETURN(retransmit)
HANDLE_RETURN(loss_probe)
HANDLE_RETURN(synack_again)
HANDLE_ENTRY(undo)
HANDLE_ENTRY(probe)
HANDLE_ENTRY(syn)
HANDLE_ENTRY(third4)
HANDLE_ENTRY(third6)
