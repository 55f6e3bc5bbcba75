/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether kprobes fire at all, found out by experiment. kernel.ftrace_enabled=0 silences those on ftrace locations,
 * /sys/kernel/debug/kprobes/enabled=0 silences all; in both cases they can still be registered and enabled without an
 * error. So two functions of the module have a kprobe each, armed from init to exit, and the test is to call them.
 */
#ifndef TCPTRACE_CANARY_H
#define TCPTRACE_CANARY_H

enum tcptrace_muted {
	TCPTRACE_NOT_MUTED,
	TCPTRACE_MUTED_FTRACE,		/* kernel.ftrace_enabled is 0 */
	TCPTRACE_MUTED_KPROBES,		/* all kprobes are switched off */
};

/* Registers the two kprobes. The errors of register_kprobe(). May sleep. */
int tcptrace_canary_init(void);
void tcptrace_canary_exit(void);

/* What keeps kprobes from firing now. Takes no lock and patches no code. Process context. */
enum tcptrace_muted tcptrace_canary_ask(void);

/* The address of the kprobe on an ftrace location; 0 where this kernel does not put kprobes there. */
unsigned long tcptrace_canary_place(void);

#endif
