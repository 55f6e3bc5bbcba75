/* SPDX-License-Identifier: GPL-2.0-only */
/* What a single record says. */
#ifndef TCPTRACE_RECORD_H
#define TCPTRACE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

/* RETRANSMIT and DROP exist since this TCPTRACE_TYPES_VERSION. */
#define RECORD_TYPES_WITH_LOSS	2

/* Sequence numbers, modulo 2^32: a is after b. */
static inline bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* It is of a listener: u.listen has its queues. */
static inline bool record_listens(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_LISTEN ||
	       (record->type == TCPTRACE_T_SNAPSHOT && record->new_state == TCPTRACE_S_LISTEN);
}

/* It has the queues of a connection. */
static inline bool record_full(const struct tcptrace_record *record)
{
	return record->kind == TCPTRACE_K_FULL && !record_listens(record);
}

/* Recv-Q and Send-Q as tcp_diag_get_info() computes them: request and timewait sockets have none. */
static inline uint32_t record_recvq(const struct tcptrace_record *record)
{
	int32_t queued = record->rcv_nxt - record->copied_seq;

	if (record_listens(record))
		return record->u.listen.backlog;
	return record->kind == TCPTRACE_K_FULL && queued > 0 ? queued : 0;
}

static inline uint32_t record_sendq(const struct tcptrace_record *record)
{
	if (record_listens(record))
		return record->u.listen.backlog_max;
	return record->kind == TCPTRACE_K_FULL ? record->write_seq - record->snd_una : 0;
}

/* The two parts of Send-Q. */
static inline uint32_t record_unsent(const struct tcptrace_record *record)
{
	return record_full(record) ? record->write_seq - record->snd_nxt : 0;
}

static inline uint32_t record_unacked(const struct tcptrace_record *record)
{
	return record_full(record) ? record->snd_nxt - record->snd_una : 0;
}

/* Bytes in the receive queue: Recv-Q without the peer's FIN, which is included there until it is read. */
static inline uint32_t record_unread(const struct tcptrace_record *record)
{
	uint32_t queued = record_full(record) ? record_recvq(record) : 0;

	return queued && record->flags & TCPTRACE_F_FIN ? queued - 1 : queued;
}

/* SNAPSHOT: the inode, as in /proc/PID/fd; 0: none. */
static inline uint64_t record_inode(const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_FULL)
		return 0;
	return record_listens(record) ? record->u.listen.inode : record->u.totals.inode;
}

/* SNAPSHOT: the owner's UID in the initial user namespace, if the kernel reports it. */
static inline uint32_t record_uid(const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_FULL)
		return 0;
	return record_listens(record) ? record->u.listen.uid : record->u.totals.uid;
}

/* All losses, whatever the reason. */
static inline uint64_t record_lost(const struct tcptrace_lost *lost)
{
	return lost->overwritten + lost->nested + lost->missed + lost->unknown;
}

/* The length of a dropped segment's reason if it is a name: a damaged file may contain anything. */
static inline unsigned int record_drop_name(const struct tcptrace_drop *drop)
{
	unsigned int i;

	for (i = 0; i < sizeof(drop->name); i++)
		if (!((drop->name[i] >= 'A' && drop->name[i] <= 'Z') || (drop->name[i] >= '0' && drop->name[i] <= '9') ||
		      drop->name[i] == '_'))
			break;
	return i;
}

/* u.totals has the totals of a full socket. */
static inline bool record_has_totals(const struct tcptrace_record *record)
{
	switch (record->type) {
	case TCPTRACE_T_STATE:
	case TCPTRACE_T_SHUTDOWN:
		return true;
	case TCPTRACE_T_TIMEWAIT:
		return record->op == TCPTRACE_OP_BEGIN;
	case TCPTRACE_T_SNAPSHOT:
		return record->kind == TCPTRACE_K_FULL && record->new_state != TCPTRACE_S_LISTEN;
	default:
		return false;
	}
}

/* It has u.queue and reports a change of a connection's queues, from the previous counters to these. */
static inline bool record_has_queue(const struct tcptrace_record *record)
{
	const uint32_t types = 1u << TCPTRACE_T_SEND | 1u << TCPTRACE_T_RECV | 1u << TCPTRACE_T_ACK |
			       1u << TCPTRACE_T_WINDOW;

	return types & 1u << record->type;
}

/*
 * Reports a segment in the middle of a change of a queue: data that was received or written by then is reported only by
 * a later record of type RECV or SEND.
 */
static inline bool record_beside(const struct tcptrace_record *record)
{
	const uint32_t types = 1u << TCPTRACE_T_SEGMENT | 1u << TCPTRACE_T_RETRANSMIT | 1u << TCPTRACE_T_DROP;

	return types & 1u << record->type;
}

/*
 * FIN_WAIT1 -> FIN_WAIT2, by the ACK of this side's FIN. The peer's FIN may be in the same segment: it is processed
 * after the ACK, so only the next record of the endpoint shows it.
 */
static inline bool record_fin_acked(const struct tcptrace_record *record)
{
	return record->new_state == TCPTRACE_S_FIN_WAIT2 && record->type == TCPTRACE_T_STATE && record->stamp;
}

/* With the peer's FIN, FIN_WAIT2 ends: in TIME_WAIT or, if there is no timewait socket left for it, in CLOSE. */
static inline bool record_second_fin(const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_TIMEWAIT)
		return record->op == TCPTRACE_OP_BEGIN && record->new_state == TCPTRACE_S_TIME_WAIT;
	return record->type == TCPTRACE_T_STATE && record->old_state == TCPTRACE_S_FIN_WAIT2 &&
	       record->new_state == TCPTRACE_S_CLOSE && record->flags & TCPTRACE_F_FIN && !record->error;
}

/* Whether that next record is of the same segment. `stamp`: the low half of the previous record's. */
static inline bool record_fin_merged(const struct tcptrace_record *next, uint32_t stamp)
{
	return record_second_fin(next) && next->stamp && (uint32_t)next->stamp == stamp;
}

/* How many bytes from snd_nxt on the peer's window has room for. */
static inline int32_t record_room(const struct tcptrace_record *record)
{
	return record->snd_una + record->snd_wnd - record->snd_nxt;
}

/* FIN_WAIT1, LAST_ACK: the FIN is sent at once. Otherwise it may wait: for data before it, or for a window. */
static inline bool record_fin_leaves(const struct tcptrace_record *record)
{
	return record->write_seq == record->snd_nxt && record_room(record) > 0 && !(record->flags & TCPTRACE_F_HELD);
}

/* LAST_ACK: whether the ACK of the peer's FIN leaves with this side's FIN, or before it. */
enum record_ack {
	RECORD_ACK_UNKNOWN,
	RECORD_ACK_MERGED,
	RECORD_ACK_ALONE,
};

static inline enum record_ack record_ack_of_fin(const struct tcptrace_record *record)
{
	uint32_t unsent = record->write_seq - record->snd_nxt;

	if (record->flags & TCPTRACE_F_ACKED)
		return RECORD_ACK_ALONE;
	if (!(record->flags & TCPTRACE_F_UNACKED) || (!unsent && !record_fin_leaves(record)))
		return RECORD_ACK_UNKNOWN;
	/* The last data is sent in the FIN's segment. */
	return unsent <= record->mss && record_room(record) > (int32_t)unsent ? RECORD_ACK_MERGED : RECORD_ACK_ALONE;
}

/* RECV READ: MPTCP has moved the data of a subflow to its connection's queue, where the application reads it. */
static inline bool record_read_by_mptcp(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_READ &&
	       record->flags & TCPTRACE_F_MPTCP && !record->pid;
}

/* REQUEST: the half-open connection ends. */
static inline bool record_ends_request(const struct tcptrace_record *record)
{
	switch (record->op) {
	case TCPTRACE_OP_TIMEDOUT:
	case TCPTRACE_OP_DROPPED:
	case TCPTRACE_OP_UNREACHABLE:
	case TCPTRACE_OP_DESTROYED:
		return true;
	default:
		return false;
	}
}

/*
 * SYN_SENT without a SYN: fast open may defer it until there is data, or connect() fails before. tcp_connect() makes a
 * difference of one.
 */
static inline bool record_syn_unsent(const struct tcptrace_record *record)
{
	return record->kind == TCPTRACE_K_FULL && record->old_state == TCPTRACE_S_SYN_SENT &&
	       record->snd_una == record->snd_nxt;
}

/* The first record of an endpoint: its creation. */
static inline bool record_begins(const struct tcptrace_record *record)
{
	switch (record->type) {
	case TCPTRACE_T_LISTEN:
		return record->new_state == TCPTRACE_S_LISTEN && record->old_state != TCPTRACE_S_LISTEN;
	case TCPTRACE_T_CONNECT:
		return record->op != TCPTRACE_OP_FAILED;
	case TCPTRACE_T_REQUEST:
		return record->op == TCPTRACE_OP_OPEN ||
		       (record->op == TCPTRACE_OP_ACKED && record->flags & TCPTRACE_F_COOKIE_SYN);
	default:
		return false;
	}
}

/* Not of a dropped segment that no socket is known of, nor of a connection that never came about. */
static inline bool record_has_state(const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_NONE)
		return true;
	return record->type != TCPTRACE_T_CONNECT &&
	       !(record->type == TCPTRACE_T_DROP && record->op == TCPTRACE_OP_SEGMENT);
}

/* Room for any address or endpoint, without a NUL. */
#define RECORD_ADDRESS_MAX	48	/* an IPv6 address with an IPv4 tail */
#define RECORD_ENDPOINT_MAX	(RECORD_ADDRESS_MAX + 8)

/* "10.0.0.1", "::1"; a mapped address of an IPv6 socket is "::ffff:10.0.0.1". Returns the position after it. */
char *record_put_address(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN]);

/* With the port: "10.0.0.1:9090", "[::1]:9090". */
char *record_put_endpoint(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN],
			  uint16_t port);

/* "ECONNRESET"; "errno 999" if it has no name. */
char *record_put_error(char *p, int error);

#endif
