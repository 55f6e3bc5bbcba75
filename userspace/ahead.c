// SPDX-License-Identifier: GPL-2.0-only
#include "ahead.h"
#include "stop.h"

static inline bool asks(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_STATE && record->new_state == TCPTRACE_S_FIN_WAIT2 && record->stamp;
}

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
	if (!asks(first))
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

static int hand_out(struct ahead *ahead, const struct tcptrace_record **record)
{
	*record = held(ahead, 0);
	ahead->first = (ahead->first + 1) % AHEAD_MAX;
	ahead->count--;
	return SOURCE_RECORD;
}

int ahead_next(struct ahead *ahead, struct source *source, const struct tcptrace_record **record)
{
	uint64_t time = 0;

	for (;;) {
		int outcome;

		if (ahead->count && decided(ahead, time))
			return hand_out(ahead, record);
		outcome = source_next(source, record);
		if (outcome == SOURCE_RECORD && !ahead->count && !asks(*record)) {
			ahead->merged = false;
			return outcome;
		}
		if (outcome == SOURCE_RECORD) {
			time = (*record)->time;
			ahead->held[(ahead->first + ahead->count++) % AHEAD_MAX] = **record;
		} else if (outcome == SOURCE_END && ahead->count) {
			ahead->ended = true;
		} else if (outcome != SOURCE_IDLE || !ahead->count || !decided(ahead, stop_now())) {
			return outcome;
		} else {
			return hand_out(ahead, record);
		}
	}
}
