/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of each hit, per CPU. At rest, on each CPU: hits = published + filtered + ignored + lost. A record that
 * was wanted is counted by the ring: published + lost = positions given out + records that found no ring.
 */
#ifndef TCPTRACE_STATS_H
#define TCPTRACE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "uapi/tcptrace_probes.h"

struct tcptrace_stats {
	u64 hits[TCPTRACE_PROBE_COUNT];
	u64 filtered;	/* no reader wanted it */
	u64 ignored;	/* the function was hit, but nothing happened that is a record */
};

DECLARE_PER_CPU(struct tcptrace_stats, tcptrace_stats);

#define tcptrace_count(what)	this_cpu_inc(tcptrace_stats.what)

/* One CPU's counters, added up. Any context; the figures are as of some moment during the call. */
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
