// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>

#include "ring.h"
#include "stats.h"

DEFINE_PER_CPU(struct tcptrace_stats, tcptrace_stats);

void tcptrace_stats_tally(int cpu, struct tcptrace_tally *tally)
{
	const struct tcptrace_stats *stats = per_cpu_ptr(&tcptrace_stats, cpu);
	int id;

	tally->lost = READ_ONCE(per_cpu(tcptrace_ring_nested, cpu));
	tally->published = tcptrace_ring_given_out(cpu) - tally->lost;
	tally->lost += tcptrace_ring_lost(cpu);
	tally->filtered = READ_ONCE(stats->filtered);
	tally->ignored = READ_ONCE(stats->ignored);
	tally->hits = 0;
	for (id = 0; id < TCPTRACE_PROBE_COUNT; id++)
		tally->hits += READ_ONCE(stats->hits[id]);
}

u64 tcptrace_stats_hits(enum tcptrace_probe_id id)
{
	u64 hits = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		hits += READ_ONCE(per_cpu_ptr(&tcptrace_stats, cpu)->hits[id]);
	return hits;
}
