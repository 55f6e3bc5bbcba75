// SPDX-License-Identifier: GPL-2.0-only
#include "ahead.h"
#include "stop.h"

static const struct tcptrace_record *held(const struct ahead *ahead, unsigned int at)
{
	return &ahead->held[(ahead->first + at) % AHEAD_MAX];
}

/* Is it known by now what the first one is? `time`: nothing older will come. */
static bool decided(struct ahead *ahead, uint64_t time)
{
	const struct tcptrace_record *first = held(ahead, 0);
	unsigned int i;

	ahead->merged = false;
	if (!ahead_asks(first))
		return true;
	for (i = 1; i < ahead->count; i++) {
		const struct tcptrace_record *next = held(ahead, i);

		if (next->cookie != first->cookie || next->type == TCPTRACE_T_LOST)
			continue;
		ahead->merged = next->type == TCPTRACE_T_TIMEWAIT && next->op == TCPTRACE_OP_BEGIN &&
				next->new_state == TCPTRACE_S_TIME_WAIT && next->stamp == first->stamp;
		return true;
	}
	return ahead->ended || ahead->count == AHEAD_MAX || time >= first->time + AHEAD_NS;
}

static void hold(struct ahead *ahead, const struct tcptrace_record *record)
{
	ahead->held[(ahead->first + ahead->count++) % AHEAD_MAX] = *record;
}

static int hand_out(struct ahead *ahead, const struct tcptrace_record **record)
{
	*record = held(ahead, 0);
	ahead->first = (ahead->first + 1) % AHEAD_MAX;
	ahead->count--;
	return SOURCE_RECORD;
}

int ahead_next_held(struct ahead *ahead, struct source *source, const struct tcptrace_record **record, bool came)
{
	uint64_t time = 0;

	if (came)
		hold(ahead, *record);
	while (!decided(ahead, time)) {
		int outcome = source_next(source, record);

		if (outcome == SOURCE_RECORD) {
			time = (*record)->time;
			hold(ahead, *record);
		} else if (outcome == SOURCE_END) {
			ahead->ended = true;
		} else {
			time = stop_now();
			if (outcome != SOURCE_IDLE || !decided(ahead, time))
				return outcome;
		}
	}
	return hand_out(ahead, record);
}
