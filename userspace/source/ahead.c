// SPDX-License-Identifier: GPL-2.0-only
#include "base/clock.h"
#include "source/ahead.h"

static const struct tcptrace_record *held(const struct ahead *ahead, unsigned int at)
{
	return &ahead->held[(ahead->first + at) % AHEAD_MAX];
}

/* Is it what the first one waits for? */
static void look_at(struct ahead *ahead, unsigned int at)
{
	const struct tcptrace_record *first = held(ahead, 0), *next = held(ahead, at);

	if (next->cookie != first->cookie || next->type == TCPTRACE_T_LOST)
		return;
	ahead->known = true;
	ahead->next = next;
}

/* Another one is the first. */
static void begin(struct ahead *ahead)
{
	unsigned int i;

	ahead->next = NULL;
	ahead->known = !record_fin_acked(held(ahead, 0));
	for (i = 1; i < ahead->count && !ahead->known; i++)
		look_at(ahead, i);
}

static void hold(struct ahead *ahead, const struct tcptrace_record *record)
{
	unsigned int at = ahead->count++;

	ahead->held[(ahead->first + at) % AHEAD_MAX] = *record;
	if (at && !ahead->known)
		look_at(ahead, at);
}

/* `time`: nothing older will come. */
static bool decided(const struct ahead *ahead, uint64_t time)
{
	return ahead->known || ahead->ended || ahead->count == AHEAD_MAX || time >= held(ahead, 0)->time + AHEAD_NS;
}

int ahead_next_held(struct ahead *ahead, struct source *source, const struct tcptrace_record **record, bool came)
{
	uint64_t time = 0;

	if (came)
		hold(ahead, *record);
	/* In between it was handed out, or it is the first that is held. */
	if (came || ahead->handed_out)
		begin(ahead);
	ahead->handed_out = false;
	while (!decided(ahead, time)) {
		int outcome = source_next(source, record);

		if (outcome == SOURCE_RECORD) {
			time = (*record)->time;
			hold(ahead, *record);
		} else if (outcome == SOURCE_END || outcome < 0) {
			/* An error comes again, behind what came before it. */
			ahead->ended = true;
		} else {
			time = clock_now();
			if (!decided(ahead, time))
				return outcome;
		}
	}
	*record = held(ahead, 0);
	ahead->first = (ahead->first + 1) % AHEAD_MAX;
	ahead->count--;
	ahead->handed_out = true;
	return SOURCE_RECORD;
}
