/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record that can be told only together with what follows: FIN_WAIT1 -> FIN_WAIT2 is changed by an ACK, and whether
 * the peer's FIN is in the same segment is said by the next record of the same end, TIMEWAIT BEGIN with the same stamp.
 * The order of records stays: those behind it wait with it, for AHEAD_NS at most. All others pass as they are.
 */
#ifndef TCPTRACE_AHEAD_H
#define TCPTRACE_AHEAD_H

#include "source/source.h"
#include "tcptrace.h"

#define AHEAD_MAX	32		/* records that wait at once */
/* Both are made in one run of the same CPU, which may be interrupted (a virtual CPU for 20 ms and more). */
#define AHEAD_NS	50000000ull

struct ahead {
	struct tcptrace_record held[AHEAD_MAX];
	unsigned int first, count;
	bool handed_out;	/* the first one of those held before, with the last call */
	bool known;		/* what the first one is */
	bool ended;
	bool merged;		/* the record just handed out: the same segment brought the peer's FIN */
};

static inline bool ahead_waits(const struct ahead *ahead)
{
	return ahead->count;
}

static inline bool ahead_asks(const struct tcptrace_record *record)
{
	return record->new_state == TCPTRACE_S_FIN_WAIT2 && record->type == TCPTRACE_T_STATE && record->stamp;
}

/* Some record waits; or `record` came, and is the first that has to. */
int ahead_next_held(struct ahead *ahead, struct source *source, const struct tcptrace_record **record, bool came);

/* As source_next(). SOURCE_IDLE also where records wait: ahead_waits(), and then call again within AHEAD_NS. */
static inline int ahead_next(struct ahead *ahead, struct source *source, const struct tcptrace_record **record)
{
	int outcome;

	if (ahead->count)
		return ahead_next_held(ahead, source, record, false);
	ahead->merged = false;
	outcome = source_next(source, record);
	if (outcome != SOURCE_RECORD || !ahead_asks(*record))
		return outcome;
	return ahead_next_held(ahead, source, record, true);
}

#endif
