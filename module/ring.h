/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The per-CPU rings, in overwrite mode, mapped read-only by any number of readers. uapi/tcptrace.h has the layout and
 * the reader's side of the protocol.
 */
#ifndef TCPTRACE_RING_H
#define TCPTRACE_RING_H

#ifndef CONFIG_64BIT
#error "tcptrace needs a 64-bit kernel: positions in the rings are read and written in one piece"
#endif

#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <asm/barrier.h>

#include "uapi/tcptrace.h"
#include "wake.h"

/*
 * Each possible CPU has a first page of its ring, from init to exit. Its records (NULL: none) are allocated when a
 * reader needs them, on all CPUs that are online or come online later, and freed when no reader holds them any more.
 * When a CPU goes offline, they stay readable.
 */
DECLARE_PER_CPU(struct tcptrace_ring *, tcptrace_rings);
DECLARE_PER_CPU(struct tcptrace_record *, tcptrace_records);
extern u32 tcptrace_ring_slots;

/* Records that were lost on a CPU because handlers interrupted one another. Their positions were given out. */
DECLARE_PER_CPU(u64, tcptrace_ring_nested);

/* The CPUs that have records. */
extern struct cpumask tcptrace_ring_cpus;
#define for_each_tcptrace_ring(cpu)	for_each_cpu(cpu, &tcptrace_ring_cpus)

/* For `slots` records on each CPU, a power of two. Allocates none of them yet. -EINVAL, -ENOMEM. May sleep. */
int tcptrace_ring_init(u32 slots);
void tcptrace_ring_exit(void);

/* A reader that may map the rings holds them, and drops them at its end. The last drop frees the records. May sleep. */
void tcptrace_ring_hold(void);
void tcptrace_ring_drop(void);
/* A reader that holds the rings wants something recorded: allocates records on each online CPU. -ENOMEM. May sleep. */
int tcptrace_ring_need(void);

/* The first page of the mapping. Constant from init to exit. */
const struct tcptrace_map *tcptrace_ring_map(void);
/*
 * The n-th page of the mapping, from 0; vmalloc() memory. NULL: its CPU has no records, or the mapping has no such
 * page. The page stays as long as the caller holds the rings.
 */
void *tcptrace_ring_page(u64 n);
/* The bytes that the rings take now. */
u64 tcptrace_ring_memory(void);

static inline struct tcptrace_record *tcptrace_ring_slot(struct tcptrace_record *records, u64 position)
{
	return &records[(position - 1) & (tcptrace_ring_slots - 1)];
}

/* How many positions were given out on `cpu`, of the records that it has now. Any context. */
static inline u64 tcptrace_ring_reserved(int cpu)
{
	return smp_load_acquire(&per_cpu(tcptrace_rings, cpu)->reserved);
}

/* The same on all CPUs together. Any context. */
u64 tcptrace_ring_reserved_in_all(void);

/* The same since the module was loaded, whatever records were freed. Process context. */
u64 tcptrace_ring_given_out(int cpu);
/* How many records were lost because their CPU had no ring, since then; on one CPU, on all. Any context. */
u64 tcptrace_ring_lost(int cpu);
u64 tcptrace_ring_lost_in_all(void);

/* Counts a record that is lost because this CPU has no ring. */
void tcptrace_ring_absent(void);

/*
 * The slow path of tcptrace_ring_reserve(): the slot of `position` is not as the previous lap has left it. Returns
 * whether the caller may write to it.
 */
bool tcptrace_ring_take(struct tcptrace_record *record, u64 position);

/*
 * Returns the next slot of this CPU, with its time set and the rest as the previous record has left it. NULL, and
 * counted as lost: a handler that this one has interrupted still holds the slot, and a hole is published at the
 * position; or handlers that interrupted this one have gone once round the ring, and have overwritten the position;
 * or this CPU has no records. Preemption stays off until the record is published.
 *
 * Reserving is atomic with respect to interrupts on this CPU, so that a nested handler takes the next slot. Only this
 * CPU writes `reserved`. The increment is fully ordered all the same: the time is taken after it, and readers rely on
 * that. If the position were still in the store buffer while the clock is read, a reader on another CPU might believe
 * that it has seen all records that are older.
 */
static __always_inline struct tcptrace_record *tcptrace_ring_reserve(u64 *position)
{
	struct tcptrace_record *records = this_cpu_read(tcptrace_records), *record;
	u64 before;

	if (unlikely(!records)) {
		tcptrace_ring_absent();
		return NULL;
	}
	*position = atomic64_inc_return((atomic64_t *)&this_cpu_read(tcptrace_rings)->reserved);
	record = tcptrace_ring_slot(records, *position);
	before = *position - tcptrace_ring_slots;
	if (unlikely(cmpxchg_local(&record->position, before, 0) != before) &&
	    !tcptrace_ring_take(record, *position)) {
		this_cpu_inc(tcptrace_ring_nested);
		return NULL;
	}
	smp_wmb();	/* readers see "being written" before what is written */
	record->time = ktime_get_ns();
	return record;
}

/*
 * Makes the record visible. Meanwhile nested handlers may have gone round the ring, once or more often, and left a
 * hole in the slot. Then this record is lost, too, and the slot is free for the next lap.
 */
static __always_inline void tcptrace_ring_publish(struct tcptrace_record *record, u64 position)
{
	smp_wmb();	/* the whole record before its position; pairs with the reader's acquire */
	if (unlikely(cmpxchg_local(&record->position, 0, position) != 0)) {
		this_cpu_inc(tcptrace_ring_nested);
		clear_bit(ilog2(TCPTRACE_HELD), (unsigned long *)&record->position);
	}
	tcptrace_wake(position);
}

#endif
