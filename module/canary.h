/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a kprobe is hit at all, found out by experiment. kernel.ftrace_enabled=0 silences those on ftrace
 * locations, /sys/kernel/debug/kprobes/enabled=0 all of them; registering and enabling one succeed all the same.
 * So two functions of our own have a kprobe that is armed from init to exit: to ask is to call them.
 */
#ifndef TCPTRACE_CANARY_H
#define TCPTRACE_CANARY_H

enum tcptrace_muted {
	TCPTRACE_NOT_MUTED,
	TCPTRACE_MUTED_FTRACE,		/* kernel.ftrace_enabled is 0 */
	TCPTRACE_MUTED_KPROBES,		/* kprobes are switched off as a whole */
};

/* Registers the two kprobes. May sleep; what register_kprobe() says. */
int tcptrace_canary_init(void);
void tcptrace_canary_exit(void);

/* What keeps kprobes from being hit now. Takes no lock and patches nothing. Process context. */
enum tcptrace_muted tcptrace_canary_ask(void);

/* The one on an ftrace location: where. 0 where this kernel has its kprobes elsewhere. */
unsigned long tcptrace_canary_place(void);

#endif
