/* SPDX-License-Identifier: GPL-2.0-only */
/* Level segment. See life.h. */
#ifndef TCPTRACE_BPF_SEGMENT_H
#define TCPTRACE_BPF_SEGMENT_H

#include "source/bpf/event.h"

#define TIMESTAMPS_ONLY \
	bpf_htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)
#define OPTIONS_MAX	40

/* One option, as far as it is read. */
struct option {
	u8 kind;
	u8 size;
	__be16 first, second, third, fourth;
};

static __always_inline void read_tcp_option(struct tcptrace_segment *segment, const struct option *option)
{
	switch (option->kind) {
	case TCPOPT_MSS:
		if (option->size == TCPOLEN_MSS && segment->flags & TCPHDR_SYN)
			segment->mss = bpf_ntohs(option->first);
		break;
	case TCPOPT_WINDOW:
		if (option->size == TCPOLEN_WINDOW && segment->flags & TCPHDR_SYN)
			segment->wscale = (bpf_ntohs(option->first) >> 8) + 1;
		break;
	case TCPOPT_SACK:
		if (option->size < TCPOLEN_SACK_BASE + TCPOLEN_SACK_PERBLOCK)
			break;
		segment->sacks = (option->size - TCPOLEN_SACK_BASE) / TCPOLEN_SACK_PERBLOCK;
		segment->sack_from = bpf_ntohs(option->first) << 16 | bpf_ntohs(option->second);
		segment->sack_to = bpf_ntohs(option->third) << 16 | bpf_ntohs(option->fourth);
		break;
	}
}

/*
 * Each is fetched separately: 5.10 refuses a variable offset in the program's stack. Returns whether one of them is a
 * signature: TCP-MD5 or TCP-AO.
 */
static __noinline bool read_tcp_options(struct tcptrace_segment *segment, unsigned char *options, u32 size)
{
	struct option option;
	bool is_signed = false;
	u32 at = 0, i;

	for (i = 0; i < OPTIONS_MAX; i++) {
		if (at >= size)
			break;
		if (bpf_probe_read_kernel(&option, sizeof(option), options + at) || option.kind == TCPOPT_EOL)
			break;
		if (option.kind == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (option.size < 2 || at + option.size > size)
			break;
		if (option.kind == TCPOPT_MD5SIG || option.kind == TCPOPT_AO)
			is_signed = true;
		read_tcp_option(segment, &option);
		at += option.size;
	}
	return is_signed;
}

/*
 * The offset of the TCP header, as a number: with a typed pointer, the verifier of 7.2 would follow each path through
 * the options to its end, which are too many.
 */
static __always_inline unsigned char *untyped_header(struct sk_buff *skb)
{
	return READ_UNTYPED(skb, head) + READ(skb, transport_header);
}

static __always_inline bool is_signed(struct sk_buff *skb, const struct tcphdr *th)
{
	struct tcptrace_segment unused = { 0 };

	return th->doff > 5 && read_tcp_options(&unused, untyped_header(skb) + sizeof(*th), th->doff * 4 - sizeof(*th));
}

static __always_inline void read_segment(struct tcptrace_segment *segment, struct sk_buff *skb, bool out)
{
	unsigned char *header = READ(skb, head) + READ(skb, transport_header);
	struct {
		struct tcphdr th;
		__be32 options;
	} top;

	bpf_probe_read_kernel(&top, sizeof(top), header);
	segment->seq = bpf_ntohl(top.th.seq);
	if (top.th.ack)
		segment->ack = out ? bpf_ntohl(top.th.ack_seq) : READ(cb_of(skb), ack_seq);
	segment->len = READ(skb, len) - top.th.doff * 4;
	segment->window = bpf_ntohs(top.th.window);
	segment->flags = out ? ((u8 *)&top)[13] : READ(cb_of(skb), tcp_flags);
	segment->out = out;
	if (top.th.doff > 5 && (top.th.doff != 8 || top.th.syn || top.options != TIMESTAMPS_ONLY))
		read_tcp_options(segment, untyped_header(skb) + sizeof(top.th), top.th.doff * 4 - sizeof(top.th));
}

static __always_inline void segment_of_sock(void *sk, struct tcp_sock *tp, struct sk_buff *skb, bool out)
{
	struct event event;

	if (!event_begin(&event, sk, tp, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	read_segment(&event.record->u.segment, skb, out);
	event_publish(&event);
}

/* A SYN-ACK's, of the request socket that it refers to. */
static __always_inline void segment_of_owner(struct sock *owner, struct sk_buff *skb)
{
	struct event event;

	if (!event_begin_as_is(&event, owner, NULL, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	read_segment(&event.record->u.segment, skb, true);
	event_publish(&event);
}

static __always_inline void segment_of_listener(struct tcp_sock *tp, struct key *key, struct sk_buff *skb, bool out)
{
	struct event event;

	key->family = READ(sock_of(tp), __sk_common.skc_family);
	if (!event_begin_key(&event, key, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	event.record->old_state = TCPTRACE_S_LISTEN;
	event.record->new_state = TCPTRACE_S_LISTEN;
	read_segment(&event.record->u.segment, skb, out);
	event_publish(&event);
}

static __always_inline bool listens(struct tcp_sock *tp)
{
	return READ(sock_of(tp), __sk_common.skc_state) == TCP_LISTEN;
}

/* ---- sent ---- */

static __always_inline void on_out4(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	if (tp && (u64)READ(skb, sk) == ARG(regs, u64, 0))
		segment_of_sock(tp, tp, skb, true);
}

/* Ports and namespace; the addresses are not set yet. */
static __always_inline void key_of_reply(struct key *key, struct sk_buff *skb, struct tcp_sock *tp)
{
	struct tcphdr th;

	header_of(&th, skb);
	key->sport = bpf_ntohs(th.source);
	key->dport = bpf_ntohs(th.dest);
	key->netns = netns_of((struct sock_common *)tp);
}

static __always_inline bool is_request(struct sock *sk)
{
	return READ((struct sock_common *)sk, skc_state) == TCP_NEW_SYN_RECV;
}

static __always_inline void on_synack4(arguments *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 0);
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 1));
	struct sock *owner;
	struct key key;

	if (!tp)
		return;
	owner = READ(skb, sk);
	if (owner) {
		/* Fast open's child, or a request. */
		if ((u64)owner == ARG(regs, u64, 1))
			segment_of_sock(tp, tp, skb, true);
		else if (is_request(owner))
			segment_of_owner(owner, skb);
		return;
	}
	key_of_reply(&key, skb, tp);
	set_v4mapped(key.saddr, ARG(regs, u32, 2));
	set_v4mapped(key.daddr, ARG(regs, u32, 3));
	segment_of_listener(tp, &key, skb, true);
}

static __always_inline void on_out6(arguments *regs)
{
	struct tcp_sock *tp = tcp_of(ARG(regs, void *, 0));
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);
	struct flowi6 *fl6 = ARG(regs, struct flowi6 *, 2);
	struct sock *owner;
	struct key key;

	if (!tp)
		return;
	owner = READ(skb, sk);
	if ((u64)owner == ARG(regs, u64, 0))
		return segment_of_sock(tp, tp, skb, true);
	if (!listens(tp))
		return;
	if (owner) {
		if (is_request(owner))
			segment_of_owner(owner, skb);
		return;
	}
	key_of_reply(&key, skb, tp);
	READ_IN6(key.saddr, fl6, saddr);
	READ_IN6(key.daddr, fl6, daddr);
	segment_of_listener(tp, &key, skb, true);
}

/* An ACK that a function makes from the counters of a socket, without a header that could be read. */
static __always_inline void fill_ack(struct tcptrace_segment *segment, u32 seq, u32 ack, u32 window)
{
	segment->seq = seq;
	segment->ack = ack;
	segment->window = window;
	segment->flags = TCPHDR_ACK;
	segment->out = 1;
}

static __always_inline void ack_of_timewait(void *sk, struct tcp_timewait_sock *tw)
{
	struct event event;

	if (!event_begin(&event, sk, NULL, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	fill_ack(&event.record->u.segment, event.record->snd_nxt, event.record->rcv_nxt,
		 (u16)(READ_UNTYPED(tw, tw_rcv_wnd) >> READ_UNTYPED(tw, tw_sk.tw_rcv_wscale)));
	event_publish(&event);
}

static __always_inline void on_ack4(arguments *regs)
{
	void *sk = ARG(regs, void *, 0);
	struct tcp_timewait_sock *tw = timewait_of(sk);

	if (tw)
		ack_of_timewait(sk, tw);
}

static __always_inline void on_ack6(arguments *regs)
{
	void *sk = ARG(regs, void *, 0);
	struct tcp_timewait_sock *tw = sk ? timewait_of(sk) : NULL;

	if (tw && ARG(regs, u32, 3) == READ_UNTYPED(tw, tw_sk.__tw_common.skc_tw_rcv_nxt))
		ack_of_timewait(sk, tw);
}

static __always_inline void request_ack(arguments *regs)
{
	struct tcp_sock *child = fast_child(tcp_of(ARG(regs, void *, 0)));
	void *sk = ARG(regs, void *, 2);
	struct tcp_request_sock *req = request_of(sk);
	struct event event;

	if (!req)
		return;
	if (child ? !event_begin(&event, child, child, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE) :
		    !event_begin(&event, sk, NULL, TCPTRACE_T_SEGMENT, TCPTRACE_OP_NONE))
		return;
	/* Fast open's child may have sent more. */
	fill_ack(&event.record->u.segment, child ? READ(child, snd_nxt) : READ_UNTYPED(req, snt_isn) + 1,
		 READ_UNTYPED(req, rcv_nxt),
		 READ_UNTYPED(req, req.req.__req_common.skc_rcv_wnd) >> READ_BITS_UNTYPED(req, req.rcv_wscale));
	event_publish(&event);
}

static __always_inline void on_request_ack4(arguments *regs)
{
	request_ack(regs);
}

static __always_inline void on_request_ack6(arguments *regs)
{
	request_ack(regs);
}

/* ---- received ---- */

/* The last SYN that on_tw_segment() reported on this CPU. */
struct handed_over {
	u64 skb;
	u32 seq;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct handed_over);
} handed_over SEC(".maps") __weak;

static __always_inline struct handed_over *last_handed_over(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&handed_over, &key);
}

static __always_inline bool by_way_of_timewait(struct sk_buff *skb)
{
	struct handed_over *last = last_handed_over();

	return last && last->skb == (u64)skb && last->seq == READ(cb_of(skb), seq);
}

static __always_inline void segment_in(struct tcp_sock *tp, struct sk_buff *skb)
{
	struct tcphdr th;
	struct key key;

	if (!tp)
		return;
	if (!listens(tp))
		return segment_of_sock(tp, tp, skb, false);
	if (by_way_of_timewait(skb))
		return;
	header_of(&th, skb);
	key_of_skb(&key, skb, &th, netns_of((struct sock_common *)tp));
	segment_of_listener(tp, &key, skb, false);
}

static __always_inline void on_in4(arguments *regs)
{
	segment_in(tcp_of(ARG(regs, void *, 0)), ARG(regs, struct sk_buff *, 1));
}

static __always_inline void on_in6(arguments *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 1);

	if (READ(skb, protocol) != bpf_htons(ETH_P_IP))
		segment_in(tcp_of(ARG(regs, void *, 0)), skb);
}

static __always_inline void on_request_in(arguments *regs)
{
	if (!ARG(regs, bool, 3))
		segment_of_sock(ARG(regs, void *, 2), NULL, ARG(regs, struct sk_buff *, 1), false);
}

/* Called by on_tw_segment(), which makes no other record. */
static __always_inline void segment_to_timewait(void *tw, struct sk_buff *skb)
{
	struct handed_over *last;
	struct tcphdr th;

	if (config.level < TCPTRACE_L_QUEUE)
		return;
	header_of(&th, skb);
	last = last_handed_over();
	if (th.syn && last) {
		last->skb = (u64)skb;
		last->seq = READ(cb_of(skb), seq);
	}
	if (config.level >= TCPTRACE_L_SEGMENT)
		segment_of_sock(tw, NULL, skb, false);
}

#endif
