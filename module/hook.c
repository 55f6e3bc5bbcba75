// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/ftrace.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "hook.h"
#include "uapi/tcptrace_probes.h"

#ifdef TCPTRACE_HAVE_FTRACE_ARGS

/*
 * From the location that was hit to what is to be called: a hash table without collisions, so that one multiplication
 * finds it. Constant once the module is loaded.
 */
#define SLOT_BITS	8

static struct place {
	unsigned long ip;
	void (*hook)(struct pt_regs *regs);
} places[TCPTRACE_PROBE_COUNT] __ro_after_init;
static u8 slots[1 << SLOT_BITS] __ro_after_init;	/* index into `places` */
static u32 multiplier __ro_after_init;
static unsigned int place_count;

static __always_inline unsigned int slot_of(unsigned long ip)
{
	return (u32)ip * multiplier >> (32 - SLOT_BITS);
}

static void tcptrace_hook_hit(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct tcptrace_ftrace_regs *regs)
{
	/* Preemption off, as in a kprobe's handler. No recursion: we trace nothing that a handler calls. */
	preempt_disable_notrace();
	places[slots[slot_of(ip)]].hook(tcptrace_ftrace_args(regs));
	preempt_enable_notrace();
}

/*
 * With these flags ftrace calls tcptrace_hook_hit() straight from a trampoline, without its protection against
 * recursion, which we do not need and which costs more than the rest together.
 */
static struct level {
	struct ftrace_ops ops;
	unsigned int count;
	bool armed;
} levels[] = {
	[TCPTRACE_L_LIFE]	= { .ops = { .func = tcptrace_hook_hit, .flags = TCPTRACE_FTRACE_FLAGS } },
	[TCPTRACE_L_QUEUE]	= { .ops = { .func = tcptrace_hook_hit, .flags = TCPTRACE_FTRACE_FLAGS } },
	[TCPTRACE_L_SEGMENT]	= { .ops = { .func = tcptrace_hook_hit, .flags = TCPTRACE_FTRACE_FLAGS } },
};

bool tcptrace_hook_possible(void)
{
	return true;
}

int tcptrace_hook_add(void (*hook)(struct pt_regs *regs), enum tcptrace_level level, unsigned long ip)
{
	int error = ftrace_set_filter_ip(&levels[level].ops, ip, 0, 0);

	if (error)
		return error;
	levels[level].count++;
	places[place_count++] = (struct place) { .ip = ip, .hook = hook };
	return 0;
}

static bool tcptrace_hook_spread(void)
{
	bool taken[1 << SLOT_BITS] = { };
	unsigned int i, slot;

	for (i = 0; i < place_count; i++) {
		slot = slot_of(places[i].ip);
		if (taken[slot])
			return false;
		taken[slot] = true;
		slots[slot] = i;
	}
	return true;
}

int tcptrace_hook_seal(void)
{
	/* About one multiplier in ten has no collisions, with three dozen places in 256 slots. */
	for (multiplier = 0x9e3779b1; multiplier > 0x9e000001; multiplier -= 2)
		if (tcptrace_hook_spread())
			return 0;
	return -ENOSPC;
}

int tcptrace_hook_arm(enum tcptrace_level level, bool on)
{
	struct level *of = &levels[level];
	int error;

	if (of->armed == on || !of->count)
		return 0;
	error = on ? register_ftrace_function(&of->ops) : unregister_ftrace_function(&of->ops);
	if (!error)
		of->armed = on;
	return error;
}

void tcptrace_hook_exit(void)
{
	int i;

	for (i = TCPTRACE_L_LIFE; i < ARRAY_SIZE(levels); i++) {
		tcptrace_hook_arm(i, false);
		if (levels[i].count)
			tcptrace_ftrace_forget(&levels[i].ops);
		levels[i].count = 0;
	}
	place_count = 0;
}

#else

bool tcptrace_hook_possible(void)
{
	return false;
}

int tcptrace_hook_add(void (*hook)(struct pt_regs *regs), enum tcptrace_level level, unsigned long ip)
{
	return -EOPNOTSUPP;
}

int tcptrace_hook_seal(void)
{
	return 0;
}

int tcptrace_hook_arm(enum tcptrace_level level, bool on)
{
	return 0;
}

void tcptrace_hook_exit(void)
{
}

#endif
