/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaching through ftrace itself: one ftrace_ops for each level, with many functions. A hit costs a fifth of what it
 * costs with a kprobe on the same location, and one that interrupts another handler is not lost.
 */
#ifndef TCPTRACE_HOOK_H
#define TCPTRACE_HOOK_H

#include <linux/types.h>

#include "uapi/tcptrace.h"

struct pt_regs;

/* Whether an ftrace callback gets the function's arguments on this kernel. */
bool tcptrace_hook_possible(void);

/*
 * Adds the function at `ip`, an ftrace location, to those of `level`. When it is entered, `hook` is called with its
 * arguments in `regs`, preemption off. Only while the module is being loaded. May sleep.
 */
int tcptrace_hook_add(void (*hook)(struct pt_regs *regs), enum tcptrace_level level, unsigned long ip);
/* Builds the hash table, after the last add. -ENOSPC: found none without collisions. */
int tcptrace_hook_seal(void);

/* Arms or disarms all functions of `level`. When it has disarmed them, none of their hooks runs any more. May sleep. */
int tcptrace_hook_arm(enum tcptrace_level level, bool on);

/* Disarms all functions and removes them. May sleep. */
void tcptrace_hook_exit(void);

#endif
