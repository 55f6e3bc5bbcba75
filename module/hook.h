/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaching through ftrace itself: one ftrace_ops for a level, many functions. A hit costs a fifth of a
 * kprobe's on the same place, and one that nests in another handler is not lost.
 */
#ifndef TCPTRACE_HOOK_H
#define TCPTRACE_HOOK_H

#include <linux/types.h>

#include "uapi/tcptrace.h"

struct pt_regs;

/* Whether this kernel gives an ftrace callback the arguments of the function. */
bool tcptrace_hook_possible(void);

/*
 * Adds the function at `ip`, an ftrace location, to those of `level`. When it is entered, `hook` is called with its arguments
 * in `regs`, preemption off. While the module is being loaded, before the first arming. May sleep.
 */
int tcptrace_hook_add(void (*hook)(struct pt_regs *regs), enum tcptrace_level level, unsigned long ip);
/* Finishes the table of places: after the last add. -ENOSPC where no spread without collision is found. */
int tcptrace_hook_seal(void);

/* Arms or disarms all functions of `level`; when disarmed, none of its handlers runs any more. May sleep. */
int tcptrace_hook_arm(enum tcptrace_level level, bool on);

/* Disarms all and forgets what was added. May sleep. */
void tcptrace_hook_exit(void);

#endif
