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

#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <asm/barrier.h>

#include "stats.h"
#include "uapi/tcptrace.h"
#include "wake.h"

DECLARE_PER_CPU(struct tcptrace_ring *, tcptrace_rings);
extern u32 tcptrace_ring_slots;

/* Allocates the rings of all possible CPUs, `slots` records each. May sleep. -ENOMEM, -EINVAL. */
int tcptrace_ring_init(u32 slots);
void tcptrace_ring_exit(void);

/* The whole mapping, vmalloc_user() memory, from init to exit. */
struct tcptrace_map *tcptrace_ring_map(void);

static inline struct tcptrace_record *tcptrace_ring_slot(struct tcptrace_ring *ring, u64 position)
{
	struct tcptrace_record *records = (void *)ring + PAGE_SIZE;

	return &records[(position - 1) & (tcptrace_ring_slots - 1)];
}

/* Positions given out on `cpu`. Any context. */
static inline u64 tcptrace_ring_reserved(int cpu)
{
	return smp_load_acquire(&per_cpu(tcptrace_rings, cpu)->reserved);
}

/* A slot that is not as the round before left it, after `position` was given out. Returns whether it is free to write. */
bool tcptrace_ring_take(struct tcptrace_record *record, u64 position);

/*
 * Gives the caller the next slot of this CPU, its time set, all else as the former record left it;
 * or NULL where that slot is still held by a handler that this one interrupted: then the position is published
 * as a hole; or where handlers that interrupted this one went once round the ring: then the position has been
 * overwritten. Either is counted. Preemption off, until publish.
 *
 * Reserving is atomic with respect to interrupts of this CPU, so that a nested handler takes the next
 * slot. Nobody else writes `reserved`; it is fully ordered all the same, because the time is taken after it,
 * and readers rely on that: a position still in a store buffer while the clock is read would let a reader on
 * another CPU believe that it had seen all that is older.
 */
static __always_inline struct tcptrace_record *tcptrace_ring_reserve(u64 *position)
{
	struct tcptrace_ring *ring = this_cpu_read(tcptrace_rings);
	struct tcptrace_record *record;
	u64 before;

	*position = atomic64_inc_return((atomic64_t *)&ring->reserved);
	record = tcptrace_ring_slot(ring, *position);
	before = *position - tcptrace_ring_slots;
	if (unlikely(cmpxchg_local(&record->position, before, 0) != before) &&
	    !tcptrace_ring_take(record, *position)) {
		tcptrace_count(lost);
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
		tcptrace_count(lost);
		clear_bit(ilog2(TCPTRACE_HELD), (unsigned long *)&record->position);
	}
	tcptrace_wake(position);
}

#endif
