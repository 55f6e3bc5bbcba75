/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching, arming and reporting the probes of the table in uapi/tcptrace_probes.h. */
#ifndef TCPTRACE_PROBE_H
#define TCPTRACE_PROBE_H

#include <linux/kprobes.h>
#include <linux/types.h>

#include "uapi/tcptrace_probes.h"
#include "uapi/tcptrace.h"
#include "uapi/tcptrace_netlink.h"

/* What the kernel calls for a row of the table. */
struct tcptrace_handler {
	void (*hook)(struct pt_regs *regs);	/* ENTRY, through ftrace; preemption off */
	kprobe_pre_handler_t entry;		/* ENTRY, by kprobe */
	kretprobe_handler_t ret_entry;		/* RETURN: fills the struct tcptrace_call in ri->data */
	kretprobe_handler_t ret;
	void *trace;				/* TRACEPOINT; NULL: this kernel's does not say enough */
};

/* What the handler of a RETURN row keeps from the function's entry until it returns. */
struct tcptrace_call {
	struct sock *sk;
	void *what;
	u32 before;
};

struct tcptrace_probe_state {
	enum tcptrace_probe_id id;
	const char *symbol;
	enum tcptrace_level level;
	enum tcptrace_method method;
	bool required;
	bool armed;
	u32 error;	/* errno, why it is absent */
	u64 hits;
	u64 missed;
};

/*
 * Finds and registers all probes, disarmed. `handlers`: one for each row; must stay until exit. `kprobes_only`:
 * nothing is attached through ftrace. Fails only if a required probe does. May sleep.
 */
int tcptrace_probe_init(const struct tcptrace_handler *handlers, bool kprobes_only);
/* Unregisters all probes. When it returns, no handler is running or will run. May sleep. */
void tcptrace_probe_exit(void);

/* Whether armed probes would fire now: 0; -EBUSY, kernel.ftrace_enabled is 0; -ESHUTDOWN, kprobes are switched off. */
int tcptrace_probe_audible(void);

/*
 * Arms the probes up to `level` and disarms those above. The errors of tcptrace_probe_audible(), enable_kprobe() and
 * register_ftrace_function(); then the previous level is armed. One caller at a time: filter.c has a mutex. May sleep.
 */
int tcptrace_probe_arm(enum tcptrace_level level);

/* The level that is armed. */
enum tcptrace_level tcptrace_probe_armed(void);

/* False: there is nothing to report of this row. Of a row and its fallback, the attached one is reported. */
bool tcptrace_probe_state(enum tcptrace_probe_id id, struct tcptrace_probe_state *state);

#endif
