/* SPDX-License-Identifier: GPL-2.0-only */
/* What the reader wants to be recorded: the twin of module/filter.c, for one reader. */
#ifndef TCPTRACE_BPF_FILTER_H
#define TCPTRACE_BPF_FILTER_H

#include "source/bpf/read.h"

/* The tuple to compare with the rules: ports in host order, mapped addresses as words. */
struct key {
	u32 saddr[4];
	u32 daddr[4];
	u32 netns;
	u16 sport;
	u16 dport;
	u16 family;
};

static __always_inline void set_v4mapped(u32 *to, u32 address)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = bpf_htonl(0xffff);
	to[3] = address;
}

/* Both are in sock_common, for each kind of socket. */
static __always_inline void addresses(struct sock_common *sk, u32 *saddr, u32 *daddr)
{
	if (READ(sk, skc_family) == AF_INET6) {
		READ_IN6(saddr, sk, skc_v6_rcv_saddr);
		READ_IN6(daddr, sk, skc_v6_daddr);
		return;
	}
	set_v4mapped(saddr, READ(sk, skc_rcv_saddr));
	set_v4mapped(daddr, READ(sk, skc_daddr));
}

/* Not skc_num for a full socket: one that is being destroyed has released its port, and still uses it. */
static __always_inline u16 local_port(struct sock_common *sk, struct tcp_sock *tp)
{
	return tp ? bpf_ntohs(READ(tp, inet_conn.icsk_inet.inet_sport)) : READ(sk, skc_num);
}

static __always_inline u32 netns_of(struct sock_common *sk)
{
	struct net *net = READ(sk, skc_net.net);

	return READ(net, ns.inum);
}

static __always_inline u32 differ(const u32 *address, const volatile u32 *wanted, const volatile u32 *mask)
{
	return ((address[0] ^ wanted[0]) & mask[0]) | ((address[1] ^ wanted[1]) & mask[1]) |
	       ((address[2] ^ wanted[2]) & mask[2]) | ((address[3] ^ wanted[3]) & mask[3]);
}

static __noinline bool rules_fit(const struct key *key)
{
	u32 i;

	for (i = 0; i < TCPTRACE_CLAUSES_MAX && i < config.rule_count; i++) {
		const volatile struct bpf_rule *rule = &config.rules[i];

		if (key->sport < rule->sport_min || key->sport > rule->sport_max ||
		    key->dport < rule->dport_min || key->dport > rule->dport_max)
			continue;
		if ((rule->family && rule->family != key->family) ||
		    (rule->netns && rule->netns != key->netns))
			continue;
		if (!differ(key->saddr, rule->saddr, rule->saddr_mask) &&
		    !differ(key->daddr, rule->daddr, rule->daddr_mask))
			return true;
	}
	return false;
}

/* tp: set if it is a full socket */
static __always_inline bool wanted(struct sock_common *sk, struct tcp_sock *tp)
{
	struct key key;

	if (!config.rule_count)
		return true;
	addresses(sk, key.saddr, key.daddr);
	key.netns = netns_of(sk);
	key.sport = local_port(sk, tp);
	key.dport = bpf_ntohs(READ(sk, skc_dport));
	key.family = READ(sk, skc_family);
	return rules_fit(&key);
}

static __always_inline bool wanted_key(const struct key *key)
{
	return !config.rule_count || rules_fit(key);
}

#endif
