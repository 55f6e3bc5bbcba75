/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a sleeping reader is woken: at a watermark of records on one CPU, or a time after the first record; not for each
 * record. Each reader has its own watermark and time: those of others neither wake it nor delay it.
 *
 * A handler may not wake a reader itself. It compares its position with one mask, common to all waiting readers, and
 * queues irq_work if one of them may be due. That work then looks at each reader.
 */
#ifndef TCPTRACE_WAKE_H
#define TCPTRACE_WAKE_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/timer.h>
#include <linux/types.h>

/*
 * The lowest watermark of the waiting readers, a power of two, minus 1; 0 while one of them waits for its first record;
 * all ones while none waits.
 */
extern u64 tcptrace_wake_mask;

/* The slow path of tcptrace_wake(). */
void tcptrace_wake_reached(u64 position);

/* Called after each record. Preemption off. */
static __always_inline void tcptrace_wake(u64 position)
{
	if (unlikely(!(position & READ_ONCE(tcptrace_wake_mask))))
		tcptrace_wake_reached(position);
}

/*
 * Before the first waiter. `slots`: records in each ring; the default watermark is a fraction of them. `reserved`:
 * returns how many positions were given out so far, on all CPUs; in any context.
 */
void tcptrace_wake_init(u32 slots, u64 (*reserved)(void));
/* After the last probe and the last waiter are gone. Waits for irq_work that is still queued. May sleep. */
void tcptrace_wake_exit(void);

enum tcptrace_waiting {
	TCPTRACE_WAITS_NOT,
	TCPTRACE_WAITS,		/* for the first record */
	TCPTRACE_WAITS_CLOCK,	/* there is one: for the deadline or the watermark */
	TCPTRACE_WAITS_DONE,	/* was woken, and has not looked yet */
};

/* A reader that sleeps until there are records. The owner provides the memory, from add to remove. */
struct tcptrace_waiter {
	/* Called with interrupts off, under a spinlock. May wake a task or queue work; must not call this file. */
	void (*wake)(struct tcptrace_waiter *waiter);

	/* Private to wake.c: */
	struct list_head list;
	enum tcptrace_waiting waiting;
	struct timer_list timer;
	unsigned long delay;	/* jiffies */
	unsigned long deadline;	/* jiffies; in TCPTRACE_WAITS_CLOCK */
	u64 records;		/* watermark, a power of two */
	u64 seen;		/* positions given out, on all CPUs, when it was last told that there are records */
};

/* With the default watermark and time. */
void tcptrace_waiter_add(struct tcptrace_waiter *waiter, void (*wake)(struct tcptrace_waiter *waiter));
/* Afterwards wake() is not called any more. May sleep; not to be called from wake(). */
void tcptrace_waiter_remove(struct tcptrace_waiter *waiter);

/* Whether these fields of struct tcptrace_filter are in range. Values below the floors are, and count as the floors. */
bool tcptrace_waiter_may(u32 records, u32 ms);
void tcptrace_waiter_set(struct tcptrace_waiter *waiter, u32 records, u32 ms);

/*
 * Starts to wait: the next record starts the clock. To be called before the last look at the rings. Once woken, it
 * does not wait any more. Any context.
 */
void tcptrace_waiter_wait(struct tcptrace_waiter *waiter);

/*
 * The same for poll(2), whose caller has not looked at the rings. True: the reader was woken, and something was
 * recorded since this returned true last. False: it waits now. Any context.
 */
bool tcptrace_waiter_ready(struct tcptrace_waiter *waiter);

#endif
