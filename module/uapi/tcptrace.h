/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * tcptrace: the record and the channel
 *
 * This header is the specification. The module, the BPF program and userspace all include it as it is; docs/abi.md
 * explains it at length.
 *
 *   record   := one struct tcptrace_record, an event or a snapshot of a socket
 *   events   := mmap(/proc/tcptrace/events), read-only:
 *               one struct tcptrace_map, then for each possible CPU one
 *               struct tcptrace_ring and `slots` records behind it
 *   filter   := write(/proc/tcptrace/events): one struct tcptrace_filter,
 *               then `clauses` times struct tcptrace_clause
 *   sockets  := read(/proc/tcptrace/sockets): records of type SNAPSHOT
 *
 * All integers are in the byte order of the host. Sequence numbers are absolute, as on the wire. Nothing is packed, and
 * there is no implicit padding.
 */
#ifndef _UAPI_TCPTRACE_H
#define _UAPI_TCPTRACE_H

#include <linux/types.h>

/* Changes when the layout of anything here changes: a reader refuses any other value. */
#define TCPTRACE_ABI		1
/* Grows when a type, an op or a flag is added: a reader skips what it does not know. */
#define TCPTRACE_TYPES_VERSION	3

#define TCPTRACE_MAGIC		0x65637274	/* "trce", the first word of the mapping */

#define TCPTRACE_PROC_EVENTS	"/proc/tcptrace/events"
#define TCPTRACE_PROC_SOCKETS	"/proc/tcptrace/sockets"
#define TCPTRACE_PROC_STATUS	"/proc/tcptrace/status"

#define TCPTRACE_ADDR_LEN	16
#define TCPTRACE_COMM_LEN	16

/*
 * The states: name and number of include/net/tcp_states.h, RFC 9293 section 3.3.2.
 * Request sockets, which the kernel numbers NEW_SYN_RECV, are SYN_RECV here; `kind` tells them apart.
 */
#define TCPTRACE_STATES(X)	\
	X(ESTABLISHED,	1)	\
	X(SYN_SENT,	2)	\
	X(SYN_RECV,	3)	\
	X(FIN_WAIT1,	4)	\
	X(FIN_WAIT2,	5)	\
	X(TIME_WAIT,	6)	\
	X(CLOSE,	7)	\
	X(CLOSE_WAIT,	8)	\
	X(LAST_ACK,	9)	\
	X(LISTEN,	10)	\
	X(CLOSING,	11)

#define TCPTRACE_STATE_MAX	11	/* the highest number above; 0 is no state */

/* The levels: what a reader asks for. Each includes those before it. */
#define TCPTRACE_LEVELS(X)	\
	X(OFF,		0, "off")	\
	X(LIFE,		1, "life")	\
	X(QUEUE,	2, "queue")	\
	X(SEGMENT,	3, "segment")

/* The types: name, number, the word in text and in JSON. Types are only added. */
#define TCPTRACE_TYPES(X)	\
	X(LISTEN,	1, "listen")	\
	X(STATE,	2, "state")	\
	X(REQUEST,	3, "request")	\
	X(ACCEPT,	4, "accept")	\
	X(CONNECT,	5, "connect")	\
	X(SHUTDOWN,	6, "shutdown")	\
	X(RESET,	7, "reset")	\
	X(TIMEWAIT,	8, "timewait")	\
	X(SEND,		9, "send")	\
	X(RECV,		10, "recv")	\
	X(ACK,		11, "ack")	\
	X(SEGMENT,	12, "segment")	\
	X(WINDOW,	13, "window")	\
	X(RETRANSMIT,	14, "retransmit")	\
	X(DROP,		15, "drop")	\
	X(SNAPSHOT,	16, "snapshot")	\
	X(LOST,		17, "lost")

#define TCPTRACE_ENUM_STATE(name, n)		TCPTRACE_S_##name = (n),
#define TCPTRACE_ENUM_LEVEL(name, n, word)	TCPTRACE_L_##name = (n),
#define TCPTRACE_ENUM_TYPE(name, n, word)	TCPTRACE_T_##name = (n),

enum tcptrace_state { TCPTRACE_STATES(TCPTRACE_ENUM_STATE) };
enum tcptrace_level { TCPTRACE_LEVELS(TCPTRACE_ENUM_LEVEL) };
enum tcptrace_type { TCPTRACE_TYPES(TCPTRACE_ENUM_TYPE) };

/* The kind of socket that the record is about. */
enum tcptrace_kind {
	TCPTRACE_K_NONE		= 0,	/* no socket: the tuple is that of the segment */
	TCPTRACE_K_FULL		= 1,	/* struct tcp_sock */
	TCPTRACE_K_REQUEST	= 2,	/* struct tcp_request_sock */
	TCPTRACE_K_TIMEWAIT	= 3,	/* struct tcp_timewait_sock */
};

/* `op`: what happened, within a type. */
enum tcptrace_op {
	TCPTRACE_OP_NONE	= 0,

	/* REQUEST; u.listen is about the listener */
	TCPTRACE_OP_OPEN	= 1,	/* SYN accepted, SYN-ACK about to be sent: LISTEN -> SYN_RECV */
	TCPTRACE_OP_ACKED	= 2,	/* third segment received, child created, enters the accept queue */
	TCPTRACE_OP_TIMEDOUT	= 3,	/* no ACK after the last SYN-ACK retransmission: SYN_RECV -> CLOSE */
	TCPTRACE_OP_DROPPED	= 4,	/* reset by the peer, or its listener is gone: SYN_RECV -> CLOSE */
	TCPTRACE_OP_COOKIE	= 5,	/* SYN queue full: answered with a SYN cookie, no request socket; kind NONE */
	TCPTRACE_OP_UNREACHABLE	= 6,	/* an ICMP error, host or network unreachable: SYN_RECV -> CLOSE */
	TCPTRACE_OP_DESTROYED	= 7,	/* by `ss -K` or the like, see `pid`: SYN_RECV -> CLOSE */

	/* CONNECT */
	TCPTRACE_OP_FAILED	= 8,	/* connect(2) fails with `error` before it has sent anything; kind NONE */

	/* SHUTDOWN, by the application: see `pid` and `comm` */
	TCPTRACE_OP_CLOSE	= 10,	/* close(2) of the last descriptor, or exit */
	TCPTRACE_OP_SHUT_RD	= 11,	/* shutdown(2), SHUT_RD */
	TCPTRACE_OP_SHUT_WR	= 12,	/* SHUT_WR */
	TCPTRACE_OP_SHUT_RDWR	= 13,	/* SHUT_RDWR */

	/* RESET; u.segment is the RST, with its reason */
	TCPTRACE_OP_SENT	= 20,	/* for a connection, by tcp_send_active_reset() */
	TCPTRACE_OP_REPLIED	= 21,	/* in answer to a segment that no socket accepts, by tcp_v[46]_send_reset() */
	TCPTRACE_OP_RECEIVED	= 22,	/* acceptable, by tcp_reset() */

	/* TIMEWAIT; u.totals.timeout is the time left on its timer */
	TCPTRACE_OP_BEGIN	= 30,	/* full socket replaced by a timewait socket; new_state is its substate */
	TCPTRACE_OP_SUBSTATE	= 31,	/* FIN received: FIN_WAIT2 -> TIME_WAIT */
	TCPTRACE_OP_RESTART	= 32,	/* the peer retransmitted its FIN: 2MSL timer restarted */
	TCPTRACE_OP_END		= 33,	/* -> CLOSE, 2MSL timer expired */
	TCPTRACE_OP_KILLED	= 34,	/* -> CLOSE, removed early: reuse, purge; by a RST: error ECONNRESET */

	/* RECV and SEND; u.queue.bytes */
	TCPTRACE_OP_QUEUED	= 40,	/* RECV: data from the peer entered the receive queue */
	TCPTRACE_OP_READ	= 41,	/* RECV: the application read data; F_MPTCP and no pid: MPTCP did */
	TCPTRACE_OP_WAIT	= 42,	/* RECV: the application blocks in read; SEND: in write */
	TCPTRACE_OP_WRITTEN	= 43,	/* SEND: the application wrote data into the send queue */

	/* RETRANSMIT; u.retransmit */
	TCPTRACE_OP_RTO		= 50,	/* the retransmission timer expired */
	TCPTRACE_OP_FAST	= 51,	/* lost according to ACKs: SACK, duplicate ACKs, RACK */
	TCPTRACE_OP_LOSS	= 52,	/* after a timeout: the rest of what is considered lost, as ACKs are received */
	TCPTRACE_OP_TLP		= 53,	/* tail-loss probe, RFC 8985 section 7 */
	TCPTRACE_OP_SYN		= 54,	/* the SYN, or the SYN-ACK of a connecting socket */
	TCPTRACE_OP_SYNACK	= 55,	/* the SYN-ACK of a request socket; u.retransmit.total: how often so far */
	TCPTRACE_OP_SPURIOUS	= 56,	/* nothing sent: what was considered lost had arrived, the window is restored */
	TCPTRACE_OP_PMTU	= 57,	/* larger than the path's MTU: "fragmentation needed", or an MTU probe failed */

	/* WINDOW; or ACK, if that does this, too; u.queue */
	TCPTRACE_OP_CLOSED	= 60,	/* the peer's window became 0 */
	TCPTRACE_OP_OPENED	= 61,	/* and is not 0 any more */
	TCPTRACE_OP_PROBE	= 62,	/* WINDOW: a zero-window probe is sent */
	TCPTRACE_OP_KEEPALIVE	= 63,	/* WINDOW: a keepalive is sent */

	/* DROP; in the first two u.listen is about the listener, the record about the request or (kind NONE) the SYN */
	TCPTRACE_OP_SYN_QUEUE	= 70,	/* a SYN: SYN queue full, no SYN cookies */
	TCPTRACE_OP_ACCEPT_QUEUE = 71,	/* a SYN, or the third segment: accept queue full */
	TCPTRACE_OP_SEGMENT	= 72,	/* any segment, with the kernel's reason in u.drop; of a socket only if sent */
};

/* `flags` */
#define TCPTRACE_F_TASK		(1u << 0)	/* in task context: pid and comm are who ran */
#define TCPTRACE_F_ORPHAN	(1u << 1)	/* SOCK_DEAD: no process holds the socket */
#define TCPTRACE_F_SHUT_RCV	(1u << 2)	/* RCV_SHUTDOWN */
#define TCPTRACE_F_SHUT_SND	(1u << 3)	/* SEND_SHUTDOWN */
#define TCPTRACE_F_V6ONLY	(1u << 4)	/* IPV6_V6ONLY */
#define TCPTRACE_F_FIN		(1u << 5)	/* the peer's FIN was received in sequence (SOCK_DONE) */
#define TCPTRACE_F_LINGER	(1u << 6)	/* SO_LINGER is on */
#define TCPTRACE_F_COOKIE_SYN	(1u << 7)	/* REQUEST ACKED: SYN cookie or fast open, no request was hashed */
#define TCPTRACE_F_MPTCP	(1u << 8)	/* a subflow of an MPTCP connection */
/* STATE LAST_ACK: whether the ACK of the peer's FIN had left; if not, it leaves with the FIN or with data before it */
#define TCPTRACE_F_ACKED	(1u << 9)
#define TCPTRACE_F_UNACKED	(1u << 10)
/* STATE: the FIN (FIN_WAIT1, LAST_ACK), or the third segment (ESTABLISHED, from SYN_SENT), may not be sent at once */
#define TCPTRACE_F_HELD		(1u << 11)
/* CONNECT: the SYN has ECE and CWR; REQUEST OPEN: so it has, and the SYN-ACK has ECE; STATE ESTABLISHED: this has */
#define TCPTRACE_F_ECN		(1u << 12)
/* CONNECT, STATE ESTABLISHED: restored by TCP_REPAIR, without any segment */
#define TCPTRACE_F_REPAIR	(1u << 13)
/* CONNECT, SNAPSHOT: its port was taken by bind(), so connect() does not choose it, whatever the destination */
#define TCPTRACE_F_BOUND	(1u << 18)

/* LISTEN, REQUEST, ACCEPT, DROP, and SNAPSHOT of a listener or a request socket */
struct tcptrace_listen {
	__u64	listener;	/* cookie of the listener; 0: unknown */
	__u32	backlog;	/* connections in the accept queue, without this one */
	__u32	backlog_max;	/* listen(2)'s backlog as clamped: full when backlog > backlog_max */
	__u32	syn_backlog;	/* request sockets in the SYN queue, without this one */
	__u32	retransmits;	/* retransmitted SYN-ACKs of this request */
	__u64	inode;		/* SNAPSHOT only: of the socket, as in /proc/PID/fd */
	__u32	uid;		/* SNAPSHOT only: owner, in the initial user namespace */
	__u32	reserved;
	__u64	reserved2;
};

/* STATE, CONNECT, SHUTDOWN, TIMEWAIT, and SNAPSHOT of any other full socket or of a timewait socket */
struct tcptrace_totals {
	__u64	bytes_in;	/* tcpi_bytes_received */
	__u64	bytes_out;	/* tcpi_bytes_acked */
	__u32	retransmits;	/* retransmitted segments, tcpi_total_retrans */
	__u32	timeout;	/* TIMEWAIT, SNAPSHOT of a timewait socket: time left on its timer, ms; else 0 */
	__u64	inode;		/* SNAPSHOT only */
	__u32	uid;		/* SNAPSHOT only */
	__u32	ooo;		/* segments received out of order, tcpi_rcv_ooopack */
	__u64	reserved;
};

/* SEND, RECV, ACK, WINDOW */
struct tcptrace_queue {
	__u32	bytes;		/* READ: read, 0: not known; ACK: newly acknowledged; else 0, see the sequence numbers */
	__u32	sndbuf;		/* sk_sndbuf */
	__u32	rcvbuf;		/* sk_rcvbuf */
	__u32	wmem;		/* memory of the send queue, sk_wmem_queued */
	__u32	rmem;		/* memory of the receive queue, sk_rmem_alloc */
	__u32	probes;		/* PROBE, KEEPALIVE: how many before are unanswered, icsk_probes_out */
	__u32	reserved[6];
};

/* DROP SEGMENT */
struct tcptrace_drop {
	__u32	seq;
	__u32	reason;		/* enum skb_drop_reason; numbers differ between kernels */
	__u16	flags;		/* byte 13 of the TCP header */
	__u16	reserved;
	char	name[32];	/* of the reason, without SKB_DROP_REASON_ */
	__u32	reserved2;
};

/* RETRANSMIT */
struct tcptrace_retransmit {
	__u32	seq;		/* SPURIOUS: 0, and so is len */
	__u32	len;
	__u32	segments;	/* how many, as RetransSegs counts them */
	__u32	total;		/* of this socket so far, tcpi_total_retrans */
	__u32	in_flight;	/* segments sent and not acknowledged, tcpi_unacked; of these */
	__u32	sacked;		/* tcpi_sacked */
	__u32	lost;		/* tcpi_lost */
	__u32	retransmitted;	/* tcpi_retrans */
	__u32	cwnd;		/* segments */
	__u32	ssthresh;	/* segments */
	__u32	rto;		/* ms */
	__u32	backoff;	/* how often the timer expired without an answer */
};

/* SEGMENT, RESET; sequence numbers absolute */
struct tcptrace_segment {
	__u32	seq;
	__u32	ack;
	__u32	len;		/* payload, without SYN and FIN */
	__u32	window;		/* unscaled as on the wire */
	__u16	flags;		/* byte 13 of the TCP header, RFC 9293 section 3.1 */
	__u16	mss;		/* option, 0: none */
	__u8	wscale;		/* option + 1, 0: none */
	__u8	out;		/* 1: sent, 0: received */
	__u16	sacks;		/* SACK option: how many blocks */
	__u32	reason;		/* RESET: enum sk_rst_reason + 1 where the kernel has one; 0: none */
	__u32	sack_from;	/* the first block: received last; a duplicate if below `ack` */
	__u32	sack_to;
	__u32	reserved2[3];
};

/* LOST, made by readers: what was lost between the records around it */
struct tcptrace_lost {
	__u64	overwritten;	/* before this reader read them */
	__u64	nested;		/* no slot on their CPU: an interrupted handler held it, or there was no ring */
	__u64	missed;		/* hits that kprobes missed (nmissed) since the reader started */
	__u64	unknown;	/* records of a type this reader does not know */
	__u64	events;		/* records read */
	__u64	reserved;
};

/*
 * One event, or the state of one socket. Each record can be understood alone.
 *
 * Addresses are 16 bytes in network order. IPv4 addresses are mapped (::ffff:a.b.c.d), so that one comparison serves
 * both families; `family` is that of the socket.
 *
 * The queue figures are those at the probed function, which docs/abi.md names for each type. Recv-Q and Send-Q follow
 * from them as in tcp_diag_get_info(); see `kind` and u.listen.
 */
struct tcptrace_record {
	__u64	position;	/* in its CPU's ring, from 1; 0 while being written. A checksum in recordings */
	__u64	time;		/* CLOCK_MONOTONIC, ns */
	__u64	cookie;		/* of the endpoint, from request or connect to the end of TIME_WAIT; 0: no socket */
	__u64	stamp;		/* when processing of the current segment or call began, ns (tcp_clock_cache):
				 * equal stamps of one endpoint mean one segment; 0: unknown
				 */
	__u8	saddr[TCPTRACE_ADDR_LEN];	/* this host's */
	__u8	daddr[TCPTRACE_ADDR_LEN];	/* the peer's */
	__u16	sport;
	__u16	dport;
	__u16	type;		/* enum tcptrace_type */
	__u16	cpu;
	__u32	netns;		/* inode of the network namespace */
	__u8	family;		/* AF_INET, AF_INET6 */
	__u8	kind;		/* enum tcptrace_kind */
	__u8	old_state;	/* enum tcptrace_state; equal to new_state where nothing changed */
	__u8	new_state;

	__u32	snd_una;	/* oldest unacknowledged */
	__u32	snd_nxt;	/* next to send */
	__u32	write_seq;	/* end of the send queue */
	__u32	rcv_nxt;	/* next expected */
	__u32	copied_seq;	/* next to be read by the application */
	__u32	snd_wnd;	/* the peer's window, bytes */
	__u32	rcv_wnd;	/* ours, as offered last, bytes (tcp_receive_window()) */
	__u32	flags;		/* TCPTRACE_F_ */

	__u32	pid;		/* thread group; 0: no task */
	__s32	error;		/* sk_err: errno, 0: none; TIMEWAIT KILLED: see there */
	char	comm[TCPTRACE_COMM_LEN];
	__u16	mss;		/* mss_cache; a request's: the peer's MSS option */
	__u8	op;		/* enum tcptrace_op */
	__u8	wscale;		/* ours << 4 | the peer's */
	__u32	ifindex;	/* bound device, 0: none */

	union {
		struct tcptrace_listen	listen;
		struct tcptrace_totals	totals;
		struct tcptrace_queue	queue;
		struct tcptrace_segment	segment;
		struct tcptrace_retransmit retransmit;
		struct tcptrace_drop	drop;
		struct tcptrace_lost	lost;
		__u8			bytes[48];
	} u;
};

/* First page of the mapping. Constant while the module is loaded. */
struct tcptrace_map {
	__u32	magic;		/* TCPTRACE_MAGIC */
	__u16	abi;		/* TCPTRACE_ABI */
	__u16	types_version;	/* TCPTRACE_TYPES_VERSION */
	__u32	record_size;	/* sizeof(struct tcptrace_record) */
	__u32	cpus;		/* rings, one for each possible CPU; see struct tcptrace_ring */
	__u32	slots;		/* records in a ring, a power of two */
	__u32	reserved;
	__u64	rings;		/* offset of the first ring from the start of the mapping, bytes */
	__u64	stride;		/* from one ring to the next, bytes */
	__u64	records;	/* from the start of a ring to its records, bytes */
	__u64	size;		/* of the whole mapping, bytes */
	__u64	boot;		/* random, chosen when the module is loaded */
};

/*
 * The head of one CPU's ring. `reserved` only grows. Position p (from 1) is in slot (p - 1) & (slots - 1).
 *
 * A reader at position p:
 *   1. Load `reserved` (acquire). If p > reserved, there is no record yet.
 *   2. If reserved - p >= slots, the record was overwritten: go on at reserved - slots + 1, and count those skipped.
 *   3. Load the slot's `position` (acquire).
 *      p: copy the record, then load `position` again (after a read barrier). If it still is p, the copy is whole.
 *      p | TCPTRACE_HOLE, whatever TCPTRACE_HELD is: the record was lost to nesting. Count it, and go on.
 *      Anything else: it is being written, or was overwritten. Start over at 1.
 *
 * While `reserved` is 0, do not touch the records of that CPU: it may have none, and then that is a SIGBUS. They are
 * allocated when the CPU is online and a reader wants something recorded, and stay as long as a file is open.
 *
 * Across CPUs: take CLOCK_MONOTONIC T, then each `reserved`. When all positions up to those have been read, so has
 * every record older than T, because a writer reserves its position before it takes the time.
 */
struct tcptrace_ring {
	__u64	reserved;	/* positions given out */
	__u64	lost;		/* records lost because there was no memory for them; only grows */
	__u64	pad[6];
};

#define TCPTRACE_HOLE		(1ull << 63)
#define TCPTRACE_HELD		(1ull << 62)	/* for writers: an interrupted handler still writes here */

/*
 * What a reader wants recorded. Written as a whole by one write(2); replaces the reader's previous filter; removed
 * when the file is closed. Before the first write a reader wants nothing.
 *
 * A record is made if its level is at most `level` and any clause matches (no clause: all records match). What other
 * readers want is recorded into the same rings, so a reader filters what it reads.
 *
 * Errors of write(2): EPERM the writer lacks the rights, see docs/abi.md; EINVAL size, level, clause or reserved
 * field out of range; E2BIG too many clauses; ENOSPC too many together with those of other readers; EBUSY
 * kernel.ftrace_enabled is 0, nothing would be seen; ESHUTDOWN kprobes are switched off
 * (/sys/kernel/debug/kprobes/enabled is 0), what is attached by kprobe would not be seen.
 *
 * Each reader has its own watermark and time for being woken. Values below a floor count as the floor: for records,
 * TCPTRACE_WAKE_RECORDS_MIN or slots / 4, whichever is less; for the time, TCPTRACE_WAKE_MS_EACH for each reader that
 * there is when the first record comes.
 */
struct tcptrace_filter {
	__u32	abi;		/* TCPTRACE_ABI */
	__u32	level;		/* enum tcptrace_level */
	__u32	clauses;	/* structs that follow, at most TCPTRACE_CLAUSES_MAX */
	__u32	wake_records;	/* poll(2) wakes after so many on one CPU, rounded up to a power of two; 0: slots / 4 */
	__u32	wake_ms;	/* or this long after the first one; 0: 10 */
	__u32	reserved[3];	/* 0 */
};

/* Limits. */
#define TCPTRACE_READERS_MAX	64	/* open files: EUSERS of open(2) */
#define TCPTRACE_CLAUSES_MAX	32	/* of one reader */
#define TCPTRACE_CLAUSES_IN_ALL	1024	/* of all readers */

#define TCPTRACE_WAKE_RECORDS_MIN	256
#define TCPTRACE_WAKE_MS_EACH		5

/* A clause matches if all its parts do. */
struct tcptrace_clause {
	__u8	saddr[TCPTRACE_ADDR_LEN];	/* prefix, IPv4 mapped; bits beyond the length are 0 */
	__u8	daddr[TCPTRACE_ADDR_LEN];
	__u8	saddr_len;	/* bits, 0: any; an IPv4 /8 is 96 + 8 */
	__u8	daddr_len;
	__u8	family;		/* AF_INET, AF_INET6, 0: any */
	__u8	reserved;	/* 0 */
	__u16	sport_min, sport_max;	/* inclusive; 0 and 65535: any */
	__u16	dport_min, dport_max;
	__u32	netns;		/* inode, 0: any */
	__u32	reserved2;	/* 0 */
	__u32	reserved3;	/* 0 */
	__u64	cgroup;		/* 0: any; else EINVAL: not yet */
};

#endif /* _UAPI_TCPTRACE_H */
