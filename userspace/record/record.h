/* SPDX-License-Identifier: GPL-2.0-only */
/* What a record says without anything beside it. */
#ifndef TCPTRACE_RECORD_H
#define TCPTRACE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "tcptrace.h"

/* From this TCPTRACE_TYPES_VERSION on there are RETRANSMIT and DROP. */
#define RECORD_TYPES_WITH_LOSS	2

/* Sequence numbers: a is behind b in the 32 bit circle. */
static inline bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* Of a listener: u.listen has its queues. */
static inline bool record_listens(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_LISTEN ||
	       (record->type == TCPTRACE_T_SNAPSHOT && record->new_state == TCPTRACE_S_LISTEN);
}

/* Has the queues of a connection. */
static inline bool record_full(const struct tcptrace_record *record)
{
	return record->kind == TCPTRACE_K_FULL && !record_listens(record);
}

/* Recv-Q and Send-Q as tcp_diag_get_info() and its kin have them: request and timewait sockets have none. */
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

/* Bytes in the receive queue: Recv-Q without the peer's FIN, which counts there until it is read. */
static inline uint32_t record_unread(const struct tcptrace_record *record)
{
	uint32_t queued = record_full(record) ? record_recvq(record) : 0;

	return queued && record->flags & TCPTRACE_F_FIN ? queued - 1 : queued;
}

/* SNAPSHOT: of the socket, as in /proc/PID/fd; 0: it has none. */
static inline uint64_t record_inode(const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_FULL)
		return 0;
	return record_listens(record) ? record->u.listen.inode : record->u.totals.inode;
}

/* SNAPSHOT: its owner, in the initial user namespace, as far as the kernel tells. */
static inline uint32_t record_uid(const struct tcptrace_record *record)
{
	if (record->kind != TCPTRACE_K_FULL)
		return 0;
	return record_listens(record) ? record->u.listen.uid : record->u.totals.uid;
}

/* What was lost in all, whatever the cause. */
static inline uint64_t record_lost(const struct tcptrace_lost *lost)
{
	return lost->overwritten + lost->nested + lost->missed + lost->unknown;
}

/* How much of a dropped segment's reason is a name: it may come from a damaged file. */
static inline unsigned int record_drop_name(const struct tcptrace_drop *drop)
{
	unsigned int i;

	for (i = 0; i < sizeof(drop->name); i++)
		if (!((drop->name[i] >= 'A' && drop->name[i] <= 'Z') || (drop->name[i] >= '0' && drop->name[i] <= '9') ||
		      drop->name[i] == '_'))
			break;
	return i;
}

/* u.totals holds a full socket's totals. */
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

/* It has u.queue, and tells what moved in a connection's queues: the way from its last counters to these. */
static inline bool record_has_queue(const struct tcptrace_record *record)
{
	const uint32_t types = 1u << TCPTRACE_T_SEND | 1u << TCPTRACE_T_RECV | 1u << TCPTRACE_T_ACK |
			       1u << TCPTRACE_T_WINDOW;

	return types & 1u << record->type;
}

/*
 * Tells of a segment that is sent or comes, from between the steps of a queue: what has come or was written by then, a record of type
 * RECV or SEND is yet to tell of.
 */
static inline bool record_beside(const struct tcptrace_record *record)
{
	const uint32_t types = 1u << TCPTRACE_T_SEGMENT | 1u << TCPTRACE_T_RETRANSMIT | 1u << TCPTRACE_T_DROP;

	return types & 1u << record->type;
}

/*
 * FIN_WAIT1 -> FIN_WAIT2, by the ACK of this side's FIN. The peer's FIN may be in the same segment: it is taken in behind
 * the ACK, so what tells is the endpoint's next record.
 */
static inline bool record_fin_acked(const struct tcptrace_record *record)
{
	return record->new_state == TCPTRACE_S_FIN_WAIT2 && record->type == TCPTRACE_T_STATE && record->stamp;
}

/* That next record: the segment was one and the same. `stamp`: the low half of the one before's. */
static inline bool record_fin_merged(const struct tcptrace_record *next, uint32_t stamp)
{
	return next->type == TCPTRACE_T_TIMEWAIT && next->op == TCPTRACE_OP_BEGIN &&
	       next->new_state == TCPTRACE_S_TIME_WAIT && next->stamp && (uint32_t)next->stamp == stamp;
}

/* The first that is heard of an endpoint: its creation. */
static inline bool record_begins(const struct tcptrace_record *record)
{
	switch (record->type) {
	case TCPTRACE_T_LISTEN:
		return record->new_state == TCPTRACE_S_LISTEN;
	case TCPTRACE_T_CONNECT:
		return true;
	case TCPTRACE_T_REQUEST:
		return record->op == TCPTRACE_OP_OPEN ||
		       (record->op == TCPTRACE_OP_ACKED && record->flags & TCPTRACE_F_COOKIE_SYN);
	default:
		return false;
	}
}

/* Room for any address or endpoint, no NUL. */
#define RECORD_ADDRESS_MAX	48	/* an IPv6 address with an IPv4 tail */
#define RECORD_ENDPOINT_MAX	(RECORD_ADDRESS_MAX + 8)

/* "10.0.0.1", "::1"; a mapped address of an IPv6 socket is "::ffff:10.0.0.1". Returns behind it. */
char *record_put_address(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN]);

/* With the port: "10.0.0.1:9090", "[::1]:9090". */
char *record_put_endpoint(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN],
			  uint16_t port);

/* "ECONNRESET"; "errno 999" where it has no name. */
char *record_put_error(char *p, int error);

#endif
