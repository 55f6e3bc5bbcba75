// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/seq_file.h>

#include "canary.h"
#include "filter.h"
#include "life.h"
#include "names.h"
#include "probe.h"
#include "ring.h"
#include "stats.h"
#include "status.h"

static void tcptrace_show_head(struct seq_file *seq)
{
	const struct tcptrace_map *map = tcptrace_ring_map();
	enum tcptrace_muted muted = tcptrace_canary_ask();

	seq_printf(seq, "tcptrace %s, ABI %u.%u\n", TCPTRACE_VERSION, map->abi, map->types_version);
	seq_printf(seq, "armed: %s\n", tcptrace_level_name(tcptrace_probe_armed()));
	if (muted == TCPTRACE_MUTED_FTRACE)
		seq_puts(seq, "kernel.ftrace_enabled is 0: no probe fires until it is 1\n");
	if (muted == TCPTRACE_MUTED_KPROBES)
		seq_puts(seq, "/sys/kernel/debug/kprobes/enabled is 0: no kprobe or kretprobe fires until it is 1\n");
	seq_printf(seq, "ring: %u records on each CPU, on %u of %u CPUs now, %llu KiB\n", map->slots,
		   cpumask_weight(&tcptrace_ring_cpus), map->cpus, tcptrace_ring_memory() >> 10);
	seq_printf(seq, "netlink subscribers: %s\n\n", tcptrace_life_subscribed() ? "yes" : "none");
}

static void tcptrace_show_probes(struct seq_file *seq)
{
	static const char * const methods[] = { "absent", "kprobe", "kretprobe", "ftrace", "tracepoint" };
	struct tcptrace_probe_state state;
	int id;

	seq_printf(seq, "%-32s %-8s %-10s %-8s %12s %8s\n", "probe", "level", "method", "state", "hits", "missed");
	for (id = 0; id < TCPTRACE_PROBE_COUNT; id++) {
		if (!tcptrace_probe_state(id, &state))
			continue;
		seq_printf(seq, "%-32s %-8s %-10s %-8s %12llu %8llu\n", state.symbol,
			   tcptrace_level_name(state.level), methods[state.method],
			   state.armed ? "armed" : "disarmed", state.hits, state.missed);
	}
}

static void tcptrace_show_cpus(struct seq_file *seq)
{
	struct tcptrace_tally tally;
	int cpu;

	seq_printf(seq, "\n%-4s %12s %12s %12s %12s %12s\n", "cpu", "hits", "published", "filtered", "ignored", "lost");
	for_each_possible_cpu(cpu) {
		tcptrace_stats_tally(cpu, &tally);
		seq_printf(seq, "%-4d %12llu %12llu %12llu %12llu %12llu\n", cpu, tally.hits,
			   tally.published, tally.filtered, tally.ignored, tally.lost);
	}
}

/*
 * A process chooses its own name, and this file is printed on terminals. Whatever is not printable ASCII is escaped,
 * and so is the backslash, as tcptrace-ctl does it. (isprint() alone accepts half of Latin-1.)
 */
static void tcptrace_show_name(struct seq_file *seq, const char *comm)
{
	for (; *comm; comm++)
		seq_printf(seq, isascii(*comm) && isprint(*comm) && *comm != '\\' ? "%c" : "\\x%02x",
			   (unsigned char)*comm);
}

/* The name comes last: with escapes it may be longer than its column. */
static int tcptrace_show_reader(const struct tcptrace_wish *wish, void *arg)
{
	seq_printf(arg, "%-4u %-8u %-8s %-8u ", wish->id, wish->pid, tcptrace_level_name(wish->filter.level),
		   wish->filter.clauses);
	tcptrace_show_name(arg, wish->comm);
	seq_putc(arg, '\n');
	return 0;
}

int tcptrace_status_show(struct seq_file *seq, void *unused)
{
	tcptrace_show_head(seq);
	tcptrace_show_probes(seq);
	tcptrace_show_cpus(seq);
	seq_printf(seq, "\n%-4s %-8s %-8s %-8s %s\n", "id", "pid", "level", "clauses", "reader");
	tcptrace_filter_each(tcptrace_show_reader, seq);
	return 0;
}
