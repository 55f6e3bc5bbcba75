/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a sleeping reader is woken: after so many records on one CPU, or so long after the first one, never for each.
 * Each reader by its own wish: what another asks for neither wakes it nor makes it wait.
 *
 * A handler may not wake anybody itself. It compares its position with one mask, which those that wait now have in
 * common, and queues irq_work where one of them may have something coming; that work looks at each.
 */
#ifndef TCPTRACE_WAKE_H
#define TCPTRACE_WAKE_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/timer.h>
#include <linux/types.h>

/*
 * The lowest watermark, a power of two, of those that wait, less one; 0 while one of them waits for the first record
 * that comes; all ones while nobody waits.
 */
extern u64 tcptrace_wake_mask;

void tcptrace_wake_reached(u64 position);

/* After each record. Preemption off. */
static __always_inline void tcptrace_wake(u64 position)
{
	if (unlikely(!(position & READ_ONCE(tcptrace_wake_mask))))
		tcptrace_wake_reached(position);
}

/*
 * Before the first waiter. `slots`: records in each ring, of which the usual watermark is a part. `reserved`: how many
 * positions were given out so far, on all CPUs; any context.
 */
void tcptrace_wake_init(u32 slots, u64 (*reserved)(void));
/* After the last probe and the last waiter are gone: waits for what is under way. May sleep. */
void tcptrace_wake_exit(void);

enum tcptrace_waiting {
	TCPTRACE_WAITS_NOT,
	TCPTRACE_WAITS,		/* for the first record */
	TCPTRACE_WAITS_CLOCK,	/* there is one: until its time, or for the watermark */
	TCPTRACE_WAITS_DONE,	/* woken, and has not looked yet */
};

/* One that sleeps until there are records. The owner's memory, from add to remove. */
struct tcptrace_waiter {
	/* Interrupts off, under a spinlock: may wake up and queue work, and call nothing of this file. */
	void (*wake)(struct tcptrace_waiter *waiter);

	/* wake.c's own: */
	struct list_head list;
	enum tcptrace_waiting waiting;
	struct timer_list timer;
	unsigned long delay;	/* jiffies */
	unsigned long deadline;	/* jiffies, while the clock runs */
	u64 records;		/* watermark, a power of two */
	u64 seen;		/* positions given out in all when it was last told */
};

/* With the usual wish. */
void tcptrace_waiter_add(struct tcptrace_waiter *waiter, void (*wake)(struct tcptrace_waiter *waiter));
/* Afterwards it is not called any more. May sleep; not from wake(). */
void tcptrace_waiter_remove(struct tcptrace_waiter *waiter);

/* Is this a wish, as in struct tcptrace_filter? Below the floors it is, and they are what is done. */
bool tcptrace_waiter_may(u32 records, u32 ms);
void tcptrace_waiter_set(struct tcptrace_waiter *waiter, u32 records, u32 ms);

/*
 * To be called before its last look at the rings: the next record starts its clock. Once woken it waits no more.
 * Any context.
 */
void tcptrace_waiter_wait(struct tcptrace_waiter *waiter);

/*
 * The same for one that has not looked itself, as poll(2): true where its wish has come true, and something was recorded
 * since this last was true; else it waits. Any context.
 */
bool tcptrace_waiter_ready(struct tcptrace_waiter *waiter);

#endif
