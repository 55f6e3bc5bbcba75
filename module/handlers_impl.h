/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the handlers share; no other file includes it. There is one handler for each row of the probe table. It makes a
 * record of what the function's arguments say.
 *
 *   handlers.c		whether a record is wanted; the table of all handlers
 *   handlers_life.c	level life
 *   handlers_connect.c	level life: connect() that fails before its first segment
 *   handlers_queue.c	level queue
 *   handlers_loss.c	retransmissions, refusals by a listener, probes; several levels
 *   handlers_segment.c	level segment
 *   handlers_drop.c	level segment: segments that the kernel drops, and why
 *
 * Handlers run with preemption off, in whatever context TCP called the function; a softirq may interrupt them. Nothing
 * here sleeps, allocates, prints or takes a lock, and no pointer is followed that the probed function does not follow.
 */
#ifndef TCPTRACE_HANDLERS_IMPL_H
#define TCPTRACE_HANDLERS_IMPL_H

#include "capture.h"
#include "compat/compat.h"
#include "filter.h"
#include "handlers.h"
#include "ring.h"
#include "stats.h"

/*
 * The n-th argument of the probed function, from 0. Bits of the register beyond the type's size are undefined, and a
 * cast to bool would take them into account.
 */
#define ARG(regs, type, n)	((type)(ARG_BITS(type))regs_get_kernel_argument(regs, n))
#define ARG_BITS(type)	typeof(__builtin_choose_expr(__same_type(type, bool), (u8)0, (type)0))

/* A record under construction; `record` is NULL where there is nothing to construct. */
struct event {
	struct tcptrace_record *record;
	u64 position;
};

/* The function was hit, but nothing happened that is worth a record: counts that. */
static __always_inline void ignore_hit(void)
{
	tcptrace_count(ignored);
}

/* Whether a reader's clauses want a record of `sk`; counts the hit as filtered where none does. */
bool tcptrace_wanted_rules(const struct tcptrace_rules *rules, u32 level, const struct sock *sk);

/* The same, asked of the readers without clauses first. */
static __always_inline bool wanted(const struct sock *sk, u32 level)
{
	const struct tcptrace_rules *rules = tcptrace_rules_get();

	return likely(rules->level_all >= level) || tcptrace_wanted_rules(rules, level, sk);
}

/* The same for a tuple without a socket. */
bool tcptrace_wanted_key(const struct tcptrace_key *key, u32 level);

/*
 * Begins a record of `sk`, if a reader wants it and the ring has a slot; false: counted as filtered or lost. Until
 * event_publish() the handler sets only what this has not.
 */
static __always_inline bool event_begin(struct event *event, struct sock *sk, u32 level, u16 type, u8 op)
{
	if (!wanted(sk, level))
		return false;
	event->record = tcptrace_ring_reserve(&event->position);
	if (unlikely(!event->record))
		return false;
	tcptrace_capture(event->record, sk);
	tcptrace_capture_task(event->record);
	event->record->type = type;
	event->record->op = op;
	return true;
}

/* The same from a tuple, where no socket is an endpoint of the connection. */
static inline bool event_begin_key(struct event *event, const struct tcptrace_key *key, u32 level, u16 type, u8 op)
{
	if (!tcptrace_wanted_key(key, level))
		return false;
	event->record = tcptrace_ring_reserve(&event->position);
	if (unlikely(!event->record))
		return false;
	tcptrace_capture_key(event->record, key);
	tcptrace_capture_task(event->record);
	event->record->type = type;
	event->record->op = op;
	return true;
}

static __always_inline void event_publish(struct event *event)
{
	tcptrace_ring_publish(event->record, event->position);
}

/*
 * The socket that stands for the endpoint, in functions that get a request and its listener: the request. With fast
 * open they get the child instead of the listener, and the child is the endpoint from the SYN on; its request is not
 * hashed and has no cookie. tcp_passive_fastopen().
 */
static __always_inline struct sock *endpoint_of_request(struct sock *sk, struct request_sock *req)
{
	return sk->sk_state == TCP_SYN_RECV ? sk : req_to_sk(req);
}

/* Whether the segment has the option of TCP-MD5 (RFC 2385) or TCP-AO (RFC 5925). */
bool tcptrace_is_signed(const struct tcphdr *th);
/* For on_tw_segment(): records, at level segment, what a timewait socket receives. Counts the hit. */
void tcptrace_segment_to_timewait(struct sock *sk, const struct sk_buff *skb);
/* Whether this SYN, now at a listener, was received by a timewait socket first. */
bool tcptrace_by_way_of_timewait(const struct sk_buff *skb);

/* ---- whose call it is: `whose` of each row. A row cannot pass `regs`: it is the parameter of ours_<id>() ---- */

#define OURS_TCP	true
#define OURS_ANY	true
#define OURS_SOCK(n)	tcptrace_is_tcp(ARG(regs, const struct sock *, n))
#define OURS_TWSK(n)	tcptrace_is_tcp_timewait(ARG(regs, const struct inet_timewait_sock *, n))

#define DEFINE_OURS(id, symbol, older, level, method, need, whose)		\
static __always_inline bool ours_##id(struct pt_regs *regs)			\
{										\
	return OURS_##whose;							\
}
TCPTRACE_PROBES(DEFINE_OURS)

/* ---- what the kernel calls: one set for each row ---- */

#define HANDLE_ENTRY(id)							\
void tcptrace_hook_##id(struct pt_regs *regs)					\
{										\
	tcptrace_count(hits[TCPTRACE_P_##id]);					\
	if (ours_##id(regs))							\
		on_##id(regs);							\
	else									\
		ignore_hit();							\
}										\
int tcptrace_entry_##id(struct kprobe *kprobe, struct pt_regs *regs)		\
{										\
	tcptrace_hook_##id(regs);						\
	return 0;								\
}

#define HANDLE_RETURN(id)							\
int tcptrace_call_##id(struct kretprobe_instance *instance, struct pt_regs *regs) \
{										\
	if (!ours_##id(regs)) {							\
		tcptrace_count(hits[TCPTRACE_P_##id]);				\
		ignore_hit();							\
		return 1;	/* do not probe the return */		\
	}									\
	call_##id((struct tcptrace_call *)instance->data, regs);		\
	return 0;								\
}										\
int tcptrace_return_##id(struct kretprobe_instance *instance, struct pt_regs *regs) \
{										\
	tcptrace_count(hits[TCPTRACE_P_##id]);					\
	on_##id((struct tcptrace_call *)instance->data, (int)regs_return_value(regs)); \
	return 0;								\
}

/* A tracepoint has a prototype of its own, and so has the function that it calls: compat.h. */
#define HANDLE_TRACEPOINT(id, ...)						\
void tcptrace_trace_##id(TCPTRACE_TRACE_##id)					\
{										\
	/* Not every kernel does this for a tracepoint. */			\
	preempt_disable_notrace();						\
	tcptrace_count(hits[TCPTRACE_P_##id]);					\
	on_##id(__VA_ARGS__);							\
	preempt_enable_notrace();						\
}

#define DECLARE_HANDLER_ENTRY(id)						\
void tcptrace_hook_##id(struct pt_regs *regs);					\
int tcptrace_entry_##id(struct kprobe *kprobe, struct pt_regs *regs);

#define DECLARE_HANDLER_RETURN(id)						\
int tcptrace_call_##id(struct kretprobe_instance *instance, struct pt_regs *regs); \
int tcptrace_return_##id(struct kretprobe_instance *instance, struct pt_regs *regs);

#define DECLARE_HANDLER_TRACEPOINT(id)	void tcptrace_trace_##id(TCPTRACE_TRACE_##id);

#define DECLARE_HANDLER(id, symbol, older, level, method, need, whose)	DECLARE_HANDLER_##method(id)
TCPTRACE_PROBES(DECLARE_HANDLER)

#endif
