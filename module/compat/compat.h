/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel differences, and the only place that knows about them. Each HAVE_ is the answer to one question in
 * features.list, found by compiling (configure), never by comparing versions. The rest of the module is written for the
 * newest kernel.
 */
#ifndef TCPTRACE_COMPAT_H
#define TCPTRACE_COMPAT_H

#include <linux/ftrace.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/genetlink.h>
#include <net/tcp.h>

#include "features.h"

/* An ftrace callback gets struct ftrace_regs, which may be less than pt_regs; on older kernels it gets pt_regs. */
#ifdef HAVE_FTRACE_REGS
#define tcptrace_ftrace_regs ftrace_regs
#else
#define tcptrace_ftrace_regs pt_regs
#endif

/*
 * The arguments of the traced function in an ftrace callback, and the flags that the callback needs to get them. Newer
 * kernels always save them, and need no flag. Older ones have to be asked for all registers, and for a call without
 * protection against recursion, which is the default on newer ones. Without either, functions are attached by kprobe.
 */
#if defined(HAVE_ARCH_FTRACE_REGS)
#define TCPTRACE_HAVE_FTRACE_ARGS
#define TCPTRACE_FTRACE_FLAGS		0
#define tcptrace_ftrace_args(fregs)	(&arch_ftrace_regs(fregs)->regs)
#elif defined(HAVE_FTRACE_REGS_PT_REGS)
#define TCPTRACE_HAVE_FTRACE_ARGS
#define TCPTRACE_FTRACE_FLAGS		0
#define tcptrace_ftrace_args(fregs)	(&(fregs)->regs)
#elif defined(HAVE_FTRACE_RECURSION_SAFE)
#define TCPTRACE_HAVE_FTRACE_ARGS
#define TCPTRACE_FTRACE_FLAGS		(FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_RECURSION_SAFE)
#define tcptrace_ftrace_args(regs)	(regs)
#endif

#ifdef CONFIG_DYNAMIC_FTRACE
/* Frees the filter of ops that are not registered: 5.10 does not export ftrace_free_filter(). */
static inline void tcptrace_ftrace_forget(struct ftrace_ops *ops)
{
	ftrace_set_filter(ops, NULL, 0, 1);
}
#endif

/* The reason argument of tcp_send_active_reset(), which 6.10 added; it moved when gfp was removed. */
static inline u32 tcptrace_active_reset_reason(struct pt_regs *regs)
{
#if defined(HAVE_ACTIVE_RESET_REASON_NO_GFP)
	return (u32)regs_get_kernel_argument(regs, 1) + 1;
#elif defined(HAVE_ACTIVE_RESET_REASON)
	return (u32)regs_get_kernel_argument(regs, 2) + 1;
#else
	return 0;
#endif
}

/* tcp_v[46]_send_reset() are static. They got a reason argument in the same release as tcp_send_active_reset(). */
static inline u32 tcptrace_reset_reply_reason(struct pt_regs *regs)
{
#if defined(HAVE_ACTIVE_RESET_REASON_NO_GFP) || defined(HAVE_ACTIVE_RESET_REASON)
	return (u32)regs_get_kernel_argument(regs, 2) + 1;
#else
	return 0;
#endif
}

/* Whether tcp_reset() was called for a RST. Unknown where it does not get the segment: then true. */
static inline bool tcptrace_reset_by_rst(struct pt_regs *regs)
{
#ifdef HAVE_RESET_SEGMENT
	return tcp_hdr((struct sk_buff *)regs_get_kernel_argument(regs, 1))->rst;
#else
	return true;
#endif
}

/*
 * The timeout of a new timewait socket, jiffies, at the entry of the function that hashes it. On newer kernels that
 * function starts the timer; on older ones the timer is running already.
 */
static inline unsigned long tcptrace_twsk_timeout(const struct inet_timewait_sock *tw, struct pt_regs *regs)
{
#ifdef HAVE_TWSK_HASHDANCE_SCHEDULE
	return (int)regs_get_kernel_argument(regs, 3);
#else
	return tw->tw_timer.expires - jiffies;
#endif
}

/* The arguments of the tracepoint kfree_skb. Kernels without a reason have it, too, but what it says is no drop. */
#ifdef HAVE_DROP_REASON
#ifdef HAVE_KFREE_SKB_SOCKET
#define TCPTRACE_TRACE_drop	void *data, struct sk_buff *skb, void *location, enum skb_drop_reason reason, struct sock *sk
#else
#define TCPTRACE_TRACE_drop	void *data, struct sk_buff *skb, void *location, enum skb_drop_reason reason
#endif
#define TCPTRACE_HAVE_drop	true
#else
#define TCPTRACE_TRACE_drop	void *data, struct sk_buff *skb, void *location, u32 reason
#define TCPTRACE_HAVE_drop	false
#endif

/* The name of a reason; NULL: not specified, or one of a subsystem other than the core. */
const char *tcptrace_drop_name(u32 reason);

/* Newer kernels make vm_flags constant, and change them through helpers that check the lock. */
static inline void tcptrace_vm_flags(struct vm_area_struct *vma, unsigned long set, unsigned long clear)
{
#ifdef HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

#ifdef HAVE_TIMER_DELETE_SYNC
#define tcptrace_timer_delete_sync	timer_delete_sync
#else
#define tcptrace_timer_delete_sync	del_timer_sync
#endif

/*
 * ECN as of RFC 3168: whether net.ipv4.tcp_ecn asks for it when connecting, also as the fallback from accurate ECN; and
 * whether it was agreed on.
 */
static inline bool tcptrace_ecn_is_asked_for(const struct net *net)
{
	u8 ecn = READ_ONCE(net->ipv4.sysctl_tcp_ecn);

#ifdef HAVE_ACCECN
	return ecn == 1 || ecn == 3 || ecn == 4;	/* enum tcp_ecn_mode */
#else
	return ecn == 1;
#endif
}

static inline bool tcptrace_ecn_is_agreed(const struct tcp_sock *tp)
{
#ifdef HAVE_ACCECN
	return (tp->ecn_flags & TCP_ECN_MODE_ANY) == TCP_ECN_MODE_RFC3168;
#else
	return tp->ecn_flags & TCP_ECN_OK;
#endif
}

/* A multicast that skips some subscribers. From 5.14 to 6.5 netlink cannot do that, and all subscribers get it. */
#ifndef HAVE_GENL_MULTICAST_FILTERED
static inline int genlmsg_multicast_netns_filtered(const struct genl_family *family, struct net *net,
						   struct sk_buff *skb, u32 portid, unsigned int group, gfp_t flags,
						   int (*filter)(struct sock *, struct sk_buff *, void *), void *data)
{
#ifdef HAVE_NETLINK_BROADCAST_FILTERED
	group += family->mcgrp_offset;
	NETLINK_CB(skb).dst_group = group;
	return netlink_broadcast_filtered(net->genl_sock, skb, portid, group, flags, filter, data);
#else
	return genlmsg_multicast_netns(family, net, skb, portid, group, flags);
#endif
}
#endif

/*
 * The capability that joining a multicast group takes: CAP_NET_ADMIN. CAP_PERFMON cannot be asked for there. So where
 * subscribers cannot be skipped, CAP_SYS_ADMIN is asked for, too, which includes it.
 */
#if defined(HAVE_GENL_MULTICAST_FILTERED) || defined(HAVE_NETLINK_BROADCAST_FILTERED)
#ifdef HAVE_GENL_MCAST_CAP
#define TCPTRACE_MCAST_ADMIN	.flags = GENL_MCAST_CAP_NET_ADMIN
#else
#define TCPTRACE_MCAST_ADMIN	.flags = GENL_UNS_ADMIN_PERM
#endif
#elif defined(HAVE_GENL_MCAST_CAP)
#define TCPTRACE_MCAST_ADMIN	.flags = GENL_MCAST_CAP_NET_ADMIN | GENL_MCAST_CAP_SYS_ADMIN
#else
#error "this kernel lets CAP_NET_ADMIN alone join a multicast group (mended in the stable kernels of December 2023)"
#endif

/* The first command for which reserved fields of the header are validated. */
#ifdef HAVE_GENL_RESV_START_OP
#define TCPTRACE_RESV_START_OP(command)	.resv_start_op = (command),
#else
#define TCPTRACE_RESV_START_OP(command)
#endif

/*
 * The hash table of listeners that sock_diag(7) and /proc/net/tcp walk, in their order. Older kernels have two
 * tables, and walk the one that is hashed by port alone.
 */
#ifdef HAVE_LISTENING_HASH
static inline u32 tcptrace_listen_buckets(const struct inet_hashinfo *hashinfo) { return INET_LHTABLE_SIZE; }

static inline struct inet_listen_hashbucket *tcptrace_listen_bucket(struct inet_hashinfo *hashinfo, u32 bucket)
{
	return &hashinfo->listening_hash[bucket];
}
#else
static inline u32 tcptrace_listen_buckets(const struct inet_hashinfo *hashinfo) { return hashinfo->lhash2_mask + 1; }

static inline struct inet_listen_hashbucket *tcptrace_listen_bucket(struct inet_hashinfo *hashinfo, u32 bucket)
{
	return &hashinfo->lhash2[bucket];
}
#endif

#endif
