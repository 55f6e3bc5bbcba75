// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ftrace.h>

#include "canary.h"
#include "compat/compat.h"
#include "guard.h"

#ifdef CONFIG_DYNAMIC_FTRACE

static void tcptrace_guard_called(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
				  struct tcptrace_ftrace_regs *regs)
{
}

/* A permanent ftrace_ops keeps ftrace on. It traces a function of our own, which only tcptrace_canary_ask() calls. */
static struct ftrace_ops guard = {
	.func = tcptrace_guard_called,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

int tcptrace_guard_hold(void)
{
	unsigned long place = tcptrace_canary_place();
	int error;

	if (!place)
		return 0;
	error = ftrace_set_filter_ip(&guard, place, 0, 1);
	if (error)
		return error;
	error = register_ftrace_function(&guard);
	if (error)
		tcptrace_ftrace_forget(&guard);
	return error;
}

void tcptrace_guard_drop(void)
{
	if (!tcptrace_canary_place())
		return;
	unregister_ftrace_function(&guard);
	tcptrace_ftrace_forget(&guard);
}

#else

int tcptrace_guard_hold(void)
{
	return 0;
}

void tcptrace_guard_drop(void)
{
}

#endif
