// SPDX-License-Identifier: GPL-2.0-only
#include <linux/compiler.h>
#include <linux/kprobes.h>
#include <linux/ptrace.h>

#include "canary.h"

bool tcptrace_canary_traced(const bool *hit);
bool tcptrace_canary_untraced(const bool *hit);

/* Called with a false, which the kprobe turns into true before the first instruction. Found by name, so not static. */
noinline __noclone bool tcptrace_canary_traced(const bool *hit)
{
	return READ_ONCE(*hit);
}

/* The same without an ftrace location: its kprobe is a breakpoint. */
noinline __noclone notrace bool tcptrace_canary_untraced(const bool *hit)
{
	return READ_ONCE(*hit);
}

static int tcptrace_canary_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	*(bool *)regs_get_kernel_argument(regs, 0) = true;
	return 0;
}

/* A kprobe with a post_handler stays a breakpoint: the optimizer does not replace it with a jump later on. */
static void tcptrace_canary_stays(struct kprobe *kprobe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe traced = {
	.symbol_name = "tcptrace_canary_traced",
	.pre_handler = tcptrace_canary_hit,
};

static struct kprobe untraced = {
	.symbol_name = "tcptrace_canary_untraced",
	.pre_handler = tcptrace_canary_hit,
	.post_handler = tcptrace_canary_stays,
};

int tcptrace_canary_init(void)
{
	int error = register_kprobe(&traced);

	if (error)
		return error;
	error = register_kprobe(&untraced);
	if (error)
		unregister_kprobe(&traced);
	return error;
}

void tcptrace_canary_exit(void)
{
	struct kprobe *both[] = { &traced, &untraced };

	unregister_kprobes(both, ARRAY_SIZE(both));
}

enum tcptrace_muted tcptrace_canary_ask(void)
{
	bool hit = false;

	if (!tcptrace_canary_untraced(&hit))
		return TCPTRACE_MUTED_KPROBES;
	hit = false;
	return tcptrace_canary_traced(&hit) ? TCPTRACE_NOT_MUTED : TCPTRACE_MUTED_FTRACE;
}

unsigned long tcptrace_canary_place(void)
{
	return traced.flags & KPROBE_FLAG_FTRACE ? (unsigned long)traced.addr : 0;
}
