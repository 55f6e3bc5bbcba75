// SPDX-License-Identifier: GPL-2.0-only
/*
 * Level segment: each segment, sent or received, once.
 *
 * A sent segment is recorded where TCP hands it to IP, because only there is its header complete: the offered window,
 * for instance, is decided while it is built. A received segment is recorded where its socket begins to process it:
 * segments from the backlog come late, and what GRO or the backlog have merged is one segment.
 */
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/inet_timewait_sock.h>
#include <net/ipv6.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "handlers_impl.h"

#define TIMESTAMPS_ONLY	htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)

/* TCPOPT_MD5SIG; TCPOPT_AO, which older kernels do not know. */
#define OPTION_MD5	19
#define OPTION_AO	29

static void read_tcp_option(struct tcptrace_segment *segment, const u8 *option, u8 size)
{
	switch (option[0]) {
	case TCPOPT_MSS:
		if (size == TCPOLEN_MSS && segment->flags & TCPHDR_SYN)
			segment->mss = option[2] << 8 | option[3];
		break;
	case TCPOPT_WINDOW:
		if (size == TCPOLEN_WINDOW && segment->flags & TCPHDR_SYN)
			segment->wscale = option[2] + 1;
		break;
	case TCPOPT_SACK:
		if (size < TCPOLEN_SACK_BASE + TCPOLEN_SACK_PERBLOCK)
			break;
		segment->sacks = (size - TCPOLEN_SACK_BASE) / TCPOLEN_SACK_PERBLOCK;
		segment->sack_from = get_unaligned_be32(option + 2);
		segment->sack_to = get_unaligned_be32(option + 6);
		break;
	}
}

/* The option at *at, which is moved behind it; NULL: no more. */
static const u8 *next_tcp_option(const u8 **at, const u8 *end)
{
	const u8 *option;

	while (*at < end && **at == TCPOPT_NOP)
		++*at;
	option = *at;
	if (end - option < 2 || *option == TCPOPT_EOL || option[1] < 2 || option[1] > end - option)
		return NULL;
	*at += option[1];
	return option;
}

/* The header is in the linear part of the buffer: it was pulled there, or just built there. */
static noinline void read_tcp_options(struct tcptrace_segment *segment, const struct tcphdr *th)
{
	const u8 *at = (const u8 *)(th + 1), *end = (const u8 *)th + th->doff * 4, *option;

	while ((option = next_tcp_option(&at, end)))
		read_tcp_option(segment, option, option[1]);
}

bool tcptrace_is_signed(const struct tcphdr *th)
{
	const u8 *at = (const u8 *)(th + 1), *end = (const u8 *)th + th->doff * 4, *option;

	while ((option = next_tcp_option(&at, end)))
		if (*option == OPTION_MD5 || *option == OPTION_AO)
			return true;
	return false;
}

/*
 * From a complete segment whose skb->data is the TCP header. Of a received one, ack and flags are read from the
 * control block, as TCP does: when tcp_add_backlog() merges segments, it updates these there, and only the window in
 * the header. Of a sent one, the control block is IP's already.
 */
static __always_inline void read_segment(struct tcptrace_segment *segment, const struct sk_buff *skb, bool out)
{
	const struct tcphdr *th = tcp_hdr(skb);

	segment->seq = ntohl(th->seq);
	if (th->ack)
		segment->ack = out ? ntohl(th->ack_seq) : TCP_SKB_CB(skb)->ack_seq;
	segment->len = skb->len - th->doff * 4;
	segment->window = ntohs(th->window);
	segment->flags = out ? ((const u8 *)th)[13] : (u8)TCP_SKB_CB(skb)->tcp_flags;
	segment->out = out;
	/* Most segments have no other option. */
	if (th->doff > 5 && (th->doff != 8 || th->syn || *(const __be32 *)(th + 1) != TIMESTAMPS_ONLY))
		read_tcp_options(segment, th);
}

static __always_inline void segment_of_sock(struct sock *sk, const struct sk_buff *skb, bool out)
{
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_SEGMENT, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	read_segment(&event.record->u.segment, skb, out);
	event_publish(&event);
}

/* To or from a listener, which is no endpoint of the connection: the record has the segment's tuple, and no cookie. */
static noinline void segment_of_listener(const struct sock *sk, struct tcptrace_key *key, const struct sk_buff *skb,
					 bool out)
{
	struct event event;

	key->family = sk->sk_family;
	if (!event_begin_key(&event, key, TCPTRACE_L_SEGMENT, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	event.record->old_state = TCPTRACE_S_LISTEN;
	event.record->new_state = TCPTRACE_S_LISTEN;
	read_segment(&event.record->u.segment, skb, out);
	event_publish(&event);
}

/* ---- out ---- */

/* int ip_queue_xmit(struct sock *sk, struct sk_buff *skb, struct flowi *fl): for full sockets */
static __always_inline void on_out4(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	if (skb->sk != sk)
		return ignore_hit();
	segment_of_sock(sk, skb, true);
}

/*
 * int ip_build_and_send_pkt(struct sk_buff *skb, const struct sock *sk, __be32 saddr, __be32 daddr, ...): SYN-ACKs.
 * skb->sk is the request socket; with fast open the child; NULL for a SYN cookie.
 */
static __always_inline void on_synack4(struct pt_regs *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 0);
	const struct sock *sk = ARG(regs, const struct sock *, 1);
	struct tcptrace_key key;

	if (skb->sk)
		return segment_of_sock(skb->sk, skb, true);
	tcptrace_key_of_reply(&key, skb, sock_net(sk));
	ipv6_addr_set_v4mapped((__force __be32)ARG(regs, u32, 2), &key.saddr);
	ipv6_addr_set_v4mapped((__force __be32)ARG(regs, u32, 3), &key.daddr);
	segment_of_listener(sk, &key, skb, true);
}

/*
 * int ip6_xmit(const struct sock *sk, struct sk_buff *skb, struct flowi6 *fl6, ...): all segments of IPv6. Those that
 * belong to no socket are sent by a raw socket of the kernel's own, and so are not recorded here: on_ack6() and
 * on_request_ack6() record the ACKs, on_reset_reply6() the RSTs.
 */
static __always_inline void on_out6(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	const struct flowi6 *fl6 = ARG(regs, const struct flowi6 *, 2);
	struct sock *owner = skb->sk;
	struct tcptrace_key key;

	if (likely(owner == sk) ||
	    (owner && tcptrace_kind_of(owner) == TCPTRACE_K_REQUEST && sk->sk_state == TCP_LISTEN))
		return segment_of_sock(owner, skb, true);
	if (owner || sk->sk_state != TCP_LISTEN)
		return ignore_hit();
	tcptrace_key_of_reply(&key, skb, sock_net(sk));
	key.saddr = fl6->saddr;
	key.daddr = fl6->daddr;
	segment_of_listener(sk, &key, skb, true);
}

static __always_inline void ack_of_timewait(struct sock *sk)
{
	const struct tcp_timewait_sock *tcptw = tcp_twsk(sk);
	struct tcptrace_segment *segment;
	struct event event;

	if (!event_begin(&event, sk, TCPTRACE_L_SEGMENT, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	segment = &event.record->u.segment;
	segment->seq = event.record->snd_nxt;
	segment->ack = event.record->rcv_nxt;
	segment->window = (u16)(tcptw->tw_rcv_wnd >> inet_twsk(sk)->tw_rcv_wscale);
	segment->flags = TCPHDR_ACK;
	segment->out = 1;
	event_publish(&event);
}

/*
 * tcp_v4_send_ack(const struct sock *sk, struct sk_buff *skb, ...): for a timewait socket, or called by
 * tcp_v4_reqsk_send_ack(), which is probed, too.
 */
static __always_inline void on_ack4(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	if (tcptrace_kind_of(sk) != TCPTRACE_K_TIMEWAIT)
		return ignore_hit();
	ack_of_timewait(sk);
}

/*
 * tcp_v6_send_response(const struct sock *sk, struct sk_buff *skb, u32 seq, u32 ack, ...): sends an ACK; or a RST,
 * which on_reset_reply6() records. `ack` tells them apart: only the ACK of a timewait socket has the socket's
 * rcv_nxt.
 */
static __always_inline void on_ack6(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);

	if (!sk || tcptrace_kind_of(sk) != TCPTRACE_K_TIMEWAIT || ARG(regs, u32, 3) != tcp_twsk(sk)->tw_rcv_nxt)
		return ignore_hit();
	ack_of_timewait(sk);
}

/* void tcp_v[46]_reqsk_send_ack(const struct sock *sk, struct sk_buff *skb, struct request_sock *req) */
static __always_inline void request_ack(struct pt_regs *regs)
{
	struct sock *sk = ARG(regs, struct sock *, 0);
	struct request_sock *req = ARG(regs, struct request_sock *, 2);
	struct tcptrace_segment *segment;
	struct event event;

	if (!event_begin(&event, endpoint_of_request(sk, req), TCPTRACE_L_SEGMENT, TCPTRACE_T_SEGMENT,
			 TCPTRACE_OP_NONE))
		return;
	segment = &event.record->u.segment;
	/* The child of fast open may have sent data already. */
	segment->seq = sk->sk_state == TCP_SYN_RECV ? tcp_sk(sk)->snd_nxt : tcp_rsk(req)->snt_isn + 1;
	segment->ack = tcp_rsk(req)->rcv_nxt;
	segment->window = req->rsk_rcv_wnd >> inet_rsk(req)->rcv_wscale;
	segment->flags = TCPHDR_ACK;
	segment->out = 1;
	event_publish(&event);
}

static __always_inline void on_request_ack4(struct pt_regs *regs)
{
	request_ack(regs);
}

static __always_inline void on_request_ack6(struct pt_regs *regs)
{
	request_ack(regs);
}

/* ---- in ---- */

/*
 * The SYN that on_tw_segment() has seen last on this CPU. The timewait socket may hand it over to a listener, which
 * processes it right away.
 */
struct handed_over {
	const struct sk_buff *skb;
	u32 seq;
};
static DEFINE_PER_CPU(struct handed_over, handed_over);

bool tcptrace_by_way_of_timewait(const struct sk_buff *skb)
{
	const struct handed_over *last = this_cpu_ptr(&handed_over);

	return last->skb == skb && last->seq == TCP_SKB_CB(skb)->seq;
}

static noinline void segment_to_listener(const struct sock *sk, const struct sk_buff *skb)
{
	struct tcptrace_key key;

	if (tcptrace_by_way_of_timewait(skb))
		return ignore_hit();
	tcptrace_key_of_skb(&key, skb, sock_net(sk));
	segment_of_listener(sk, &key, skb, false);
}

static __always_inline void segment_in(struct sock *sk, const struct sk_buff *skb)
{
	if (unlikely(sk->sk_state == TCP_LISTEN))
		return segment_to_listener(sk, skb);
	segment_of_sock(sk, skb, false);
}

/* int tcp_v4_do_rcv(struct sock *sk, struct sk_buff *skb): for full sockets, listeners among them */
static __always_inline void on_in4(struct pt_regs *regs)
{
	segment_in(ARG(regs, struct sock *, 0), ARG(regs, struct sk_buff *, 1));
}

static __always_inline void on_in6(struct pt_regs *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	/* It calls tcp_v4_do_rcv(), which is probed, too. */
	if (skb->protocol == htons(ETH_P_IP))
		return ignore_hit();
	segment_in(ARG(regs, struct sock *, 0), skb);
}

/* tcp_check_req(struct sock *sk, struct sk_buff *skb, struct request_sock *req, bool fastopen, ...) */
static __always_inline void on_request_in(struct pt_regs *regs)
{
	/* For the child of fast open, a full socket: on_in4() or on_in6() has recorded it. */
	if (ARG(regs, bool, 3))
		return ignore_hit();
	segment_of_sock(req_to_sk(ARG(regs, struct request_sock *, 2)), ARG(regs, struct sk_buff *, 1), false);
}

/* Called by on_tw_segment(), which makes no other record. */
void tcptrace_segment_to_timewait(struct sock *sk, const struct sk_buff *skb)
{
	struct handed_over *last = this_cpu_ptr(&handed_over);

	if (tcp_hdr(skb)->syn) {
		last->skb = skb;
		last->seq = TCP_SKB_CB(skb)->seq;
	}
	segment_of_sock(sk, skb, false);
}

HANDLE_ENTRY(out4)
HANDLE_ENTRY(out6)
HANDLE_ENTRY(synack4)
HANDLE_ENTRY(ack4)
HANDLE_ENTRY(ack6)
HANDLE_ENTRY(request_ack4)
HANDLE_ENTRY(request_ack6)
HANDLE_ENTRY(in4)
HANDLE_ENTRY(in6)
HANDLE_ENTRY(request_in)
