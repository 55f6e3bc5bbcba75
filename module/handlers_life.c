// SPDX-License-Identifier: GPL-2.0-only
/* Level life: what opens, changes and ends a connection. */
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/inet_timewait_sock.h>
#include <net/ip6_route.h>
#include <net/mptcp.h>
#include <net/request_sock.h>
#include <net/route.h>
#include <net/tcp.h>

#include "handlers_impl.h"

/* void tcp_set_state(struct sock *sk, int state), before the change */
static __always_inline void on_set_state(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	int state = ARG(regs, int, 1);
	int old = sk->sk_state;
	struct event event;

	/* A connecting socket has no port yet: on_connect() records this change, with the whole tuple. */
	if (state == TCP_SYN_SENT || state == old)
		return ignore_hit();
	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_STATE, TCPTRACE_OP_NONE))
		return;
	if (old == TCP_LISTEN) {
		event.record->type = TCPTRACE_T_LISTEN;
		tcptrace_capture_listener(event.record, sk);
	} else {
		tcptrace_capture_totals(event.record, sk);
		tcptrace_capture_change(event.record, sk, state);
	}
	event.record->new_state = state;
	event_publish(&event);
}

/* int inet_csk_listen_start(struct sock *sk, ...), when it has returned 0: only then is the port known */
static __always_inline void call_listen_start(struct tcptrace_call *call, struct pt_regs *regs)
{
	call->sk = ARG(regs, struct sock *, 0);
}

static __always_inline void on_listen_start(const struct tcptrace_call *call, int error)
{
	struct sock *sk = call->sk;
	struct event event;

	if (error)
		return ignore_hit();
	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_LISTEN, TCPTRACE_OP_NONE))
		return;
	tcptrace_capture_listener(event.record, sk);
	event.record->old_state = TCPTRACE_S_CLOSE;
	event_publish(&event);
}

/* listen() of a socket that listens already, about to change its backlog. It cannot fail any more. */
static __always_inline void backlog_event(struct sock *sk, int backlog)
{
	struct event event;

	if (sk->sk_state != TCP_LISTEN)
		return ignore_hit();
	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_LISTEN, TCPTRACE_OP_NONE))
		return;
	tcptrace_capture_listener(event.record, sk);
	event.record->u.listen.backlog_max = backlog;
	event_publish(&event);
}

/* int __inet_listen_sk(struct sock *sk, int backlog) */
static __always_inline void on_listen_again(struct pt_regs *regs)
{
	backlog_event(ARG(regs, struct sock *, 0), ARG(regs, int, 1));
}

/* int inet_listen(struct socket *sock, int backlog), on older kernels, before it locks the socket */
static __always_inline void on_listen_sock(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct socket *, 0)->sk;

	if (!tcptrace_is_tcp(sk))
		return ignore_hit();
	backlog_event(sk, ARG(regs, int, 1));
}

static __always_inline void request_event(struct sock *sk, struct sock *listener, u8 op, u8 old, u8 new,
					  u32 retransmits)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_REQUEST, op))
		return;
	tcptrace_capture_listener(event.record, listener);
	event.record->u.listen.retransmits = retransmits;
	/* This one is in the SYN queue already, and not to be counted. */
	if (op == TCPTRACE_OP_OPEN && event.record->u.listen.syn_backlog)
		event.record->u.listen.syn_backlog--;
	event.record->old_state = old;
	event.record->new_state = new;
	event_publish(&event);
}

/* inet_csk_reqsk_queue_hash_add(struct sock *sk, struct request_sock *req, unsigned long timeout), when it has returned */
static __always_inline void call_request_open(struct tcptrace_call *call, struct pt_regs *regs)
{
	call->sk = ARG(regs, struct sock *, 0);
	call->what = ARG(regs, struct request_sock *, 1);
}

/*
 * If another CPU has just opened a request for the same SYN, retransmitted, this one is not hashed, and is freed. That
 * is all that the function's result says, on kernels where it has one.
 */
static __always_inline void on_request_open(const struct tcptrace_call *call, int unused)
{
	struct sock *sk = req_to_sk((struct request_sock *)call->what);

	if (!sk_hashed(sk))
		return ignore_hit();
	request_event(sk, call->sk, TCPTRACE_OP_OPEN, TCPTRACE_S_LISTEN, TCPTRACE_S_SYN_RECV, 0);
}

/*
 * The request, known by its cookie, that this CPU is about to drop for a reason that the function which drops it does
 * not get. Once doomed, a request is dropped now or is gone already: no other reason comes later.
 */
struct doomed {
	u64 cookie;
	u8 op;
};
static DEFINE_PER_CPU(struct doomed, doomed);

static __always_inline void doom(struct sock *sk, u8 op)
{
	struct doomed *this = this_cpu_ptr(&doomed);

	this->cookie = tcptrace_cookie(sk);
	this->op = op;
}

/* void tcp_req_err(struct sock *sk, u32 seq, bool abort): an ICMP error for the SYN-ACK of a request */
static __always_inline void on_request_err(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	if (ARG(regs, bool, 2) && ARG(regs, u32, 1) == tcp_rsk(inet_reqsk(sk))->snt_isn)
		doom(sk, TCPTRACE_OP_UNREACHABLE);
	ignore_hit();
}

/* int tcp_abort(struct sock *sk, int err): SOCK_DESTROY of a socket of any kind */
static __always_inline void on_destroy(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	if (sk->sk_state == TCP_NEW_SYN_RECV)
		doom(sk, TCPTRACE_OP_DESTROYED);
	ignore_hit();
}

static __always_inline u8 reason_of_drop(struct request_sock *req)
{
	const struct doomed *this = this_cpu_ptr(&doomed);

	if (this->cookie && this->cookie == atomic64_read(&req_to_sk(req)->sk_cookie))
		return this->op;
	/* If the timer drops it, after the last retry, that timer is running now and not pending. */
	return timer_pending(&req->rsk_timer) ? TCPTRACE_OP_DROPPED : TCPTRACE_OP_TIMEDOUT;
}

/* bool __inet_csk_reqsk_queue_drop(struct sock *sk, struct request_sock *req, bool from_timer) */
static __always_inline void on_request_drop(struct pt_regs *regs)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 1);

	/* On success the child has replaced it in the hash table, and on_child() has recorded that. */
	if (!sk_hashed(req_to_sk(req)))
		return ignore_hit();
	request_event(req_to_sk(req), ARG(regs, struct sock *, 0), reason_of_drop(req), TCPTRACE_S_SYN_RECV,
		      TCPTRACE_S_CLOSE, req->num_retrans);
}

/*
 * The cookie of the child that on_child() has recorded last on this CPU. If inet_csk_complete_hashdance() calls
 * inet_csk_reqsk_queue_add(), it does so at once, with bottom halves off.
 */
static DEFINE_PER_CPU(u64, last_child);

/* inet_csk_complete_hashdance(struct sock *sk, struct sock *child, struct request_sock *req, bool own_req) */
static __always_inline void on_child(struct pt_regs *regs)
{
	struct request_sock *req = ARG(regs, struct request_sock *, 2);

	if (!ARG(regs, bool, 3))	/* lost a race against another segment of the same handshake */
		return ignore_hit();
	this_cpu_write(last_child, tcptrace_cookie_inherited(ARG(regs, struct sock *, 1), req_to_sk(req)));
	request_event(ARG(regs, struct sock *, 1), ARG(regs, struct sock *, 0), TCPTRACE_OP_ACKED,
		      TCPTRACE_S_SYN_RECV, TCPTRACE_S_SYN_RECV, req->num_retrans);
}

/*
 * inet_csk_reqsk_queue_add(struct sock *sk, struct request_sock *req, struct sock *child). Where the compiler has
 * inlined it into inet_csk_complete_hashdance(), it is called for the children of SYN cookies and fast open only.
 */
static __always_inline void on_child_cookie(struct pt_regs *regs)
{
	struct sock *child = ARG(regs, struct sock *, 2);
	struct event event;

	if (this_cpu_read(last_child) == tcptrace_cookie(child))
		return ignore_hit();
	if (!event_begin(&event, child, TCPTRACE_L_LIFE, TCPTRACE_T_REQUEST, TCPTRACE_OP_ACKED))
		return;
	tcptrace_capture_listener(event.record, ARG(regs, struct sock *, 0));
	event.record->flags |= TCPTRACE_F_COOKIE_SYN;
	event_publish(&event);
}

/* int tcp_connect(struct sock *sk): the tuple is complete, and the initial sequence number chosen */
static __always_inline void on_connect(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_CONNECT, TCPTRACE_OP_NONE))
		return;
	tcptrace_capture_syn(event.record, sk);
	event.record->old_state = TCPTRACE_S_CLOSE;
	event_publish(&event);
}

static __always_inline void accept_event(struct sock *sk, struct sock *listener)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_ACCEPT, TCPTRACE_OP_NONE))
		return;
	tcptrace_capture_listener(event.record, listener);
	event_publish(&event);
}

/*
 * The connection that inet_csk_accept() has taken last from its listener on this CPU, known by its cookie. The functions
 * that follow do not get that listener; they do so at once, in the same task.
 */
struct accepted {
	u64 cookie;
	struct tcptrace_listen listen;
};
static DEFINE_PER_CPU(struct accepted, accepted);

/*
 * static void tcp_v[46]_reqsk_destructor(struct request_sock *req): inet_csk_accept() frees the request of a connection
 * that it has taken. In what else frees a request, that has no child, or its listener listens no more and the child may
 * be gone; so the listener is looked at first.
 */
static __always_inline void request_freed(struct request_sock *req)
{
	struct accepted *this = this_cpu_ptr(&accepted);
	struct sock *listener = req->rsk_listener;

	if (!req->sk || !listener || READ_ONCE(listener->sk_state) != TCP_LISTEN)
		return ignore_hit();
	/* What accept() returns is another socket, and this one a subflow of it. */
	if (sk_is_mptcp(req->sk))
		return accept_event(req->sk, listener);
	this->cookie = tcptrace_cookie(req->sk);
	tcptrace_capture_queues(&this->listen, listener);
	ignore_hit();
}

static __always_inline void on_accepted4(struct pt_regs *regs)
{
	request_freed(ARG(regs, struct request_sock *, 0));
}

static __always_inline void on_accepted6(struct pt_regs *regs)
{
	request_freed(ARG(regs, struct request_sock *, 0));
}

/* The same without the listener: that which request_freed() has seen, if it has. */
static __always_inline void accept_event_of_listener_seen(struct sock *sk)
{
	const struct accepted *this = this_cpu_ptr(&accepted);
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_ACCEPT, TCPTRACE_OP_NONE))
		return;
	if (this->cookie == event.record->cookie)
		event.record->u.listen = this->listen;
	event_publish(&event);
}

/* void __inet_accept(struct socket *sock, struct socket *newsock, struct sock *newsk) */
static __always_inline void on_accept(struct pt_regs *regs)
{
	struct sock *listener = ARG(regs, struct socket *, 0)->sk, *sk = ARG(regs, struct sock *, 2);

	/* MPTCP's socket also hands out plain TCP connections; the listener that accepted those is another socket. */
	if (tcptrace_is_tcp(listener))
		accept_event(sk, listener);
	else
		accept_event_of_listener_seen(sk);
}

/* void security_sock_graft(struct sock *sk, struct socket *parent), called by accept() */
static __always_inline void on_accept_graft(struct pt_regs *regs)
{
	accept_event_of_listener_seen(ARG(regs, struct sock *, 0));
}

static __always_inline void shutdown_event(struct sock *sk, u8 op)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_SHUTDOWN, op))
		return;
	tcptrace_capture_totals(event.record, sk);
	event_publish(&event);
}

/* void tcp_shutdown(struct sock *sk, int how): inet_shutdown() has made 1 of SHUT_RD, 2 of SHUT_WR, 3 of SHUT_RDWR */
static __always_inline void on_shutdown(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	/* The connection is over, or lives on in a timewait socket: shutdown(2) will fail with ENOTCONN. */
	if (sk->sk_state == TCP_CLOSE)
		return ignore_hit();
	shutdown_event(sk, TCPTRACE_OP_SHUT_RD - 1 + (ARG(regs, int, 1) & SHUTDOWN_MASK));
}

/* void __tcp_close(struct sock *sk, long timeout); on older kernels tcp_close(), before it locks the socket */
static __always_inline void on_close(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	/* CLOSE: never connected, or over already. on_set_state() records the end of a listener. */
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return ignore_hit();
	shutdown_event(sk, TCPTRACE_OP_CLOSE);
}

/* tcp_send_active_reset(struct sock *sk, ...) */
static __always_inline void on_reset_sent(struct pt_regs *regs)
{
	struct tcptrace_segment *segment;
	struct event event;

	if (!event_begin(&event, ARG(regs, struct sock *, 0), TCPTRACE_L_LIFE, TCPTRACE_T_RESET, TCPTRACE_OP_SENT))
		return;
	segment = &event.record->u.segment;
	segment->seq = event.record->snd_nxt;
	segment->ack = event.record->rcv_nxt;
	segment->flags = TCPHDR_RST | TCPHDR_ACK;
	segment->out = 1;
	segment->reason = tcptrace_active_reset_reason(regs);
	event_publish(&event);
}

/* The RST that answers a segment: RFC 9293 section 3.10.7.1. */
static __always_inline void reset_reply_segment(struct tcptrace_segment *segment, const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	segment->flags = TCPHDR_RST;
	if (th->ack) {
		segment->seq = ntohl(th->ack_seq);
	} else {
		segment->flags |= TCPHDR_ACK;
		segment->ack = ntohl(th->seq) + th->syn + th->fin + skb->len - (th->doff << 2);
	}
	segment->out = 1;
}

/* tcp_v[46]_send_reset(const struct sock *sk, struct sk_buff *skb, ...): sk is NULL or a socket of any kind */
static __always_inline void reset_reply(struct pt_regs *regs, bool unicast)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	struct tcptrace_key key;
	struct event event;

	/* It does not answer these; nor does it a signed segment if there is no key, which only it finds out. */
	if (tcp_hdr(skb)->rst || (!sk && !unicast) || tcptrace_is_signed(tcp_hdr(skb)))
		return ignore_hit();
	/* A listener is no endpoint of this connection. */
	if (sk && sk->sk_state != TCP_LISTEN) {
		if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_RESET, TCPTRACE_OP_REPLIED))
			return;
	} else {
		tcptrace_key_of_skb(&key, skb, sk ? sock_net(sk) : dev_net(skb_dst(skb)->dev));
		if (!event_begin_key(&event, &key, TCPTRACE_L_LIFE, TCPTRACE_T_RESET, TCPTRACE_OP_REPLIED))
			return;
	}
	reset_reply_segment(&event.record->u.segment, skb);
	event.record->u.segment.reason = tcptrace_reset_reply_reason(regs);
	event_publish(&event);
}

static __always_inline void on_reset_reply4(struct pt_regs *regs)
{
	const struct rtable *rt = skb_rtable(ARG(regs, struct sk_buff *, 1));

	reset_reply(regs, rt && rt->rt_type == RTN_LOCAL);
}

static __always_inline void on_reset_reply6(struct pt_regs *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	reset_reply(regs, skb_dst(skb) && ipv6_unicast_destination(skb));
}

/* tcp_reset(struct sock *sk, ...): received an acceptable RST; or data after close(), which a RST will answer */
static __always_inline void on_reset_in(struct pt_regs *regs)
{
	struct event event;

	if (!tcptrace_reset_by_rst(regs))
		return ignore_hit();
	if (!event_begin(&event, ARG(regs, struct sock *, 0), TCPTRACE_L_LIFE, TCPTRACE_T_RESET, TCPTRACE_OP_RECEIVED))
		return;
	event.record->u.segment.flags = TCPHDR_RST;
	event_publish(&event);
}

/* inet_twsk_hashdance[_schedule](struct inet_timewait_sock *tw, struct sock *sk, ...): sk is still complete */
static __always_inline void on_tw_begin(struct pt_regs *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	struct sock *sk = ARG(regs, struct sock *, 1);
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_LIFE, TCPTRACE_T_TIMEWAIT, TCPTRACE_OP_BEGIN))
		return;
	tcptrace_capture_totals(event.record, sk);
	event.record->cookie = tcptrace_cookie_inherited((struct sock *)tw, sk);
	event.record->kind = TCPTRACE_K_TIMEWAIT;
	event.record->new_state = tw->tw_substate;
	event.record->u.totals.timeout = jiffies_to_msecs(tcptrace_twsk_timeout(tw, regs));
	event_publish(&event);
}

/*
 * The timewait socket whose segment this CPU is processing, with its substate before. It is known by its cookie: its
 * address may be reused. The handlers run with bottom halves off while the same segment is processed.
 */
struct tw_before {
	u64 cookie;
	u64 reset;	/* the segment is a RST: when it came, ns; else 0 */
	u8 substate;
};
static DEFINE_PER_CPU(struct tw_before, tw_before);

#define TW_RESET_NS	(10 * NSEC_PER_MSEC)

/* tcp_timewait_state_process(struct inet_timewait_sock *tw, struct sk_buff *skb, ...) */
static __always_inline void on_tw_segment(struct pt_regs *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	struct tw_before *before = this_cpu_ptr(&tw_before);

	before->cookie = tcptrace_cookie((struct sock *)tw);
	before->substate = tw->tw_substate;
	before->reset = tcp_hdr(ARG(regs, struct sk_buff *, 1))->rst ? ktime_get_ns() : 0;
	tcptrace_segment_to_timewait((struct sock *)tw, ARG(regs, struct sk_buff *, 1));
}

/* void __inet_twsk_schedule(struct inet_timewait_sock *tw, int timeo, bool rearm) */
static __always_inline void on_tw_timer(struct pt_regs *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	const struct tw_before *before = this_cpu_ptr(&tw_before);
	struct event event;
	u8 old;

	/* on_tw_begin() records the first start. */
	if (!ARG(regs, bool, 2) || before->cookie != atomic64_read(&tw->tw_cookie))
		return ignore_hit();
	old = before->substate;
	if (!event_begin(&event, (struct sock *)tw, TCPTRACE_L_LIFE, TCPTRACE_T_TIMEWAIT,
			 old == tw->tw_substate ? TCPTRACE_OP_RESTART : TCPTRACE_OP_SUBSTATE))
		return;
	event.record->old_state = old;
	event.record->u.totals.timeout = jiffies_to_msecs(ARG(regs, int, 1));
	event_publish(&event);
}

/*
 * Whether the RST that this CPU is processing removes it. A RST may also be ignored, and what removes the socket later
 * is something else: so only as long as processing a segment can take.
 */
static bool tcptrace_tw_was_reset(const struct inet_timewait_sock *tw)
{
	const struct tw_before *before = this_cpu_ptr(&tw_before);

	return before->reset && before->cookie == atomic64_read(&tw->tw_cookie) &&
	       ktime_get_ns() - before->reset < TW_RESET_NS;
}

/* void inet_twsk_kill(struct inet_timewait_sock *tw): its timer expired, or it is removed early */
static __always_inline void on_tw_end(struct pt_regs *regs)
{
	struct inet_timewait_sock *tw = ARG(regs, struct inet_timewait_sock *, 0);
	long left = tw->tw_timer.expires - jiffies;
	struct event event;

	if (!event_begin(&event, (struct sock *)tw, TCPTRACE_L_LIFE, TCPTRACE_T_TIMEWAIT,
			 left > 0 ? TCPTRACE_OP_KILLED : TCPTRACE_OP_END))
		return;
	event.record->new_state = TCPTRACE_S_CLOSE;
	if (left > 0 && tcptrace_tw_was_reset(tw))
		event.record->error = ECONNRESET;
	event.record->u.totals.timeout = left > 0 ? jiffies_to_msecs(left) : 0;
	event_publish(&event);
}

HANDLE_ENTRY(set_state)
HANDLE_RETURN(listen_start)
HANDLE_ENTRY(listen_again)
HANDLE_ENTRY(listen_sock)
HANDLE_RETURN(request_open)
HANDLE_ENTRY(request_drop)
HANDLE_ENTRY(request_err)
HANDLE_ENTRY(destroy)
HANDLE_ENTRY(child)
HANDLE_ENTRY(child_cookie)
HANDLE_ENTRY(connect)
HANDLE_ENTRY(accepted4)
HANDLE_ENTRY(accepted6)
HANDLE_ENTRY(accept)
HANDLE_ENTRY(accept_graft)
HANDLE_ENTRY(shutdown)
HANDLE_ENTRY(close)
HANDLE_ENTRY(reset_sent)
HANDLE_ENTRY(reset_reply4)
HANDLE_ENTRY(reset_reply6)
HANDLE_ENTRY(reset_in)
HANDLE_ENTRY(tw_begin)
HANDLE_ENTRY(tw_segment)
HANDLE_ENTRY(tw_timer)
HANDLE_ENTRY(tw_end)
