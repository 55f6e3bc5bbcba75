// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hit of an empty probe costs, the limit below which no handler can go. Measured while this is
 * loaded; then to be read as parameters, ns for HITS hits.
 */
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>

#define HITS 100000

static unsigned int hits = HITS, kprobe, kretprobe, ftrace;
module_param(hits, uint, 0444);
module_param(kprobe, uint, 0444);
module_param(kretprobe, uint, 0444);
module_param(ftrace, uint, 0444);

static noinline void target(void)
{
	asm volatile("");
}

static u64 call_target(void)
{
	unsigned long flags;
	u64 start;
	int i;

	/* A timer tick would be a part of the figure. */
	local_irq_save(flags);
	start = ktime_get_ns();
	for (i = 0; i < HITS; i++)
		target();
	start = ktime_get_ns() - start;
	local_irq_restore(flags);
	return start;
}

static int on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	return 0;
}

static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return 0;
}

static void notrace on_ftrace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, struct ftrace_regs *regs)
{
}

static struct kprobe entry_probe = { .addr = (void *)target, .pre_handler = on_entry };
static struct kretprobe return_probe = { .kp.addr = (void *)target, .handler = on_return };
static struct ftrace_ops ops = { .func = on_ftrace };

static int __init probecost_init(void)
{
	u64 bare = call_target();
	int error;

	error = register_kprobe(&entry_probe);
	if (error)
		return error;
	kprobe = call_target() - bare;
	unregister_kprobe(&entry_probe);

	error = register_kretprobe(&return_probe);
	if (error)
		return error;
	kretprobe = call_target() - bare;
	unregister_kretprobe(&return_probe);

	error = ftrace_set_filter_ip(&ops, (unsigned long)target, 0, 0);
	if (!error)
		error = register_ftrace_function(&ops);
	if (error)
		return error;
	ftrace = call_target() - bare;
	return unregister_ftrace_function(&ops);
}

static void __exit probecost_exit(void)
{
}

module_init(probecost_init);
module_exit(probecost_exit);

MODULE_DESCRIPTION("The cost of an empty probe");
MODULE_LICENSE("GPL");
