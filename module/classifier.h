/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether any of many clauses matches a tuple: the bit vectors of Lakshman and Stiliadis, "High-speed policy-based
 * packet forwarding using efficient multi-dimensional range matching" (SIGCOMM 1998).
 *
 * Each part of a clause is a range of one field; a prefix is one, too. The bounds of all ranges cut a field into
 * intervals, and each interval has a vector: one bit for each clause whose range covers it. A lookup finds the
 * interval of each field by binary search and ANDs their vectors. With n different clauses that is six searches of at
 * most log2(2n + 1) steps, and n/64 words of each vector, whatever the clauses are.
 *
 * Plain memory without locks: built once, then constant. The unit tests compile it, too.
 */
#ifndef TCPTRACE_CLASSIFIER_H
#define TCPTRACE_CLASSIFIER_H

#include <linux/types.h>

#include "key.h"
#include "uapi/tcptrace.h"

/* A clause, and the level that its reader wants of what it matches. */
struct tcptrace_rule {
	u32 level;
	struct tcptrace_clause clause;
};

enum tcptrace_field {
	TCPTRACE_FIELD_SPORT,
	TCPTRACE_FIELD_DPORT,
	TCPTRACE_FIELD_NETNS,
	TCPTRACE_FIELD_FAMILY,
	TCPTRACE_FIELD_SADDR,	/* wide from here on */
	TCPTRACE_FIELD_DADDR,
	TCPTRACE_FIELDS
};

/* An address as a number. */
struct tcptrace_wide {
	u64 high;
	u64 low;
};

struct tcptrace_intervals {
	u32 bounds;		/* number of intervals - 1: the first begins at 0 */
	union {			/* where each of the others begins, ascending */
		const u32 *narrow;
		const struct tcptrace_wide *wide;
	};
	const u64 *vectors;	/* one for each interval, `stride` words each */
};

struct tcptrace_classifier {
	/*
	 * How many words of a vector hold the clauses of a level and those above: clauses of higher levels come first,
	 * and each level begins with a new word.
	 */
	u32 words[TCPTRACE_L_SEGMENT + 1];
	u32 stride;
	const u64 *ports_only;	/* a vector: the clauses that restrict nothing but ports */
	struct tcptrace_intervals fields[TCPTRACE_FIELDS];
	u64 space[];
};

/* NULL: out of memory. Rules of level OFF are ignored. To be freed with kvfree(). May sleep. */
struct tcptrace_classifier *tcptrace_classifier_build(const struct tcptrace_rule *rules, u32 count);

/* The vector of the interval that `value` is in. */
static __always_inline const u64 *tcptrace_classifier_find(const struct tcptrace_classifier *classifier,
							   enum tcptrace_field field, u32 value)
{
	const struct tcptrace_intervals *intervals = &classifier->fields[field];
	u32 from = 0, to = intervals->bounds;

	while (from < to) {
		u32 middle = (from + to) / 2;

		if (intervals->narrow[middle] <= value)
			from = middle + 1;
		else
			to = middle;
	}
	return intervals->vectors + from * classifier->stride;
}

enum tcptrace_verdict {
	TCPTRACE_FITS_NONE,
	TCPTRACE_FITS,
	TCPTRACE_FITS_PERHAPS,	/* depends on the rest of the tuple */
};

/* Whether a clause of at least `level` matches, by the ports alone, which are at hand. Any context. */
static __always_inline enum tcptrace_verdict tcptrace_classify_ports(const struct tcptrace_classifier *classifier,
								     u32 level, u16 sport, u16 dport)
{
	const u64 *of_sport = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_SPORT, sport);
	const u64 *of_dport = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_DPORT, dport);
	u32 words = classifier->words[level], i;
	u64 perhaps = 0;

	for (i = 0; i < words; i++) {
		u64 fit = of_sport[i] & of_dport[i];

		if (fit & classifier->ports_only[i])
			return TCPTRACE_FITS;
		perhaps |= fit;
	}
	return perhaps ? TCPTRACE_FITS_PERHAPS : TCPTRACE_FITS_NONE;
}

/* The same by the whole tuple. Any context. */
bool tcptrace_classify(const struct tcptrace_classifier *classifier, u32 level, const struct tcptrace_key *key);

#endif
