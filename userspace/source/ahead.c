// SPDX-License-Identifier: GPL-2.0-only
#include "base/clock.h"
#include "source/ahead.h"

static const struct tcptrace_record *held(const struct ahead *ahead, unsigned int at)
{
	return &ahead->held[(ahead->first + at) % AHEAD_MAX];
}

/* What the first one waits for: the next record of its end. */
static void look_at(struct ahead *ahead, const struct tcptrace_record *next)
{
	const struct tcptrace_record *first = held(ahead, 0);

	if (next->cookie != first->cookie || next->type == TCPTRACE_T_LOST)
		return;
	ahead->known = true;
	ahead->merged = next->type == TCPTRACE_T_TIMEWAIT && next->op == TCPTRACE_OP_BEGIN &&
			next->new_state == TCPTRACE_S_TIME_WAIT && next->stamp == first->stamp;
}

/* Another one is the first. */
static void begin(struct ahead *ahead)
{
	unsigned int i;

	ahead->merged = false;
	ahead->known = !ahead_asks(held(ahead, 0));
	for (i = 1; i < ahead->count && !ahead->known; i++)
		look_at(ahead, held(ahead, i));
}

static void hold(struct ahead *ahead, const struct tcptrace_record *record)
{
	if (ahead->count && !ahead->known)
		look_at(ahead, record);
	ahead->held[(ahead->first + ahead->count++) % AHEAD_MAX] = *record;
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
