/* SPDX-License-Identifier: GPL-2.0-only */
/* Segments dropped by the kernel with a reason. See life.h. */
#ifndef TCPTRACE_BPF_DROP_H
#define TCPTRACE_BPF_DROP_H

#include "source/bpf/event.h"

#define NOT_SET		0xffff	/* offset of a header that is not set */

static __always_inline bool is_tcp_segment(struct sk_buff *skb)
{
	u16 transport = READ(skb, transport_header), network = READ(skb, network_header);
	__be16 protocol = READ(skb, protocol);
	u8 header[10] = { 0 };

	if (transport == NOT_SET || transport + sizeof(struct tcphdr) > READ(skb, end) || network >= transport)
		return false;
	/* Version and length, and the protocol: byte 9 in IPv4, byte 6 in IPv6. */
	bpf_probe_read_kernel(header, sizeof(header), READ(skb, head) + network);
	if (protocol == bpf_htons(ETH_P_IP))
		return transport - network == 20 && header[0] == 0x45 && header[9] == IPPROTO_TCP;
	return protocol == bpf_htons(ETH_P_IPV6) && transport - network == 40 && header[0] >> 4 == 6 &&
	       header[6] == IPPROTO_TCP;
}

/* The socket that sent it, if that is a connection's. */
static __always_inline struct tcp_sock *sender_of(struct sk_buff *skb, const struct tcphdr *th)
{
	struct sock *sk = READ(skb, sk);
	struct tcp_sock *tp = sk ? tcp_of(sk) : NULL;

	if (!tp || READ(sock_of(tp), __sk_common.skc_state) == TCP_LISTEN ||
	    bpf_ntohs(th->source) != local_port((struct sock_common *)tp, tp))
		return NULL;
	return tp;
}

static __always_inline void drop_event(struct sk_buff *skb, u32 reason)
{
	const volatile struct bpf_name *name = &config.drop_names[reason];
	struct tcptrace_drop *drop;
	struct event event;
	struct tcp_sock *tp;
	struct tcphdr th;
	struct key key;
	u32 words[8];
	int i;

	header_of(&th, skb);
	tp = sender_of(skb, &th);
	if (tp) {
		if (!event_begin_as_is(&event, tp, tp, TCPTRACE_T_DROP, TCPTRACE_OP_SEGMENT))
			return;
	} else {
		key_of_skb(&key, skb, &th, 0);
		if (!event_begin_key(&event, &key, TCPTRACE_T_DROP, TCPTRACE_OP_SEGMENT))
			return;
	}
	drop = &event.record->u.drop;
	drop->reason = reason;
	drop->seq = bpf_ntohl(th.seq);
	drop->flags = ((u8 *)&th)[13];
	for (i = 0; i < 8; i++)
		words[i] = name->words[i];
	__builtin_memcpy(drop->name, words, sizeof(words));
	event_publish(&event);
}

static __always_inline void on_drop(arguments *regs)
{
	struct sk_buff *skb = ARG(regs, struct sk_buff *, 0);
	u32 reason = ARG(regs, u32, 2);

	/* Reasons without meaning have no name. */
	if (reason < BPF_DROP_REASONS && config.drop_names[reason].words[0] && is_tcp_segment(skb))
		drop_event(skb, reason);
}

#endif
