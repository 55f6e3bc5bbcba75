// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include "compat/compat.h"
#include "uapi/tcptrace.h"
#include "wake.h"

#define WAKE_MS_DEFAULT	10
#define WAKE_MS_MAX	10000

u64 tcptrace_wake_mask = ~0ull;

static u64 watermark = ~0ull;		/* tcptrace_wake_mask as if no reader waited for its first record */
static LIST_HEAD(waiters);		/* the waiting readers */
static DEFINE_SPINLOCK(tcptrace_wake_lock);	/* the list, its members; the count; both masks but in tcptrace_wake_reached() */
static unsigned int waiter_count;	/* between add and remove */
static u32 slots;			/* in each ring */
static u64 (*reserved_in_all)(void);	/* positions given out, on all CPUs */
static DEFINE_PER_CPU(struct irq_work, reached_work);
static DEFINE_PER_CPU(u64, reached);	/* lowest set bits of positions since the work ran last; the highest counts */

static u32 records_usual(void)
{
	return max(slots / 4, 1u);
}

/* ---- under `tcptrace_wake_lock` ---- */

static void tcptrace_wake_publish_masks(void)
{
	const struct tcptrace_waiter *waiter;
	u64 lowest = ~0ull;
	bool first = false;

	list_for_each_entry(waiter, &waiters, list) {
		lowest = min(lowest, waiter->records - 1);
		first |= waiter->waiting == TCPTRACE_WAITS;
	}
	WRITE_ONCE(watermark, lowest);
	WRITE_ONCE(tcptrace_wake_mask, first ? 0 : lowest);
}

/* Waking costs the CPUs that run TCP. So all together are woken by time 200 times a second at most. */
static unsigned long tcptrace_wake_delay(const struct tcptrace_waiter *waiter)
{
	return max(waiter->delay, waiter_count * msecs_to_jiffies(TCPTRACE_WAKE_MS_EACH));
}

static void tcptrace_wake_start_clock(struct tcptrace_waiter *waiter)
{
	waiter->waiting = TCPTRACE_WAITS_CLOCK;
	waiter->deadline = jiffies + tcptrace_wake_delay(waiter);
	mod_timer(&waiter->timer, waiter->deadline);
}

/* Sets when this reader wants to be woken. 0: the default. */
static void tcptrace_wake_wish(struct tcptrace_waiter *waiter, u32 records, u32 ms)
{
	u32 floor = min_t(u32, TCPTRACE_WAKE_RECORDS_MIN, records_usual());

	waiter->records = roundup_pow_of_two(max(records ?: records_usual(), floor));
	waiter->delay = msecs_to_jiffies(ms ?: WAKE_MS_DEFAULT);
	if (waiter->waiting == TCPTRACE_WAITS_CLOCK)
		tcptrace_wake_start_clock(waiter);
	tcptrace_wake_publish_masks();
}

static bool waiter_waits(const struct tcptrace_waiter *waiter)
{
	return waiter->waiting == TCPTRACE_WAITS || waiter->waiting == TCPTRACE_WAITS_CLOCK;
}

static void tcptrace_wake_one(struct tcptrace_waiter *waiter)
{
	list_del(&waiter->list);
	waiter->waiting = TCPTRACE_WAITS_DONE;
	waiter->wake(waiter);
}

/* ---- on a record, and on a timer ---- */

/* There is a new record: starts the clock of readers that waited for their first one, and wakes at watermarks. */
static void tcptrace_wake_irq(struct irq_work *work)
{
	struct tcptrace_waiter *waiter, *next;
	u64 bits = this_cpu_xchg(reached, 0);
	unsigned long flags;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	list_for_each_entry_safe(waiter, next, &waiters, list) {
		if (bits >= waiter->records)
			tcptrace_wake_one(waiter);
		else if (waiter->waiting == TCPTRACE_WAITS)
			tcptrace_wake_start_clock(waiter);
	}
	tcptrace_wake_publish_masks();
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
}

/*
 * This may overwrite a mask of 0 that a reader has set just before, when it began to wait. The work that is queued here
 * takes the lock after that reader, and so starts its clock, too.
 */
void tcptrace_wake_reached(u64 position)
{
	WRITE_ONCE(tcptrace_wake_mask, READ_ONCE(watermark));
	this_cpu_or(reached, position & -position);
	irq_work_queue(this_cpu_ptr(&reached_work));
}

static void tcptrace_wake_timer(struct timer_list *timer)
{
	struct tcptrace_waiter *waiter = container_of(timer, struct tcptrace_waiter, timer);
	unsigned long flags;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	/* If this is the timer of an earlier wait, the clock was restarted meanwhile, and the timer with it. */
	if (waiter->waiting == TCPTRACE_WAITS_CLOCK && !time_before(jiffies, waiter->deadline)) {
		tcptrace_wake_one(waiter);
		tcptrace_wake_publish_masks();
	}
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
}

/* ---- waiting readers ---- */

bool tcptrace_waiter_may(u32 records, u32 ms)
{
	return records <= slots && ms <= WAKE_MS_MAX;
}

void tcptrace_waiter_set(struct tcptrace_waiter *waiter, u32 records, u32 ms)
{
	unsigned long flags;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	tcptrace_wake_wish(waiter, records, ms);
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
}

void tcptrace_waiter_add(struct tcptrace_waiter *waiter, void (*wake)(struct tcptrace_waiter *waiter))
{
	unsigned long flags;

	*waiter = (struct tcptrace_waiter) { .wake = wake };
	timer_setup(&waiter->timer, tcptrace_wake_timer, 0);
	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	waiter_count++;
	tcptrace_wake_wish(waiter, 0, 0);
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
}

void tcptrace_waiter_remove(struct tcptrace_waiter *waiter)
{
	unsigned long flags;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	if (waiter_waits(waiter)) {
		list_del(&waiter->list);
		tcptrace_wake_publish_masks();
	}
	waiter->waiting = TCPTRACE_WAITS_NOT;
	waiter_count--;
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
	tcptrace_timer_delete_sync(&waiter->timer);
}

void tcptrace_waiter_wait(struct tcptrace_waiter *waiter)
{
	unsigned long flags;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	if (!waiter_waits(waiter)) {
		list_add_tail(&waiter->list, &waiters);
		waiter->waiting = TCPTRACE_WAITS;
		tcptrace_wake_publish_masks();
	}
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
	smp_mb();	/* wait before the last look at the rings; a handler reserves before it looks at the mask */
}

static bool tcptrace_wake_something_new(const struct tcptrace_waiter *waiter, u64 *reserved)
{
	*reserved = reserved_in_all();
	return *reserved != READ_ONCE(waiter->seen);
}

/* Whether it was woken since the last call. */
static bool tcptrace_wake_take(struct tcptrace_waiter *waiter)
{
	unsigned long flags;
	bool woken;

	spin_lock_irqsave(&tcptrace_wake_lock, flags);
	woken = waiter->waiting == TCPTRACE_WAITS_DONE;
	if (woken)
		waiter->waiting = TCPTRACE_WAITS_NOT;
	spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
	return woken;
}

bool tcptrace_waiter_ready(struct tcptrace_waiter *waiter)
{
	unsigned long flags;
	u64 reserved;

	if (tcptrace_wake_take(waiter) && tcptrace_wake_something_new(waiter, &reserved)) {
		WRITE_ONCE(waiter->seen, reserved);
		return true;
	}
	tcptrace_waiter_wait(waiter);
	if (tcptrace_wake_something_new(waiter, &reserved)) {
		/* Not due yet. A handler may have looked at the mask before this reader waited, so start the clock. */
		spin_lock_irqsave(&tcptrace_wake_lock, flags);
		if (waiter->waiting == TCPTRACE_WAITS) {
			tcptrace_wake_start_clock(waiter);
			tcptrace_wake_publish_masks();
		}
		spin_unlock_irqrestore(&tcptrace_wake_lock, flags);
	}
	return false;
}

/* ---- all of it ---- */

void tcptrace_wake_init(u32 ring_slots, u64 (*ring_reserved)(void))
{
	int cpu;

	slots = ring_slots;
	reserved_in_all = ring_reserved;
	for_each_possible_cpu(cpu)
		init_irq_work(per_cpu_ptr(&reached_work, cpu), tcptrace_wake_irq);
}

void tcptrace_wake_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(per_cpu_ptr(&reached_work, cpu));
}
