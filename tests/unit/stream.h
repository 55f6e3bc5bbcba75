/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records made by hand as the module would make them: two endpoints of a connection on one host, and one function for
 * each thing that TCP does. Each moves the endpoints' sequence numbers as TCP would, and appends the records of the
 * probes, in order. Each returns its last record, which a test may modify.
 */
#ifndef TCPTRACE_STREAM_H
#define TCPTRACE_STREAM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tcptrace.h"

#define STREAM_MAX	512
#define US		1000ull
#define MS		1000000ull
#define SECOND		1000000000ull

/* One endpoint, as in its struct tcp_sock. */
struct stream_endpoint {
	uint64_t cookie;
	uint16_t sport, dport;
	uint32_t pid;
	const char *comm;
	uint32_t iss, irs;
	uint32_t snd_una, snd_nxt, write_seq, rcv_nxt, copied_seq;
	uint64_t bytes_in, bytes_out;
	uint32_t retransmits;
	uint32_t flags;
	uint8_t state;
	bool connects;
};

struct stream {
	struct tcptrace_record records[STREAM_MAX];
	unsigned int count;
	uint64_t time;
	struct stream_endpoint client, server, listener;
};

static inline void stream_begin(struct stream *stream)
{
	memset(stream, 0, sizeof(*stream));
	stream->time = SECOND;
	stream->client = (struct stream_endpoint){
		.cookie = 101, .sport = 45678, .dport = 9090, .pid = 1001, .comm = "client",
		.iss = 4294967290u, .state = TCPTRACE_S_CLOSE, .connects = true,
	};
	stream->server = (struct stream_endpoint){
		.cookie = 102, .sport = 9090, .dport = 45678, .pid = 2002, .comm = "server",
		.iss = 500000, .state = TCPTRACE_S_LISTEN,
	};
	stream->listener = (struct stream_endpoint){
		.cookie = 100, .sport = 9090, .pid = 2002, .comm = "server",
		.state = TCPTRACE_S_CLOSE,
	};
}

/* A record of `side` as it is, 10 us after the previous one. */
static inline struct tcptrace_record *stream_add(struct stream *stream, const struct stream_endpoint *side,
						 enum tcptrace_type type, uint8_t op)
{
	struct tcptrace_record *record = &stream->records[stream->count++];

	if (stream->count > STREAM_MAX)
		abort();
	stream->time += 10 * US;
	*record = (struct tcptrace_record){
		.time = stream->time,
		.cookie = side->cookie,
		.stamp = stream->time,
		.saddr = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
		.sport = side->sport,
		.dport = side->dport,
		.type = type,
		.op = op,
		.netns = 4026531840u,
		.family = AF_INET,
		.kind = TCPTRACE_K_FULL,
		.old_state = side->state,
		.new_state = side->state,
		.snd_una = side->snd_una,
		.snd_nxt = side->snd_nxt,
		.write_seq = side->write_seq,
		.rcv_nxt = side->rcv_nxt,
		.copied_seq = side->copied_seq,
		.snd_wnd = 65536,
		.rcv_wnd = 65536,
		.wscale = 0x77,
		.mss = 32741,
		.flags = side->flags,
	};
	memcpy(record->daddr, record->saddr, sizeof(record->daddr));
	return record;
}

static inline struct tcptrace_record *by_task(struct tcptrace_record *record, const struct stream_endpoint *side)
{
	record->pid = side->pid;
	record->flags |= TCPTRACE_F_TASK;
	strncpy(record->comm, side->comm, sizeof(record->comm) - 1);
	return record;
}

static inline struct tcptrace_record *with_totals(struct tcptrace_record *record,
						  const struct stream_endpoint *side)
{
	record->u.totals.bytes_in = side->bytes_in;
	record->u.totals.bytes_out = side->bytes_out;
	record->u.totals.retransmits = side->retransmits;
	return record;
}

/* tcp_set_state() */
static inline struct tcptrace_record *to_state(struct stream *stream, struct stream_endpoint *side, uint8_t state)
{
	struct tcptrace_record *record = stream_add(stream, side, TCPTRACE_T_STATE, 0);

	record->new_state = state;
	side->state = state;
	return with_totals(record, side);
}

static inline void about_listener(struct tcptrace_record *record, uint32_t backlog)
{
	memset(&record->u, 0, sizeof(record->u));
	record->u.listen.listener = 100;
	record->u.listen.backlog = backlog;
	record->u.listen.backlog_max = 10;
}

/* ---- the handshake ---- */

static inline struct tcptrace_record *listen_begins(struct stream *stream)
{
	struct stream_endpoint *side = &stream->listener;
	struct tcptrace_record *record = by_task(stream_add(stream, side, TCPTRACE_T_LISTEN, 0), side);

	memset(record->daddr, 0, sizeof(record->daddr));
	record->new_state = side->state = TCPTRACE_S_LISTEN;
	about_listener(record, 0);
	return record;
}

/* listen() once more, with another backlog */
static inline struct tcptrace_record *listens_again(struct stream *stream, uint32_t backlog_max)
{
	struct stream_endpoint *side = &stream->listener;
	struct tcptrace_record *record = by_task(stream_add(stream, side, TCPTRACE_T_LISTEN, 0), side);

	memset(record->daddr, 0, sizeof(record->daddr));
	about_listener(record, 0);
	record->u.listen.backlog_max = backlog_max;
	return record;
}

static inline struct tcptrace_record *listen_ends(struct stream *stream)
{
	struct stream_endpoint *side = &stream->listener;
	struct tcptrace_record *record = by_task(stream_add(stream, side, TCPTRACE_T_LISTEN, 0), side);

	memset(record->daddr, 0, sizeof(record->daddr));
	record->new_state = side->state = TCPTRACE_S_CLOSE;
	/* As after close(). */
	record->flags |= TCPTRACE_F_SHUT_RCV | TCPTRACE_F_SHUT_SND;
	about_listener(record, 0);
	return record;
}

/* connect() of either endpoint */
static inline struct tcptrace_record *connects(struct stream *stream, struct stream_endpoint *side)
{
	struct tcptrace_record *record;

	side->snd_una = side->snd_nxt = side->write_seq = side->iss;
	side->rcv_nxt = side->copied_seq = 0;
	side->state = TCPTRACE_S_SYN_SENT;
	record = by_task(stream_add(stream, side, TCPTRACE_T_CONNECT, 0), side);
	record->old_state = TCPTRACE_S_CLOSE;
	side->snd_nxt = side->write_seq = side->iss + 1;
	return record;
}

static inline struct tcptrace_record *request(struct stream *stream, uint8_t op, uint8_t old, uint8_t new)
{
	struct stream_endpoint *side = &stream->server;
	struct tcptrace_record *record;

	side->irs = stream->client.iss;
	record = stream_add(stream, side, TCPTRACE_T_REQUEST, op);
	record->kind = TCPTRACE_K_REQUEST;
	record->old_state = old;
	record->new_state = side->state = new;
	record->snd_una = side->iss;
	record->snd_nxt = record->write_seq = side->iss + 1;
	record->rcv_nxt = record->copied_seq = side->irs + 1;
	record->mss = 65495;
	about_listener(record, 0);
	return record;
}

static inline struct tcptrace_record *syn_arrives(struct stream *stream)
{
	return request(stream, TCPTRACE_OP_OPEN, TCPTRACE_S_LISTEN, TCPTRACE_S_SYN_RECV);
}

static inline struct tcptrace_record *syn_ack_arrives(struct stream *stream)
{
	struct stream_endpoint *side = &stream->client;

	side->irs = stream->server.iss;
	side->rcv_nxt = side->copied_seq = side->irs + 1;
	side->snd_una = side->iss + 1;
	side->bytes_out = 1;	/* the kernel counts the SYN of an endpoint that connects */
	return to_state(stream, side, TCPTRACE_S_ESTABLISHED);
}

static inline struct tcptrace_record *ack_arrives(struct stream *stream)
{
	struct stream_endpoint *side = &stream->server;
	struct tcptrace_record *record;

	side->snd_una = side->snd_nxt = side->write_seq = side->iss + 1;
	side->rcv_nxt = side->copied_seq = side->irs + 1;
	record = stream_add(stream, side, TCPTRACE_T_REQUEST, TCPTRACE_OP_ACKED);
	about_listener(record, 0);
	return to_state(stream, side, TCPTRACE_S_ESTABLISHED);
}

static inline struct tcptrace_record *accepts(struct stream *stream)
{
	struct stream_endpoint *side = &stream->server;
	struct tcptrace_record *record = by_task(stream_add(stream, side, TCPTRACE_T_ACCEPT, 0), side);

	about_listener(record, 1);
	return record;
}

static inline void handshake(struct stream *stream)
{
	connects(stream, &stream->client);
	syn_arrives(stream);
	syn_ack_arrives(stream);
	ack_arrives(stream);
	accepts(stream);
}

/* ---- data ---- */

static inline struct stream_endpoint *other(struct stream *stream, const struct stream_endpoint *side)
{
	return side == &stream->client ? &stream->server : &stream->client;
}

/* From one to the other and acknowledged, read or not; without records, as at level life. */
static inline void moves(struct stream *stream, struct stream_endpoint *from, uint32_t bytes, bool read)
{
	struct stream_endpoint *to = other(stream, from);

	from->write_seq += bytes;
	from->snd_nxt += bytes;
	from->snd_una += bytes;
	from->bytes_out += bytes;
	to->rcv_nxt += bytes;
	to->bytes_in += bytes;
	if (read)
		to->copied_seq += bytes;
}

static inline struct tcptrace_record *queue(struct stream *stream, struct stream_endpoint *side, uint16_t type,
					    uint8_t op, uint32_t bytes)
{
	struct tcptrace_record *record = stream_add(stream, side, type, op);

	record->u.queue.bytes = bytes;
	return record;
}

/* The same with the records of level queue. */
static inline void sends(struct stream *stream, struct stream_endpoint *from, uint32_t bytes)
{
	struct stream_endpoint *to = other(stream, from);

	from->write_seq += bytes;
	by_task(queue(stream, from, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), from);
	from->snd_nxt += bytes;
	to->rcv_nxt += bytes;
	to->bytes_in += bytes;
	queue(stream, to, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	to->copied_seq += bytes;
	by_task(queue(stream, to, TCPTRACE_T_RECV, TCPTRACE_OP_READ, bytes), to);
	from->snd_una += bytes;
	from->bytes_out += bytes;
	queue(stream, from, TCPTRACE_T_ACK, 0, bytes);
}

/* ---- closing ---- */

static inline struct tcptrace_record *shuts(struct stream *stream, struct stream_endpoint *side, uint8_t op)
{
	return with_totals(by_task(stream_add(stream, side, TCPTRACE_T_SHUTDOWN, op), side), side);
}

/* close() or shutdown() that sends a FIN */
static inline struct tcptrace_record *sends_fin(struct stream *stream, struct stream_endpoint *side, uint8_t op)
{
	struct tcptrace_record *record;

	shuts(stream, side, op);
	record = by_task(to_state(stream, side, side->state == TCPTRACE_S_CLOSE_WAIT ?
				  TCPTRACE_S_LAST_ACK : TCPTRACE_S_FIN_WAIT1), side);
	side->write_seq++;
	side->snd_nxt++;
	return record;
}

static inline struct tcptrace_record *fin_arrives(struct stream *stream, struct stream_endpoint *side, uint8_t state)
{
	side->rcv_nxt++;
	side->bytes_in++;
	side->flags |= TCPTRACE_F_FIN;
	return to_state(stream, side, state);
}

static inline struct tcptrace_record *fin_is_acked(struct stream *stream, struct stream_endpoint *side, uint8_t state)
{
	side->snd_una = side->snd_nxt;
	side->bytes_out++;
	return to_state(stream, side, state);
}

static inline struct tcptrace_record *timewait(struct stream *stream, struct stream_endpoint *side, uint8_t op,
					       uint8_t old, uint8_t new, uint32_t timeout)
{
	struct tcptrace_record *record = stream_add(stream, side, TCPTRACE_T_TIMEWAIT, op);

	record->kind = TCPTRACE_K_TIMEWAIT;
	record->old_state = old;
	record->new_state = new;
	if (op == TCPTRACE_OP_BEGIN)
		with_totals(record, side);
	record->u.totals.timeout = timeout;
	return record;
}

/* From FIN_WAIT2 or CLOSING; then the full socket changes to CLOSE. */
static inline struct tcptrace_record *enters_time_wait(struct stream *stream, struct stream_endpoint *side)
{
	struct tcptrace_record *record;

	if (side->state == TCPTRACE_S_FIN_WAIT2) {
		side->rcv_nxt++;
		side->bytes_in++;
		side->flags |= TCPTRACE_F_FIN;
	} else {
		side->snd_una = side->snd_nxt;
		side->bytes_out++;
	}
	record = timewait(stream, side, TCPTRACE_OP_BEGIN, side->state, TCPTRACE_S_TIME_WAIT, 60000);
	to_state(stream, side, TCPTRACE_S_CLOSE);
	return record;
}

static inline struct tcptrace_record *time_wait_ends(struct stream *stream, struct stream_endpoint *side)
{
	stream->time += 60 * SECOND;
	return timewait(stream, side, TCPTRACE_OP_END, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_CLOSE, 0);
}

/* One after the other, `first` first, without the end of TIME_WAIT. */
static inline void four_way(struct stream *stream, struct stream_endpoint *first)
{
	struct stream_endpoint *second = other(stream, first);

	sends_fin(stream, first, TCPTRACE_OP_CLOSE);
	fin_arrives(stream, second, TCPTRACE_S_CLOSE_WAIT);
	fin_is_acked(stream, first, TCPTRACE_S_FIN_WAIT2);
	stream->time += MS;
	sends_fin(stream, second, TCPTRACE_OP_CLOSE);
	enters_time_wait(stream, first);
	fin_is_acked(stream, second, TCPTRACE_S_CLOSE);
}

static inline struct tcptrace_record *reset(struct stream *stream, const struct stream_endpoint *side, uint8_t op)
{
	struct tcptrace_record *record = stream_add(stream, side, TCPTRACE_T_RESET, op);

	record->u.segment.flags = op == TCPTRACE_OP_RECEIVED ? 0x04 : 0x14;
	record->u.segment.out = op != TCPTRACE_OP_RECEIVED;
	record->u.segment.seq = side->snd_nxt;
	record->u.segment.ack = side->rcv_nxt;
	return record;
}

/* To a segment without a socket; the tuple is from the local endpoint. */
static inline struct tcptrace_record *refusal(struct stream *stream, const struct stream_endpoint *side)
{
	struct tcptrace_record *record = reset(stream, side, TCPTRACE_OP_REPLIED);

	record->cookie = 0;
	record->kind = TCPTRACE_K_NONE;
	record->old_state = record->new_state = TCPTRACE_S_CLOSE;
	record->u.segment.seq = 0;
	record->u.segment.ack = stream->client.iss + 1;
	return record;
}

static inline struct tcptrace_record *lost(struct stream *stream, uint64_t overwritten)
{
	struct tcptrace_record *record = &stream->records[stream->count++];

	stream->time += 10 * US;
	*record = (struct tcptrace_record){
		.type = TCPTRACE_T_LOST,
		.time = stream->time,
		.u.lost.overwritten = overwritten,
	};
	return record;
}

/* A socket as it is; the time is taken after its fields were read. */
static inline struct tcptrace_record *snapshot(struct stream *stream, const struct stream_endpoint *side, uint8_t kind)
{
	struct tcptrace_record *record = stream_add(stream, side, TCPTRACE_T_SNAPSHOT, 0);

	record->kind = kind;
	if (kind == TCPTRACE_K_FULL)
		with_totals(record, side);
	return record;
}

#endif
