/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Some records can be shown only together with the next one of the same endpoint: see record_fin_acked(). Such a record
 * is held until the next one is there. The records behind it are held, too, so the order stays; for FIN_LOOKAHEAD_NS at
 * most. All others pass unchanged.
 */
#ifndef TCPTRACE_FIN_LOOKAHEAD_H
#define TCPTRACE_FIN_LOOKAHEAD_H

#include "source/source.h"
#include "tcptrace.h"

#define FIN_LOOKAHEAD_MAX	32	/* records held at a time */
/* Both are made in one run of the same CPU, which may be interrupted (a virtual CPU for 20 ms and more). */
#define FIN_LOOKAHEAD_NS	50000000ull

struct fin_lookahead {
	struct tcptrace_record held[FIN_LOOKAHEAD_MAX];
	unsigned int first, count;
	bool handed_out;	/* the last call returned the first of those held */
	bool known;		/* the first one waits for nothing, or its next one is here */
	bool ended;
	/* The next record of the endpoint of the record just handed out, if that was held; NULL: none yet. Valid as long as that. */
	const struct tcptrace_record *next;
};

static inline bool fin_lookahead_waits(const struct fin_lookahead *lookahead)
{
	return lookahead->count;
}

/* Records are held; or, if `arrived`, *record is the first that has to be. */
int fin_lookahead_next_held(struct fin_lookahead *lookahead, struct source *source,
			    const struct tcptrace_record **record, bool arrived);

/*
 * As source_next(). Also SOURCE_IDLE if records are held: then fin_lookahead_waits() is true, and the caller has to
 * call again within FIN_LOOKAHEAD_NS.
 */
static inline int fin_lookahead_next(struct fin_lookahead *lookahead, struct source *source,
				     const struct tcptrace_record **record)
{
	int outcome;

	if (lookahead->count)
		return fin_lookahead_next_held(lookahead, source, record, false);
	lookahead->next = NULL;
	outcome = source_next(source, record);
	if (outcome != SOURCE_RECORD || !record_fin_acked(*record))
		return outcome;
	return fin_lookahead_next_held(lookahead, source, record, true);
}

#endif
