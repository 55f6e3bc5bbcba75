/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The per-CPU rings: overwrite mode, mapped read-only by any number of readers.
 * The layout and the reader's side are in uapi/tcptrace.h.
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
 * A ring's first page is there for each possible CPU from init to exit; its records for each CPU that was online since
 * somebody first needed them, until nobody holds them any more. NULL: none. A CPU that goes offline leaves them readable.
 */
DECLARE_PER_CPU(struct tcptrace_ring *, tcptrace_rings);
DECLARE_PER_CPU(struct tcptrace_record *, tcptrace_records);
extern u32 tcptrace_ring_slots;

/* Records that were lost on a CPU because handlers interrupted one another. Their positions were given out. */
DECLARE_PER_CPU(u64, tcptrace_ring_nested);

/* The CPUs that have records. */
extern struct cpumask tcptrace_ring_cpus;
#define for_each_tcptrace_ring(cpu)	for_each_cpu(cpu, &tcptrace_ring_cpus)

/* For `slots` records on each CPU, none of which is there yet. May sleep. -ENOMEM, -EINVAL. */
int tcptrace_ring_init(u32 slots);
void tcptrace_ring_exit(void);

/* A reader comes, that may map the rings, and goes: with the last one the records are given back. May sleep. */
void tcptrace_ring_hold(void);
void tcptrace_ring_drop(void);
/* One that holds them wants something recorded: from now on each CPU online has records. May sleep. -ENOMEM. */
int tcptrace_ring_need(void);

/* The first page of the mapping, constant from init to exit. */
const struct tcptrace_map *tcptrace_ring_map(void);
/*
 * Where the mapping's n-th page lies, vmalloc() memory; NULL: the CPU has no records, or the mapping no such page. The caller
 * holds the rings: then a page that is there stays.
 */
void *tcptrace_ring_page(u64 n);
/* Bytes that are taken now. */
u64 tcptrace_ring_memory(void);

static inline struct tcptrace_record *tcptrace_ring_slot(struct tcptrace_record *records, u64 position)
{
	return &records[(position - 1) & (tcptrace_ring_slots - 1)];
}

/* Positions given out on `cpu`, of the records that are there. Any context. */
static inline u64 tcptrace_ring_reserved(int cpu)
{
	return smp_load_acquire(&per_cpu(tcptrace_rings, cpu)->reserved);
}

/* The same on all CPUs together. Any context. */
u64 tcptrace_ring_reserved_in_all(void);

/* The same since the module was loaded. Process context. */
u64 tcptrace_ring_given_out(int cpu);
/* What was to be recorded on a CPU that had no records, since then. Any context. */
u64 tcptrace_ring_lost(int cpu);
u64 tcptrace_ring_lost_in_all(void);

/* There are no records on this CPU to write to: counts it. */
void tcptrace_ring_absent(void);

/* A slot that is not as the round before left it, after `position` was given out. Returns whether it is free to write. */
bool tcptrace_ring_take(struct tcptrace_record *record, u64 position);

/*
 * Gives the caller the next slot of this CPU, its time set, all else as the former record left it;
 * or NULL where that slot is still held by a handler that this one interrupted: then the position is published
 * as a hole; or where handlers that interrupted this one went once round the ring: then the position has been
 * overwritten; or where this CPU has no records. Each is counted. Preemption off, until publish.
 *
 * Reserving is atomic with respect to interrupts of this CPU, so that a nested handler takes the next
 * slot. Nobody else writes `reserved`; it is fully ordered all the same, because the time is taken after it,
 * and readers rely on that: a position still in a store buffer while the clock is read would let a reader on
 * another CPU believe that it had seen all that is older.
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
	smp_wmb();	/* readers see "being written" before any of what is written */
	record->time = ktime_get_ns();
	return record;
}

/*
 * Makes the record visible. Nested handlers may have gone once round and left a hole in the slot, or more than
 * one after the other: then this record is lost too, and the slot is free again for the next that comes round.
 */
static __always_inline void tcptrace_ring_publish(struct tcptrace_record *record, u64 position)
{
	smp_wmb();	/* all of the record before its position; pairs with the reader's acquire */
	if (unlikely(cmpxchg_local(&record->position, 0, position) != 0)) {
		this_cpu_inc(tcptrace_ring_nested);
		clear_bit(ilog2(TCPTRACE_HELD), (unsigned long *)&record->position);
	}
	tcptrace_wake(position);
}

#endif
