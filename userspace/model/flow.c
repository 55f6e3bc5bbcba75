// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/index_pool.h"
#include "model/flow.h"
#include "model/model_impl.h"
#include "record/record.h"

static struct index_pool flows = INDEX_POOL(sizeof(struct flow));

struct flow *flow_of(const struct end *end)
{
	return end->flow ? index_pool_at(&flows, end->flow) : NULL;
}

/* ---- the receive queue ---- */

/* What arrived after the oldest. Few ends have any: most data are read before more come. */
struct later {
	uint64_t arrived[FLOW_ARRIVALS - 1];
	uint32_t behind[FLOW_ARRIVALS - 1];
	uint32_t count;
};

static struct index_pool laters = INDEX_POOL(sizeof(struct later));

static struct later *later_of(const struct flow *flow)
{
	return flow->later ? index_pool_at(&laters, flow->later) : NULL;
}

/* The last one leaves no memory behind. */
static void drop_later(struct flow *flow, struct later *later, unsigned int at)
{
	unsigned int behind = --later->count - at;

	memmove(&later->arrived[at], &later->arrived[at + 1], behind * sizeof(later->arrived[0]));
	memmove(&later->behind[at], &later->behind[at + 1], behind * sizeof(later->behind[0]));
	if (later->count)
		return;
	index_pool_give(&laters, flow->later);
	flow->later = 0;
}

/* The two neighbours that are nearest in time become one. */
static void make_room(struct flow *flow, struct later *later)
{
	uint64_t nearest = later->arrived[0] - flow->arrived;
	unsigned int i, best = 0;

	for (i = 1; i < later->count; i++)
		if (later->arrived[i] - later->arrived[i - 1] < nearest) {
			nearest = later->arrived[i] - later->arrived[i - 1];
			best = i;
		}
	if (best)
		later->behind[best - 1] = later->behind[best];
	else
		flow->behind = later->behind[0];
	drop_later(flow, later, best);
}

static void add_arrival(struct flow *flow, uint32_t behind, uint64_t time)
{
	struct later *later;

	if (!flow->waits) {
		flow->waits = true;
		flow->arrived = time;
		flow->behind = behind;
		return;
	}
	if (!flow->later)
		flow->later = index_pool_take(&laters);
	later = later_of(flow);
	if (!later) {
		/* Without memory it is taken together with what waits. */
		flow->behind = behind;
		return;
	}
	if (later->count == FLOW_ARRIVALS - 1)
		make_room(flow, later);
	later->arrived[later->count] = time;
	later->behind[later->count++] = behind;
}

/* All of it was read. */
static void drop_oldest(struct flow *flow)
{
	struct later *later = later_of(flow);

	flow->waits = !!later;
	if (!later)
		return;
	flow->arrived = later->arrived[0];
	flow->behind = later->behind[0];
	drop_later(flow, later, 0);
}

/* The sequence number behind the data that came: a FIN is none. */
static inline uint32_t data_end(uint32_t rcv_nxt, bool fin)
{
	return rcv_nxt - fin;
}

static void note_arrival(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	bool had_fin = end->flags & END_FIN_COUNTED, fin = record->flags & TCPTRACE_F_FIN;
	uint32_t behind = data_end(figures_rcv_nxt(end, record), fin);

	if (seq_after(behind, data_end(end->rcv_nxt, had_fin)))
		add_arrival(flow, behind, record->time);
}

/* A look (MSG_PEEK) takes nothing, and a read may take a part of what came at once. */
static uint64_t note_read(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	uint64_t waited;

	if (!flow->waits || !seq_after(record->copied_seq, end->copied_seq))
		return UNKNOWN;
	waited = duration32_ns(duration32_of(record->time - flow->arrived));
	if (!flow->read || waited > duration32_ns(flow->delay))
		flow->delay = duration32_of(waited);
	flow->read = true;
	while (flow->waits && !seq_after(flow->behind, record->copied_seq))
		drop_oldest(flow);
	if (!flow->waits)
		flow->waited = waited;
	return waited;
}

uint64_t flow_oldest(const struct flow *flow, uint64_t time)
{
	return flow->waits && time >= flow->arrived ? time - flow->arrived : UNKNOWN;
}

uint64_t flow_longest(const struct flow *flow, uint64_t time)
{
	uint64_t waits = flow_oldest(flow, time), delay = duration32_ns(flow->delay);

	if (!flow->read)
		return waits;
	return waits != UNKNOWN && waits > delay ? waits : delay;
}

uint64_t flow_waited(const struct flow *flow)
{
	return flow->waits ? UNKNOWN : flow->waited;
}

/* ---- who waits for whom ---- */

/* What ends a read() on an empty queue: data, the peer's FIN, a RST or another end of it, the application itself. */
static bool wakes(const struct end *end, const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_SHUTDOWN)
		return record->op != TCPTRACE_OP_SHUT_WR;
	return seq_after(figures_rcv_nxt(end, record), end->rcv_nxt) || record->flags & TCPTRACE_F_FIN ||
	       record->new_state == TCPTRACE_S_CLOSE;
}

static void note_reader(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	if (flow->sleeps && wakes(end, record)) {
		flow->blocked += record->time;
		flow->sleeps = false;
	}
	if (record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_WAIT && !flow->sleeps) {
		flow->blocked -= record->time;
		flow->sleeps = true;
	}
}

uint64_t flow_blocked(const struct flow *flow)
{
	return flow->sleeps ? flow->blocked + flow->last : flow->blocked;
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

void flow_begin(struct end *end, const struct tcptrace_record *record)
{
	uint32_t behind = data_end(end->rcv_nxt, end->flags & END_FIN_COUNTED);
	struct flow *flow;

	end->flow = index_pool_take(&flows);
	flow = flow_of(end);
	if (!flow)
		return;
	flow->last = record->time;
	flow->waited = UNKNOWN;
	figures_written(end, end->write_seq);
	/* It has waited so long at least. Of an end that was seen whole it came just now, together with its FIN. */
	if (seq_after(behind, end->copied_seq))
		add_arrival(flow, behind, end->flags & END_SEEDED ? end->birth : record->time);
}

void flow_end(struct end *end)
{
	if (!end->flow)
		return;
	if (flow_of(end)->later)
		index_pool_give(&laters, flow_of(end)->later);
	index_pool_give(&flows, end->flow);
	end->flow = 0;
}

uint64_t flow_take(struct flow *flow, const struct end *end, const struct tcptrace_record *record)
{
	uint64_t waited = UNKNOWN;

	/* Times of one end never go back; those of a file may. */
	if (record->time < flow->last)
		return waited;
	/* Until then the numbers count nothing. */
	if (end->flags & END_SYNCED) {
		note_limit(flow, end, record);
		note_reader(flow, end, record);
		note_arrival(flow, end, record);
		waited = note_read(flow, end, record);
	}
	flow->last = record->time;
	return waited;
}

void flow_broken(struct flow *flow, uint64_t time)
{
	flow->blocked = flow_blocked(flow);
	flow->sleeps = false;
	if (time > flow->last)
		flow->last = time;
}
