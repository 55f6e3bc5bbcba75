// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "record.h"

/* ---- the receive queue ---- */

static void drop_arrival(struct flow *flow, unsigned int at)
{
	unsigned int behind = --flow->arrivals - at;

	memmove(&flow->arrived[at], &flow->arrived[at + 1], behind * sizeof(flow->arrived[0]));
	memmove(&flow->behind[at], &flow->behind[at + 1], behind * sizeof(flow->behind[0]));
}

/* The two neighbours that are nearest in time become one. */
static void make_room(struct flow *flow)
{
	unsigned int i, best = 1;

	for (i = 2; i < flow->arrivals; i++)
		if (flow->arrived[i] - flow->arrived[i - 1] < flow->arrived[best] - flow->arrived[best - 1])
			best = i;
	flow->behind[best - 1] = flow->behind[best];
	drop_arrival(flow, best);
}

static void add_arrival(struct flow *flow, uint32_t behind, uint64_t time)
{
	if (flow->arrivals == FLOW_ARRIVALS)
		make_room(flow);
	flow->arrived[flow->arrivals] = time;
	flow->behind[flow->arrivals++] = behind;
}

/* The sequence number behind the data that came: a FIN is none. */
static inline uint32_t data_end(uint32_t rcv_nxt, bool fin)
{
	return rcv_nxt - fin;
}

static void note_arrival(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	bool had_fin = end->flags & END_FIN_COUNTED, fin = record->flags & TCPTRACE_F_FIN;
	uint32_t behind = data_end(record->rcv_nxt, fin);

	if (seq_after(behind, data_end(end->rcv_nxt, had_fin)))
		add_arrival(flow, behind, record->time);
}

/* A look (MSG_PEEK) takes nothing, and a read may take a part of what came at once. */
static void note_read(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	unsigned int done = 0;

	flow->waited = MODEL_UNKNOWN;
	if (!seq_after(record->copied_seq, end->copied_seq) || !flow->arrivals)
		return;
	flow->waited = record->time - flow->arrived[0];
	flow->read = true;
	if (flow->waited > flow->delay)
		flow->delay = flow->waited;
	while (done < flow->arrivals && !seq_after(flow->behind[done], record->copied_seq))
		done++;
	while (done--)
		drop_arrival(flow, 0);
}

uint64_t flow_oldest(const struct flow *flow, uint64_t time)
{
	return flow->arrivals && time >= flow->arrived[0] ? time - flow->arrived[0] : MODEL_UNKNOWN;
}

/* ---- who waits for whom ---- */

/* What ends a read() on an empty queue: data, the peer's FIN, a RST or another end of it, the application itself. */
static bool wakes(const struct end *end, const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_SHUTDOWN)
		return record->op != TCPTRACE_OP_SHUT_WR;
	return seq_after(record->rcv_nxt, end->rcv_nxt) || record->flags & TCPTRACE_F_FIN ||
	       record->new_state == TCPTRACE_S_CLOSE;
}

static void note_reader(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	if (flow->blocked_since && wakes(end, record)) {
		flow->blocked += record->time - flow->blocked_since;
		flow->blocked_since = 0;
	}
	if (record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_WAIT && !flow->blocked_since)
		flow->blocked_since = record->time;
}

/*
 * The time since the record before, by how that time ended: snd_nxt is what it has come to, all else is as that
 * record left it. A record of this end comes with whatever could have changed it: data written, an ACK, a window.
 */
static void note_limit(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	int32_t unsent = end->write_seq - record->snd_nxt;
	int32_t room = end->snd_una + end->snd_wnd - record->snd_nxt;
	int32_t segment = record->mss && record->mss < unsent ? record->mss : unsent;

	if (unsent <= 0)
		return;
	if (room < segment)
		flow->receiver_limited += record->time - flow->last;
	else
		flow->sender_limited += record->time - flow->last;
}

/* ---- records ---- */

struct flow *flow_begin(const struct end *end, const struct tcptrace_record *record)
{
	struct flow *flow = calloc(1, sizeof(*flow));
	uint32_t behind = data_end(end->rcv_nxt, end->flags & END_FIN_COUNTED);

	if (!flow)
		return NULL;
	flow->last = record->time;
	flow->waited = MODEL_UNKNOWN;
	/* It has waited so long at least. Of an end that was seen whole it came just now, together with its FIN. */
	if (seq_after(behind, end->copied_seq))
		add_arrival(flow, behind, end->flags & END_SEEDED ? end->birth : record->time);
	return flow;
}

void flow_take(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	/* Times of one end never go back; those of a file may. */
	if (record->time < flow->last)
		return;
	/* Until then the numbers count nothing. */
	if (end->flags & END_SYNCED) {
		note_limit(flow, end, record);
		note_reader(flow, end, record);
		note_arrival(flow, end, record);
		note_read(flow, end, record);
	}
	flow->last = record->time;
}

void flow_broken(struct flow *flow, uint64_t time)
{
	flow->blocked_since = 0;
	if (time > flow->last)
		flow->last = time;
}
