// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/ftrace.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "guard.h"

#ifdef CONFIG_DYNAMIC_FTRACE

/* A permanent ftrace_ops holds ftrace on. It traces a function that nobody calls while we watch. */
#define GUARDED	"inet_csk_listen_start"

static void nothing(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
		    struct tcptrace_ftrace_regs *regs)
{
}

static struct ftrace_ops guard = {
	.func = nothing,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

int tcptrace_guard_hold(void)
{
	char name[] = GUARDED;
	int error = ftrace_set_filter(&guard, name, strlen(name), 1);

	return error ?: register_ftrace_function(&guard);
}

void tcptrace_guard_drop(void)
{
	unregister_ftrace_function(&guard);
	/* Gives its hash back; ftrace_free_filter() is not exported everywhere. */
	ftrace_set_filter(&guard, NULL, 0, 1);
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
