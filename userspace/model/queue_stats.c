// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/index_pool.h"
#include "model/model_impl.h"
#include "model/queue_stats.h"
#include "record/record.h"

static struct index_pool all_stats = INDEX_POOL(sizeof(struct queue_stats));

struct queue_stats *queue_stats_of(const struct endpoint *ep)
{
	return ep->queue_stats ? index_pool_at(&all_stats, ep->queue_stats) : NULL;
}

/* ---- the receive queue ---- */

/* Arrivals after the oldest. Few endpoints have any: most data are read before more are received. */
struct later {
	uint64_t arrived[QUEUE_STATS_ARRIVALS - 1];
	uint32_t behind[QUEUE_STATS_ARRIVALS - 1];
	uint32_t count;
};

static struct index_pool laters = INDEX_POOL(sizeof(struct later));

static struct later *later_of(const struct queue_stats *stats)
{
	return stats->later ? index_pool_at(&laters, stats->later) : NULL;
}

/* The last one frees the memory. */
static void drop_later(struct queue_stats *stats, struct later *later, unsigned int at)
{
	unsigned int behind = --later->count - at;

	memmove(&later->arrived[at], &later->arrived[at + 1], behind * sizeof(later->arrived[0]));
	memmove(&later->behind[at], &later->behind[at + 1], behind * sizeof(later->behind[0]));
	if (later->count)
		return;
	index_pool_give(&laters, stats->later);
	stats->later = 0;
}

/* Joins the two neighbours that are nearest in time. */
static void make_room(struct queue_stats *stats, struct later *later)
{
	uint64_t nearest = later->arrived[0] - stats->arrived;
	unsigned int i, best = 0;

	for (i = 1; i < later->count; i++)
		if (later->arrived[i] - later->arrived[i - 1] < nearest) {
			nearest = later->arrived[i] - later->arrived[i - 1];
			best = i;
		}
	if (best)
		later->behind[best - 1] = later->behind[best];
	else
		stats->behind = later->behind[0];
	drop_later(stats, later, best);
}

static void add_arrival(struct queue_stats *stats, uint32_t behind, uint64_t time)
{
	struct later *later;

	if (!stats->waits) {
		stats->waits = true;
		stats->arrived = time;
		stats->behind = behind;
		return;
	}
	if (!stats->later)
		stats->later = index_pool_take(&laters);
	later = later_of(stats);
	if (!later) {
		/* Without memory it is joined with the last one. */
		stats->behind = behind;
		return;
	}
	if (later->count == QUEUE_STATS_ARRIVALS - 1)
		make_room(stats, later);
	later->arrived[later->count] = time;
	later->behind[later->count++] = behind;
}

/* All of the oldest arrival was read. */
static void drop_oldest(struct queue_stats *stats)
{
	struct later *later = later_of(stats);

	stats->waits = !!later;
	if (!later)
		return;
	stats->arrived = later->arrived[0];
	stats->behind = later->behind[0];
	drop_later(stats, later, 0);
}

/* The sequence number after the received data: the FIN is no data. */
static inline uint32_t data_end(uint32_t rcv_nxt, bool fin)
{
	return rcv_nxt - fin;
}

static void note_arrival(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record)
{
	bool had_fin = ep->flags & EP_FIN_COUNTED, fin = record->flags & TCPTRACE_F_FIN;
	uint32_t behind = data_end(counters_rcv_nxt(ep, record), fin);

	if (seq_after(behind, data_end(ep->rcv_nxt, had_fin)))
		add_arrival(stats, behind, record->time);
}

/* MSG_PEEK removes nothing, and a read may take part of an arrival. */
static uint64_t note_read(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record)
{
	uint64_t waited;

	if (!stats->waits || !seq_after(record->copied_seq, ep->copied_seq))
		return UNKNOWN;
	waited = duration32_ns(duration32_of(record->time - stats->arrived));
	if (!stats->read || waited > duration32_ns(stats->delay))
		stats->delay = duration32_of(waited);
	stats->read = true;
	while (stats->waits && !seq_after(stats->behind, record->copied_seq))
		drop_oldest(stats);
	if (!stats->waits)
		stats->waited = waited;
	return waited;
}

uint64_t queue_stats_oldest(const struct queue_stats *stats, uint64_t time)
{
	return stats->waits && time >= stats->arrived ? time - stats->arrived : UNKNOWN;
}

uint64_t queue_stats_longest(const struct queue_stats *stats, uint64_t time)
{
	uint64_t waits = queue_stats_oldest(stats, time), delay = duration32_ns(stats->delay);

	if (!stats->read)
		return waits;
	return waits != UNKNOWN && waits > delay ? waits : delay;
}

uint64_t queue_stats_waited(const struct queue_stats *stats)
{
	return stats->waits ? UNKNOWN : stats->waited;
}

/* ---- who waited for whom ---- */

/* What ends a read() on an empty queue: data, the peer's FIN, a RST, another way to end, or the application itself. */
static bool wakes(const struct endpoint *ep, const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_SHUTDOWN)
		return record->op != TCPTRACE_OP_SHUT_WR;
	return seq_after(counters_rcv_nxt(ep, record), ep->rcv_nxt) || record->flags & TCPTRACE_F_FIN ||
	       record->new_state == TCPTRACE_S_CLOSE;
}

static void note_reader(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record)
{
	if (stats->sleeps && wakes(ep, record)) {
		stats->blocked += record->time;
		stats->sleeps = false;
	}
	if (record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_WAIT && !stats->sleeps) {
		stats->blocked -= record->time;
		stats->sleeps = true;
	}
}

uint64_t queue_stats_blocked(const struct queue_stats *stats)
{
	return stats->sleeps ? stats->blocked + stats->last : stats->blocked;
}

/*
 * Attributes the time since the previous record: snd_nxt is as of now, all else as the previous record left it.
 * Whatever could change it makes a record: data written, an ACK, a window.
 */
static void note_limit(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record)
{
	int32_t unsent = ep->write_seq - record->snd_nxt;
	int32_t room = ep->snd_una + ep->snd_wnd - record->snd_nxt;
	int32_t segment = record->mss && record->mss < unsent ? record->mss : unsent;

	if (unsent <= 0)
		return;
	if (room < segment)
		stats->receiver_limited += record->time - stats->last;
	else
		stats->sender_limited += record->time - stats->last;
}

/* ---- records ---- */

void queue_stats_begin(struct endpoint *ep, const struct tcptrace_record *record)
{
	uint32_t behind = data_end(ep->rcv_nxt, ep->flags & EP_FIN_COUNTED);
	struct queue_stats *stats;

	ep->queue_stats = index_pool_take(&all_stats);
	stats = queue_stats_of(ep);
	if (!stats)
		return;
	stats->last = record->time;
	stats->waited = UNKNOWN;
	counters_written(ep, ep->write_seq);
	/*
	 * It has waited at least since then. If the endpoint was seen from its creation, it was received just now, with
	 * the FIN.
	 */
	if (seq_after(behind, ep->copied_seq))
		add_arrival(stats, behind, ep->flags & EP_PREEXISTING ? ep->created : record->time);
}

void queue_stats_end(struct endpoint *ep)
{
	if (!ep->queue_stats)
		return;
	if (queue_stats_of(ep)->later)
		index_pool_give(&laters, queue_stats_of(ep)->later);
	index_pool_give(&all_stats, ep->queue_stats);
	ep->queue_stats = 0;
}

uint64_t queue_stats_take(struct queue_stats *stats, const struct endpoint *ep, const struct tcptrace_record *record)
{
	uint64_t waited = UNKNOWN;

	/* Times of one endpoint never go back; those in a file may. */
	if (record->time < stats->last)
		return waited;
	/* Until then the numbers do not count data. */
	if (ep->flags & EP_SYNCED) {
		note_limit(stats, ep, record);
		note_reader(stats, ep, record);
		note_arrival(stats, ep, record);
		waited = note_read(stats, ep, record);
	}
	stats->last = record->time;
	return waited;
}

void queue_stats_sent(struct queue_stats *stats, bool in)
{
	if (!stats->asked) {
		stats->asked = true;
		stats->asked_in = in;
	} else if (in == stats->asked_in) {
		stats->answered = false;
	} else if (!stats->answered) {
		stats->answered = true;
		stats->requests++;
	}
}

void queue_stats_broken(struct queue_stats *stats, uint64_t time)
{
	stats->blocked = queue_stats_blocked(stats);
	stats->sleeps = false;
	if (time > stats->last)
		stats->last = time;
}
