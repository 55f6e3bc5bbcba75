/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.ftrace_enabled=0 silences, without an error, whatever is attached to an ftrace location. While this guard is
 * held, writing that 0 fails with EBUSY.
 */
#ifndef TCPTRACE_GUARD_H
#define TCPTRACE_GUARD_H

/* Between tcptrace_canary_init() and _exit(). 0, or -EBUSY where kernel.ftrace_enabled is 0 already. May sleep. */
int tcptrace_guard_hold(void);
void tcptrace_guard_drop(void);

#endif
