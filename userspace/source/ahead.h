/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record that can be told only together with the next one of its end: see record_fin_acked(). It is handed out once that
 * has come. The order of records stays: those behind it wait with it, for AHEAD_NS at most. All others pass as they are.
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
	bool known;		/* that the first one waits for nothing, or what for */
	bool ended;
	/* Of the record just handed out, if it is one of these: its end's next one. NULL: it has not come. Valid as long as that. */
	const struct tcptrace_record *next;
};

static inline bool ahead_waits(const struct ahead *ahead)
{
	return ahead->count;
}

/* Some record waits; or `record` came, and is the first that has to. */
int ahead_next_held(struct ahead *ahead, struct source *source, const struct tcptrace_record **record, bool came);

/* As source_next(). SOURCE_IDLE also where records wait: ahead_waits(), and then call again within AHEAD_NS. */
static inline int ahead_next(struct ahead *ahead, struct source *source, const struct tcptrace_record **record)
{
	int outcome;

	if (ahead->count)
		return ahead_next_held(ahead, source, record, false);
	ahead->next = NULL;
	outcome = source_next(source, record);
	if (outcome != SOURCE_RECORD || !record_fin_acked(*record))
		return outcome;
	return ahead_next_held(ahead, source, record, true);
}

#endif
