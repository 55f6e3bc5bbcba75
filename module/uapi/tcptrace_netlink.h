/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * tcptrace: the generic netlink family
 *
 * The numbers of docs/netlink/tcptrace.yaml, which says what each attribute means, and who may send requests.
 * Attributes and commands are only added.
 *
 * u64 attributes are padded to 8 bytes with the set's PAD. Addresses are 16 bytes in network order; ports and all
 * other numbers are in host order; strings end with a NUL.
 */
#ifndef _UAPI_TCPTRACE_NETLINK_H
#define _UAPI_TCPTRACE_NETLINK_H

#define TCPTRACE_FAMILY_NAME	"tcptrace"
#define TCPTRACE_FAMILY_VERSION	1

#define TCPTRACE_MCGRP_LIFE	"life"

enum tcptrace_cmd {
	TCPTRACE_CMD_INFO_GET = 1,	/* do */
	TCPTRACE_CMD_PROBE_GET,		/* dump */
	TCPTRACE_CMD_CPU_GET,		/* dump */
	TCPTRACE_CMD_FILTER_GET,	/* dump */
	TCPTRACE_CMD_EVENT_NTF,		/* notification of the group life */

	__TCPTRACE_CMD_MAX,
	TCPTRACE_CMD_MAX = (__TCPTRACE_CMD_MAX - 1)
};

/* How a probe is attached while it is armed. */
enum tcptrace_method {
	TCPTRACE_METHOD_ABSENT,		/* no such symbol, or it could not be attached */
	TCPTRACE_METHOD_KPROBE,
	TCPTRACE_METHOD_KRETPROBE,
	TCPTRACE_METHOD_FTRACE,
	TCPTRACE_METHOD_TRACEPOINT,
};

/* INFO_GET: the module, its ring, who reads */
enum tcptrace_a_info {
	TCPTRACE_A_INFO_PAD = 1,		/* pad */
	TCPTRACE_A_INFO_VERSION,		/* string */
	TCPTRACE_A_INFO_ABI,			/* u32 */
	TCPTRACE_A_INFO_TYPES_VERSION,		/* u32 */
	TCPTRACE_A_INFO_RECORD_SIZE,		/* u32 */
	TCPTRACE_A_INFO_CPUS,			/* u32 */
	TCPTRACE_A_INFO_SLOTS,			/* u32 */
	TCPTRACE_A_INFO_MAP_SIZE,		/* u64: bytes */
	TCPTRACE_A_INFO_BOOT,			/* u64: random, chosen when the module is loaded */
	TCPTRACE_A_INFO_LEVEL,			/* u32: enum tcptrace_level, armed now */
	TCPTRACE_A_INFO_FLIGHT,			/* u32: enum tcptrace_level, recorded while nobody reads */
	TCPTRACE_A_INFO_READERS,		/* u32 */
	TCPTRACE_A_INFO_SUBSCRIBERS,		/* u32 */
	TCPTRACE_A_INFO_FTRACE_OFF,		/* flag: kernel.ftrace_enabled is 0 */
	TCPTRACE_A_INFO_KPROBES_OFF,		/* flag: all kprobes are switched off */
	TCPTRACE_A_INFO_RINGS,			/* u32: CPUs that have records now */
	TCPTRACE_A_INFO_MEMORY,			/* u64: bytes that the rings take now */

	__TCPTRACE_A_INFO_MAX,
	TCPTRACE_A_INFO_MAX = (__TCPTRACE_A_INFO_MAX - 1)
};

/* PROBE_GET: one message for each probe of the table */
enum tcptrace_a_probe {
	TCPTRACE_A_PROBE_PAD = 1,		/* pad */
	TCPTRACE_A_PROBE_INDEX,			/* u32 */
	TCPTRACE_A_PROBE_SYMBOL,		/* string */
	TCPTRACE_A_PROBE_LEVEL,			/* u32: enum tcptrace_level */
	TCPTRACE_A_PROBE_METHOD,		/* u32: enum tcptrace_method */
	TCPTRACE_A_PROBE_ARMED,			/* flag */
	TCPTRACE_A_PROBE_REQUIRED,		/* flag */
	TCPTRACE_A_PROBE_HITS,			/* u64 */
	TCPTRACE_A_PROBE_MISSED,		/* u64: nmissed */
	TCPTRACE_A_PROBE_ERROR,			/* u32: errno, why it is absent */

	__TCPTRACE_A_PROBE_MAX,
	TCPTRACE_A_PROBE_MAX = (__TCPTRACE_A_PROBE_MAX - 1)
};

/*
 * CPU_GET: one message for each possible CPU. At rest
 * hits = published + filtered + ignored + lost.
 */
enum tcptrace_a_cpu {
	TCPTRACE_A_CPU_PAD = 1,			/* pad */
	TCPTRACE_A_CPU_CPU,			/* u32 */
	TCPTRACE_A_CPU_HITS,			/* u64 */
	TCPTRACE_A_CPU_PUBLISHED,		/* u64 */
	TCPTRACE_A_CPU_FILTERED,		/* u64 */
	TCPTRACE_A_CPU_IGNORED,			/* u64 */
	TCPTRACE_A_CPU_LOST,			/* u64 */

	__TCPTRACE_A_CPU_MAX,
	TCPTRACE_A_CPU_MAX = (__TCPTRACE_A_CPU_MAX - 1)
};

/* FILTER_GET: one message for each open reader */
enum tcptrace_a_filter {
	TCPTRACE_A_FILTER_READER = 1,		/* u32: identifies the open file */
	TCPTRACE_A_FILTER_PID,			/* u32: thread group that opened the file */
	TCPTRACE_A_FILTER_COMM,			/* string */
	TCPTRACE_A_FILTER_LEVEL,		/* u32: enum tcptrace_level */
	TCPTRACE_A_FILTER_CLAUSE,		/* nest: enum tcptrace_a_clause, multi-attr */

	__TCPTRACE_A_FILTER_MAX,
	TCPTRACE_A_FILTER_MAX = (__TCPTRACE_A_FILTER_MAX - 1)
};

/* TCPTRACE_A_FILTER_CLAUSE: parts of struct tcptrace_clause that match anything are absent */
enum tcptrace_a_clause {
	TCPTRACE_A_CLAUSE_PAD = 1,		/* pad */
	TCPTRACE_A_CLAUSE_SADDR,		/* binary: 16 bytes, IPv4 mapped */
	TCPTRACE_A_CLAUSE_SADDR_LEN,		/* u32 */
	TCPTRACE_A_CLAUSE_DADDR,		/* binary: 16 bytes */
	TCPTRACE_A_CLAUSE_DADDR_LEN,		/* u32 */
	TCPTRACE_A_CLAUSE_FAMILY,		/* u32 */
	TCPTRACE_A_CLAUSE_SPORT_MIN,		/* u16: host order */
	TCPTRACE_A_CLAUSE_SPORT_MAX,		/* u16 */
	TCPTRACE_A_CLAUSE_DPORT_MIN,		/* u16 */
	TCPTRACE_A_CLAUSE_DPORT_MAX,		/* u16 */
	TCPTRACE_A_CLAUSE_NETNS,		/* u32 */
	TCPTRACE_A_CLAUSE_CGROUP,		/* u64 */

	__TCPTRACE_A_CLAUSE_MAX,
	TCPTRACE_A_CLAUSE_MAX = (__TCPTRACE_A_CLAUSE_MAX - 1)
};

/* EVENT_NTF: struct tcptrace_record, field by field; a number that is 0 may be absent */
enum tcptrace_a_event {
	TCPTRACE_A_EVENT_PAD = 1,		/* pad */
	TCPTRACE_A_EVENT_TYPE,			/* u32: enum tcptrace_type */
	TCPTRACE_A_EVENT_TIME,			/* u64 */
	TCPTRACE_A_EVENT_STAMP,			/* u64 */
	TCPTRACE_A_EVENT_COOKIE,		/* u64 */
	TCPTRACE_A_EVENT_NETNS,			/* u32 */
	TCPTRACE_A_EVENT_CPU,			/* u32 */
	TCPTRACE_A_EVENT_FAMILY,		/* u32 */
	TCPTRACE_A_EVENT_KIND,			/* u32: enum tcptrace_kind */
	TCPTRACE_A_EVENT_SADDR,			/* binary: 16 bytes, IPv4 mapped */
	TCPTRACE_A_EVENT_DADDR,			/* binary: 16 bytes */
	TCPTRACE_A_EVENT_SPORT,			/* u16: host order */
	TCPTRACE_A_EVENT_DPORT,			/* u16 */
	TCPTRACE_A_EVENT_OLD_STATE,		/* u32: enum tcptrace_state */
	TCPTRACE_A_EVENT_NEW_STATE,		/* u32: enum tcptrace_state */
	TCPTRACE_A_EVENT_OP,			/* u32: enum tcptrace_op */
	TCPTRACE_A_EVENT_FLAGS,			/* u32: TCPTRACE_F_ */
	TCPTRACE_A_EVENT_SND_UNA,		/* u32 */
	TCPTRACE_A_EVENT_SND_NXT,		/* u32 */
	TCPTRACE_A_EVENT_WRITE_SEQ,		/* u32 */
	TCPTRACE_A_EVENT_RCV_NXT,		/* u32 */
	TCPTRACE_A_EVENT_COPIED_SEQ,		/* u32 */
	TCPTRACE_A_EVENT_SND_WND,		/* u32 */
	TCPTRACE_A_EVENT_RCV_WND,		/* u32 */
	TCPTRACE_A_EVENT_MSS,			/* u32 */
	TCPTRACE_A_EVENT_WSCALE,		/* u32 */
	TCPTRACE_A_EVENT_IFINDEX,		/* u32 */
	TCPTRACE_A_EVENT_PID,			/* u32 */
	TCPTRACE_A_EVENT_COMM,			/* string */
	TCPTRACE_A_EVENT_ERROR,			/* u32 */
	TCPTRACE_A_EVENT_LOST,			/* u64: events lost since the previous one */
	TCPTRACE_A_EVENT_LISTENER,		/* u64: u.listen */
	TCPTRACE_A_EVENT_BACKLOG,		/* u32 */
	TCPTRACE_A_EVENT_BACKLOG_MAX,		/* u32 */
	TCPTRACE_A_EVENT_SYN_BACKLOG,		/* u32 */
	TCPTRACE_A_EVENT_RETRANSMITS,		/* u32: u.listen, u.totals, u.retransmit */
	TCPTRACE_A_EVENT_BYTES_IN,		/* u64: u.totals */
	TCPTRACE_A_EVENT_BYTES_OUT,		/* u64 */
	TCPTRACE_A_EVENT_TIMEOUT,		/* u32: ms */
	TCPTRACE_A_EVENT_OOO,			/* u32 */
	TCPTRACE_A_EVENT_SEQ,			/* u32: u.segment, u.retransmit */
	TCPTRACE_A_EVENT_ACK,			/* u32 */
	TCPTRACE_A_EVENT_LEN,			/* u32 */
	TCPTRACE_A_EVENT_WINDOW,		/* u32 */
	TCPTRACE_A_EVENT_TCP_FLAGS,		/* u32 */
	TCPTRACE_A_EVENT_OUT,			/* flag: sent, not received */
	TCPTRACE_A_EVENT_REASON,		/* u32 */

	__TCPTRACE_A_EVENT_MAX,
	TCPTRACE_A_EVENT_MAX = (__TCPTRACE_A_EVENT_MAX - 1)
};

#endif /* _UAPI_TCPTRACE_NETLINK_H */
