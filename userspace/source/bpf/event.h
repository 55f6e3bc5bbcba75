/* SPDX-License-Identifier: GPL-2.0-only */
/* What handlers share: their arguments, the buffer, and a record from its reservation to its publication. */
#ifndef TCPTRACE_BPF_EVENT_H
#define TCPTRACE_BPF_EVENT_H

#include <linux/tcp.h>

#include "source/bpf/capture.h"

/* Weak, because this is compiled twice (see events.bpf.c) and linked together. */
__weak const volatile struct bpf_config config;

/* The reader sleeps: only the next record wakes it. */
__weak __u32 sleeping;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1);		/* set by the loader */
} events SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* set by the loader */
	__type(key, u32);
	__type(value, struct bpf_cpu);
} cpus SEC(".maps") __weak;

/*
 * The arguments of the probed function, and the n-th of them, from 0. Only as many bits as the type has are valid; a
 * cast to bool would test all of them.
 */
typedef u64 arguments;
#define ARG(regs, type, n)	((type)(ARG_BITS(type))(regs)[n])
#define ARG_BITS(type)	typeof(__builtin_choose_expr(__builtin_types_compatible_p(type, bool), (u8)0, (type)0))

/* An argument whose number depends on the kernel; from 1, because 0 means none. */
static __always_inline u64 argument(arguments *regs, u8 n)
{
	u64 value = 0;

	/* Each a separate instruction, kept apart by an empty asm: the verifier refuses a computed offset. */
#define ARGUMENT(number)						\
	if (n == (number)) {						\
		value = ARG(regs, u64, number);				\
		asm volatile("" : "+r"(value) : "i"(number));		\
	}
	ARGUMENT(1)
	ARGUMENT(2)
	ARGUMENT(3)
	ARGUMENT(4)
	return value;
}

/* The child socket of the request, with fast open; tp: the function's argument. */
static __always_inline struct tcp_sock *fast_child(struct tcp_sock *tp)
{
	return tp && READ(sock_of(tp), __sk_common.skc_state) == TCP_SYN_RECV ? tp : NULL;
}

static __always_inline struct bpf_cpu *this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline bool after(u32 seq, u32 other)
{
	return (int)(other - seq) < 0;
}

/* A record under construction. */
struct event {
	struct tcptrace_record *record;
	u64 time;
};

/*
 * Reserves a slot, then takes the time. The reader relies on this order, as with the module's rings: the count in
 * between is a locked instruction, so the slot is visible to all CPUs before the clock is read.
 */
static __always_inline bool event_reserve(struct event *event)
{
	struct bpf_cpu *cpu = this_cpu();

	if (!cpu)
		return false;
	event->record = bpf_ringbuf_reserve(&events, sizeof(*event->record), 0);
	if (!event->record) {
		__sync_fetch_and_add(&cpu->lost, 1);
		return false;
	}
	__sync_fetch_and_add(&cpu->published, 1);
	event->time = bpf_ktime_get_ns();
	return true;
}

static __always_inline void event_publish(struct event *event)
{
	u64 flags = BPF_RB_NO_WAKEUP;

	event->record->time = event->time;
	if (sleeping) {
		sleeping = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(event->record, flags);
}

static __always_inline void say_what(struct event *event, u16 type, u8 op)
{
	capture_task(event->record);
	event->record->type = type;
	event->record->op = op;
}

/*
 * Starts a record of `sk`, if the filter matches. The caller then sets only what is specific, and calls
 * event_publish().
 */
static __always_inline bool event_begin(struct event *event, void *sk, struct tcp_sock *tp, u16 type, u8 op)
{
	if (!wanted(sk, tp) || !event_reserve(event))
		return false;
	capture(event->record, sk, tp);
	say_what(event, type, op);
	return true;
}

/* The same for a socket that is not an argument but was found in a segment: see capture_as_is(). */
static __always_inline bool event_begin_as_is(struct event *event, void *sk, struct tcp_sock *tp, u16 type, u8 op)
{
	if (!wanted(sk, tp) || !event_reserve(event))
		return false;
	capture_as_is(event->record, sk, tp);
	say_what(event, type, op);
	return true;
}

/* The same for a tuple, if no socket is an endpoint of the connection. */
static __always_inline bool event_begin_key(struct event *event, const struct key *key, u16 type, u8 op)
{
	if (!wanted_key(key) || !event_reserve(event))
		return false;
	capture_key(event->record, key);
	say_what(event, type, op);
	return true;
}

static __always_inline void header_of(struct tcphdr *th, struct sk_buff *skb)
{
	bpf_probe_read_kernel(th, sizeof(*th), READ(skb, head) + READ(skb, transport_header));
}

static __always_inline struct tcp_skb_cb *cb_of(struct sk_buff *skb)
{
	return (void *)&skb->cb;
}

/* From the local endpoint: the destination is local. */
static __always_inline void key_of_skb(struct key *key, struct sk_buff *skb, const struct tcphdr *th, u32 netns)
{
	unsigned char *header = READ(skb, head) + READ(skb, network_header);
	u32 pair[2] = { 0 };

	/* IPv6 has its source and destination addresses at byte 8, IPv4 at byte 12. */
	if (READ(skb, protocol) == bpf_htons(ETH_P_IPV6)) {
		key->family = AF_INET6;
		bpf_probe_read_kernel(key->daddr, sizeof(key->daddr), header + 8);
		bpf_probe_read_kernel(key->saddr, sizeof(key->saddr), header + 24);
	} else {
		key->family = AF_INET;
		bpf_probe_read_kernel(pair, sizeof(pair), header + 12);
		set_v4mapped(key->daddr, pair[0]);
		set_v4mapped(key->saddr, pair[1]);
	}
	key->sport = bpf_ntohs(th->dest);
	key->dport = bpf_ntohs(th->source);
	key->netns = netns;
}

#endif
