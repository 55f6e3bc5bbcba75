/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of each hit, per CPU. At rest, on each CPU: hits = published + filtered + ignored + lost. The ring counts
 * the records that were wanted: published + lost = positions given out + records that found no ring.
 */
#ifndef TCPTRACE_STATS_H
#define TCPTRACE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "uapi/tcptrace_probes.h"

struct tcptrace_stats {
	u64 hits[TCPTRACE_PROBE_COUNT];
	u64 filtered;	/* no reader wanted it */
	u64 ignored;	/* nothing happened that is worth a record, or the call was not TCP's */
};

DECLARE_PER_CPU(struct tcptrace_stats, tcptrace_stats);

#define tcptrace_count(what)	this_cpu_inc(tcptrace_stats.what)

/* The counters of one CPU, added up. Any context; each figure is from some moment during the call. */
struct tcptrace_tally {
	u64 hits;
	u64 published;
	u64 filtered;
	u64 ignored;
	u64 lost;
};

void tcptrace_stats_tally(int cpu, struct tcptrace_tally *tally);
u64 tcptrace_stats_hits(enum tcptrace_probe_id id);

#endif
