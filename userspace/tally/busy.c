// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/queue_stats.h"
#include "tally/busy.h"

static const struct {
	char key;
	const char *word, *text;
} sorts[] = {
#define BUSY_NAME(name, key, word, text)	{ key, word, text },
	BUSY_SORTS(BUSY_NAME)
};

#define SORTS	((int)(sizeof(sorts) / sizeof(sorts[0])))

int busy_sort_of_key(int key)
{
	int i;

	for (i = 0; i < SORTS; i++)
		if (sorts[i].key == key)
			return i;
	return -1;
}

int busy_sort_of_word(const char *word)
{
	int i;

	for (i = 0; i < SORTS; i++)
		if (!strcmp(sorts[i].word, word))
			return i;
	return -1;
}

const char *busy_sort_name(enum busy_sort sort)
{
	return sorts[sort].text;
}

/* ---- an update ---- */

static bool room_for(struct busy *busy, uint32_t place)
{
	size_t before = busy->endpoint_room;

	if (place < before)
		return true;
	if (!array_reserve(busy->endpoints, busy->endpoint_room, (size_t)place + 1))
		return false;
	memset(busy->endpoints + before, 0, (busy->endpoint_room - before) * sizeof(*busy->endpoints));
	return true;
}

uint64_t busy_rate(uint64_t count, uint64_t ns)
{
	unsigned __int128 rate = (unsigned __int128)count * 1000000000 / ns;

	return rate < UNKNOWN ? rate : UNKNOWN - 1;
}

static uint64_t rate(uint64_t now, uint64_t before, uint64_t elapsed)
{
	return now > before ? busy_rate(now - before, elapsed) : 0;
}

/* One created since the previous update had nothing then. */
static void compare(struct busy_endpoint *one, const struct endpoint *ep, uint64_t last, uint64_t time)
{
	bool same = one->cookie == ep->cookie;
	bool created = !same && !(ep->flags & EP_PREEXISTING) && ep->created >= last;

	one->in = one->out = UNKNOWN;
	if (last && time > last && (same || created)) {
		one->in = rate(ep->bytes_in, same ? one->bytes_in : 0, time - last);
		one->out = rate(ep->bytes_out, same ? one->bytes_out : 0, time - last);
	}
	one->cookie = ep->cookie;
	one->bytes_in = ep->bytes_in;
	one->bytes_out = ep->bytes_out;
}

int busy_look(struct busy *busy, const struct model *model, uint64_t time)
{
	const struct endpoint *ep;
	uint32_t place = 0;

	while ((ep = model_next(model, &place))) {
		if (!room_for(busy, place))
			return -ENOMEM;
		compare(&busy->endpoints[place], ep, busy->time, time);
	}
	busy->time = time;
	return 0;
}

/* ---- the order ---- */

static inline uint64_t known(uint64_t value)
{
	return value == UNKNOWN ? 0 : value;
}

static uint64_t key_of(const struct busy_row *row, enum busy_sort sort)
{
	switch (sort) {
	case BUSY_RATE:		return known(row->in) + known(row->out);
	case BUSY_IN:		return known(row->in);
	case BUSY_OUT:		return known(row->out);
	case BUSY_RECVQ:	return endpoint_recvq(row->ep);
	/* For a listener, the maximum of its queue. */
	case BUSY_SENDQ:	return row->ep->state == TCPTRACE_S_LISTEN ? 0 : endpoint_sendq(row->ep);
	case BUSY_DELAY:	return known(row->delay);
	case BUSY_RETRANS:	return row->ep->retransmits;
	}
	return 0;
}

/* If the rates are equal, the one with the longer queues, then a stable order. */
static int by_key(const void *a, const void *b)
{
	const struct busy_row *one = a, *other = b;
	uint64_t queues, queues_other;

	if (one->key != other->key)
		return one->key > other->key ? -1 : 1;
	queues = (uint64_t)endpoint_recvq(one->ep) + endpoint_sendq(one->ep);
	queues_other = (uint64_t)endpoint_recvq(other->ep) + endpoint_sendq(other->ep);
	if (queues != queues_other)
		return queues > queues_other ? -1 : 1;
	return one->ep->cookie < other->ep->cookie ? -1 : one->ep->cookie > other->ep->cookie;
}

/* ---- rows ---- */

static struct busy_row *add_row(struct busy *busy)
{
	return array_reserve(busy->rows, busy->room, busy->count + 1) ? &busy->rows[busy->count++] : NULL;
}

/* Of the oldest unread byte; without any, of what was read last. */
static uint64_t delay_of(const struct endpoint *ep, uint64_t time)
{
	const struct queue_stats *stats = queue_stats_of(ep);
	uint64_t oldest = stats ? queue_stats_oldest(stats, time) : UNKNOWN;

	return oldest == UNKNOWN && stats ? queue_stats_waited(stats) : oldest;
}

int busy_choose(struct busy *busy, const struct model *model, busy_match match, void *arg, enum busy_sort sort,
		bool reverse)
{
	const struct endpoint *ep;
	uint32_t place = 0;

	busy->count = 0;
	while ((ep = model_next(model, &place))) {
		const struct busy_endpoint *one = &busy->endpoints[place];
		bool known = place < busy->endpoint_room && one->cookie == ep->cookie;
		struct busy_row *row;

		if (!match(ep, arg))
			continue;
		row = add_row(busy);
		if (!row)
			return -ENOMEM;
		row->ep = ep;
		row->in = known ? one->in : UNKNOWN;
		row->out = known ? one->out : UNKNOWN;
		row->delay = delay_of(ep, busy->time);
		row->key = reverse ? ~key_of(row, sort) : key_of(row, sort);
	}
	if (busy->count)
		qsort(busy->rows, busy->count, sizeof(*busy->rows), by_key);
	return 0;
}

void busy_free(struct busy *busy)
{
	free(busy->rows);
	free(busy->endpoints);
}
