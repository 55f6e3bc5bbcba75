/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF programs and their loader share, in addition to the record. */
#ifndef TCPTRACE_BPF_SHARED_H
#define TCPTRACE_BPF_SHARED_H

#include <linux/types.h>

#include "tcptrace.h"
#include "tcptrace_probes.h"

/* A clause of the filter, made ready: an address fits where (address ^ saddr) & mask is 0 in each word. */
struct bpf_rule {
	__u32	saddr[4], saddr_mask[4];
	__u32	daddr[4], daddr_mask[4];
	__u32	netns;			/* 0: any */
	__u16	family;			/* 0: any */
	__u16	sport_min, sport_max;
	__u16	dport_min, dport_max;
};

/* A RETURN row whose handler wants nothing of the function's entry where the return still has the arguments. */
#define BPF_RETURN_SUFFICES(id)										\
	((id) == TCPTRACE_P_listen_start || (id) == TCPTRACE_P_request_open ||				\
	 (id) == TCPTRACE_P_connect4 || (id) == TCPTRACE_P_connect6 ||					\
	 (id) == TCPTRACE_P_allowed4 || (id) == TCPTRACE_P_allowed6)

#define BPF_DROP_REASONS	256

/* As in struct tcptrace_drop. */
struct bpf_name {
	__u32	words[8];
};

/*
 * Set before loading and constant from then on, so that the verifier drops what is not needed. What
 * depends on the kernel is an answer that the loader found in its type information.
 */
struct bpf_config {
	__u32	rule_count;		/* 0: everything */
	__u32	jiffy_ns;
	__u8	cookies;		/* bpf_get_socket_cookie() can be called here: 5.12 */
	__u8	typed_task;		/* bpf_get_current_task_btf() exists: 5.11 */
	__u8	level;			/* enum tcptrace_level that the reader wants */
	__u8	mib_keepalive;		/* LINUX_MIB_TCPKEEPALIVE */
	__u8	sent_reason;		/* which argument of tcp_send_active_reset() is the reason; 0: none */
	__u8	reply_reason;		/* the same of tcp_v4_send_reset() and tcp_v6_send_reset() */
	__u8	reset_segment;		/* the second argument of tcp_reset() is the segment */
	__u8	tw_timeout;		/* the argument of the timewait hashdance with the timeout; 0: its timer runs */
	__u64	preempt_count;		/* addresses of each CPU's count, and of the table of per-CPU bases, if */
	__u64	per_cpu_offset;		/* the type information does not have them; 0: it does */
	__u8	results[TCPTRACE_PROBE_COUNT];	/* number of arguments before the return value; 0: there is none */
	struct bpf_name drop_names[BPF_DROP_REASONS];	/* of each reason with a meaning, without its prefix */
	struct bpf_rule rules[TCPTRACE_CLAUSES_MAX];
};

/* One for each possible CPU; the reader maps them. */
struct bpf_cpu {
	__u64	published;
	__u64	lost;			/* the buffer was full */
	__u64	last_child;		/* see on_child() */
	__u64	doomed_cookie;		/* see reason_of_drop() */
	__u64	tw_cookie;		/* see on_tw_segment() */
	__u64	tw_reset;		/* time of the RST that the timewait socket received, ns; 0: another segment */
	__u64	left_cookie;		/* see leaves_its_place() */
	__u64	taken_cookie;
	__u32	tw_substate;
	__u32	doomed_op;
	__u64	accepted_cookie;	/* see request_freed() */
	__u64	accepted_listener;
	__u32	accepted_queues[3];	/* length and maximum of the accept queue, length of the SYN queue */
	__u32	pad2;
	__u64	pad[3];
};

#endif
