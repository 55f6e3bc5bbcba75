// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "netlink.h"
#include "ring.h"
#include "wake.h"

struct tcptrace_wake tcptrace_wake_state = { .mask = ~0ull };

static DECLARE_WAIT_QUEUE_HEAD(sleepers);
static unsigned long generation;	/* grows with each waking */
static unsigned long delay = 1;		/* jiffies */
static DEFINE_PER_CPU(struct irq_work, first_work);
static DEFINE_PER_CPU(struct irq_work, full_work);

static void wake_all(struct work_struct *work)
{
	WRITE_ONCE(generation, READ_ONCE(generation) + 1);
	wake_up_interruptible(&sleepers);
	tcptrace_netlink_kick();
}
static DECLARE_WORK(wake_now, wake_all);
static DECLARE_DELAYED_WORK(wake_later, wake_all);

static void on_first(struct irq_work *work)
{
	schedule_delayed_work(&wake_later, READ_ONCE(delay));
}

static void on_full(struct irq_work *work)
{
	schedule_work(&wake_now);
}

void tcptrace_wake_first(void)
{
	WRITE_ONCE(tcptrace_wake_state.armed, false);
	irq_work_queue(this_cpu_ptr(&first_work));
}

void tcptrace_wake_full(void)
{
	irq_work_queue(this_cpu_ptr(&full_work));
}

void tcptrace_wake_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		init_irq_work(per_cpu_ptr(&first_work, cpu), on_first);
		init_irq_work(per_cpu_ptr(&full_work, cpu), on_full);
	}
}

void tcptrace_wake_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		irq_work_sync(per_cpu_ptr(&first_work, cpu));
		irq_work_sync(per_cpu_ptr(&full_work, cpu));
	}
	cancel_delayed_work_sync(&wake_later);
	cancel_work_sync(&wake_now);
}

void tcptrace_wake_set(u64 records, unsigned int ms)
{
	WRITE_ONCE(tcptrace_wake_state.mask, records - 1);
	WRITE_ONCE(delay, max(msecs_to_jiffies(ms), 1ul));
}

static u64 reserved_in_all(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += tcptrace_ring_reserved(cpu);
	return sum;
}

void tcptrace_wake_arm(void)
{
	WRITE_ONCE(tcptrace_wake_state.armed, true);
	smp_mb();	/* armed before the sleeper's last look at the rings; a writer looks after it reserved */
}

__poll_t tcptrace_wake_poll(struct tcptrace_waiter *waiter, struct file *file, poll_table *table)
{
	unsigned long now;
	u64 reserved;

	poll_wait(file, &sleepers, table);
	now = READ_ONCE(generation);
	tcptrace_wake_arm();
	reserved = reserved_in_all();
	if (reserved == waiter->seen)
		return 0;
	if (now != waiter->generation) {
		waiter->generation = now;
		waiter->seen = reserved;
		return EPOLLIN | EPOLLRDNORM;
	}
	/* There is something, but its time has not come; the writer may have passed before we armed. */
	schedule_delayed_work(&wake_later, READ_ONCE(delay));
	return 0;
}
