// SPDX-License-Identifier: GPL-2.0-only
/* Segments that the kernel drops with a reason. Level segment only, since everything that is freed so comes by here. */
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "handlers_impl.h"

/*
 * Any skb may be freed, not only TCP's. Its headers are read only where the offsets say that there is an IP header
 * without options and then a TCP header, within the linear part of the buffer, which is still allocated.
 */
static bool is_tcp_segment(const struct sk_buff *skb)
{
	unsigned int size;

	if (!skb_transport_header_was_set(skb) ||
	    skb_transport_header(skb) + sizeof(struct tcphdr) > skb_end_pointer(skb))
		return false;
	size = skb->transport_header - skb->network_header;
	if (skb->network_header >= skb->transport_header)
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return size == sizeof(struct iphdr) && ip_hdr(skb)->version == 4 && ip_hdr(skb)->ihl == 5 &&
		       ip_hdr(skb)->protocol == IPPROTO_TCP;
	return skb->protocol == htons(ETH_P_IPV6) && size == sizeof(struct ipv6hdr) &&
	       ipv6_hdr(skb)->version == 6 && ipv6_hdr(skb)->nexthdr == IPPROTO_TCP;
}

static void fill_drop(struct tcptrace_drop *drop, const struct sk_buff *skb, u32 reason, const char *name)
{
	const struct tcphdr *th = tcp_hdr(skb);

	drop->reason = reason;
	drop->seq = ntohl(th->seq);
	drop->flags = ((const u8 *)th)[13];
	strscpy(drop->name, name, sizeof(drop->name));
}

/*
 * The socket that a received segment was for is not known: some callers pass it, but may hold no reference any more.
 * So the record has the segment's tuple, without a namespace. A sent segment still belongs to its socket, but that
 * may be of any kind: a raw socket, one of AF_PACKET, the kernel's own that sends RSTs which belong to no connection.
 */
static noinline void drop_event(struct sk_buff *skb, u32 reason, const char *name)
{
	struct sock *sk = skb->sk;
	struct tcptrace_key key;
	struct event event;

	/* A queue that is purged with its socket is no drop: its segments were sent, or show as unread data. */
	if (!is_tcp_segment(skb) || !strcmp(name, "QUEUE_PURGE"))
		return ignore_hit();
	if (sk && sk_fullsock(sk) && tcptrace_is_tcp(sk) && sk->sk_state != TCP_LISTEN &&
	    ntohs(tcp_hdr(skb)->source) == tcptrace_local_port(sk, TCPTRACE_K_FULL)) {
		if (!event_begin(&event, sk, TCPTRACE_L_SEGMENT, TCPTRACE_T_DROP, TCPTRACE_OP_SEGMENT))
			return;
	} else {
		tcptrace_key_of_skb(&key, skb, NULL);
		if (!event_begin_key(&event, &key, TCPTRACE_L_SEGMENT, TCPTRACE_T_DROP, TCPTRACE_OP_SEGMENT))
			return;
	}
	fill_drop(&event.record->u.drop, skb, reason, name);
	event_publish(&event);
}

/*
 * The tracepoint kfree_skb: the last reference to a buffer is gone, and it was not consumed. The functions that free
 * one, sk_skb_reason_drop() and others, do not call each other: a queueing discipline's list passes none but its own.
 */
static __always_inline void on_drop(struct sk_buff *skb, u32 reason)
{
	const char *name = tcptrace_drop_name(reason);

	if (!name)
		return ignore_hit();
	drop_event(skb, reason, name);
}

HANDLE_TRACEPOINT(drop, skb, reason)
