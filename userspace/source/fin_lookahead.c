// SPDX-License-Identifier: GPL-2.0-only
#include "base/clock.h"
#include "source/fin_lookahead.h"

static const struct tcptrace_record *held(const struct fin_lookahead *lookahead, unsigned int at)
{
	return &lookahead->held[(lookahead->first + at) % FIN_LOOKAHEAD_MAX];
}

/* Is it the one that the first is held for? */
static void look_at(struct fin_lookahead *lookahead, unsigned int at)
{
	const struct tcptrace_record *first = held(lookahead, 0), *next = held(lookahead, at);

	if (next->cookie != first->cookie || next->type == TCPTRACE_T_LOST)
		return;
	/* The ACK of the peer's FIN is sent before the timewait socket begins. */
	if (next->type == TCPTRACE_T_SEGMENT && next->u.segment.out)
		return;
	lookahead->known = true;
	lookahead->next = next;
}

/* Another record is the first now. */
static void begin(struct fin_lookahead *lookahead)
{
	unsigned int i;

	lookahead->next = NULL;
	lookahead->known = !record_fin_acked(held(lookahead, 0));
	for (i = 1; i < lookahead->count && !lookahead->known; i++)
		look_at(lookahead, i);
}

static void hold(struct fin_lookahead *lookahead, const struct tcptrace_record *record)
{
	unsigned int at = lookahead->count++;

	lookahead->held[(lookahead->first + at) % FIN_LOOKAHEAD_MAX] = *record;
	if (at && !lookahead->known)
		look_at(lookahead, at);
}

/* `time`: no older record will be returned. */
static bool decided(const struct fin_lookahead *lookahead, uint64_t time)
{
	return lookahead->known || lookahead->ended || lookahead->count == FIN_LOOKAHEAD_MAX ||
	       time >= held(lookahead, 0)->time + FIN_LOOKAHEAD_NS;
}

int fin_lookahead_next_held(struct fin_lookahead *lookahead, struct source *source,
			    const struct tcptrace_record **record, bool arrived)
{
	uint64_t time = 0;

	if (arrived)
		hold(lookahead, *record);
	/* The previous call returned the first one, or there was none before. */
	if (arrived || lookahead->handed_out)
		begin(lookahead);
	lookahead->handed_out = false;
	while (!decided(lookahead, time)) {
		int outcome = source_next(source, record);

		if (outcome == SOURCE_RECORD) {
			time = (*record)->time;
			hold(lookahead, *record);
		} else if (outcome == SOURCE_END || outcome < 0) {
			/* An error is returned again, after the records before it. */
			lookahead->ended = true;
		} else {
			time = clock_now();
			if (!decided(lookahead, time))
				return outcome;
		}
	}
	*record = held(lookahead, 0);
	lookahead->first = (lookahead->first + 1) % FIN_LOOKAHEAD_MAX;
	lookahead->count--;
	lookahead->handed_out = true;
	return SOURCE_RECORD;
}
