/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching, arming and reporting the probes of the table in uapi/tcptrace_probes.h. */
#ifndef TCPTRACE_PROBE_H
#define TCPTRACE_PROBE_H

#include <linux/kprobes.h>
#include <linux/types.h>

#include "uapi/tcptrace_probes.h"
#include "uapi/tcptrace.h"
#include "uapi/tcptrace_netlink.h"

/* What the kernel calls for a row; made by handlers_impl.h. */
struct tcptrace_handler {
	void (*hook)(struct pt_regs *regs);	/* ENTRY by ftrace; preemption off */
	kprobe_pre_handler_t entry;		/* ENTRY by kprobe */
	kretprobe_handler_t ret_entry;		/* RETURN: fills the struct tcptrace_call in ri->data */
	kretprobe_handler_t ret;
};

/* Of a RETURN, from the function's entry. */
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
	u32 error;	/* why it is absent */
	u64 hits;
	u64 missed;
};

/*
 * Finds and registers all probes, disarmed, each to be handled by its row of `handlers`, which stays; entries by kprobe
 * only, where `kprobes_only`. Fails only where a required one does. May sleep.
 */
int tcptrace_probe_init(const struct tcptrace_handler *handlers, bool kprobes_only);
/* Unregisters; when it returns no handler runs or will run. */
void tcptrace_probe_exit(void);

/* 0; where armed probes are silent now: -EBUSY, kernel.ftrace_enabled is 0; -ESHUTDOWN, kprobes are switched off. */
int tcptrace_probe_audible(void);

/*
 * Arms the probes up to `level`, disarms those above. Under the filter's mutex.
 * As tcptrace_probe_audible(), and what enable_kprobe() or register_ftrace_function() said.
 * On an error the former level is armed.
 */
int tcptrace_probe_arm(enum tcptrace_level level);

/* The level that is armed. */
enum tcptrace_level tcptrace_probe_armed(void);

/* False where there is nothing to say: of a row and its fallback one is told of, the one that is attached. */
bool tcptrace_probe_state(enum tcptrace_probe_id id, struct tcptrace_probe_state *state);

#endif
