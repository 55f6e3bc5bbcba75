/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a sleeping reader is woken: after so many records on one CPU, or so long
 * after the first one, never for each. A handler may not wake anybody itself;
 * it queues irq_work, and that only where somebody sleeps or the watermark is met.
 */
#ifndef TCPTRACE_WAKE_H
#define TCPTRACE_WAKE_H

#include <linux/compiler.h>
#include <linux/poll.h>
#include <linux/types.h>

struct tcptrace_wake {
	bool armed;	/* somebody sleeps: the next record starts the clock */
	u64 mask;	/* watermark - 1 */
};

extern struct tcptrace_wake tcptrace_wake_state;

void tcptrace_wake_first(void);
void tcptrace_wake_full(void);

/* After each record. Preemption off. */
static __always_inline void tcptrace_wake(u64 position)
{
	if (unlikely(READ_ONCE(tcptrace_wake_state.armed)))
		tcptrace_wake_first();
	if (unlikely(!(position & READ_ONCE(tcptrace_wake_state.mask))))
		tcptrace_wake_full();
}

void tcptrace_wake_init(void);
/* After the last probe is gone: waits for what is under way. May sleep. */
void tcptrace_wake_exit(void);

/* Sets watermark (a power of two of records) and delay, the smallest that any reader asked for. */
void tcptrace_wake_set(u64 records, unsigned int ms);

/* What a reader knows of its last waking. */
struct tcptrace_waiter {
	unsigned long generation;
	u64 seen;
};

/* Starts the clock at the next record; for a sleeper that does not poll. */
void tcptrace_wake_arm(void);

/* The body of poll(2). */
__poll_t tcptrace_wake_poll(struct tcptrace_waiter *waiter, struct file *file, poll_table *table);

#endif
