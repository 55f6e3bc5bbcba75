// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel calls: one program for each row of module/probes.h, around its handler. This is compiled twice, for
 * trampolines and, with TCPTRACE_KPROBE, for kprobes; both are linked into one object.
 */
#include "kernel.h"

#include <linux/ptrace.h>
#include <bpf/bpf_tracing.h>

#include "life.h"
#include "missing.h"
#include "queue.h"
#include "tcptrace_layout.h"

char LICENSE[] SEC("license") = "GPL";

#define MISSING_ENTRY(id)	static __always_inline void on_##id(arguments *regs) { }
#define MISSING_RETURN(id)	static __always_inline void on_##id(arguments *regs, int result) { }
#define MISSING(id, method)	MISSING_##method(id)
TCPTRACE_BPF_MISSING(MISSING)

#ifdef TCPTRACE_KPROBE

static __always_inline void arguments_of(struct pt_regs *regs, arguments *to)
{
	to[0] = PT_REGS_PARM1(regs);
	to[1] = PT_REGS_PARM2(regs);
	to[2] = PT_REGS_PARM3(regs);
	to[3] = PT_REGS_PARM4(regs);
	to[4] = PT_REGS_PARM5(regs);
}

#define DEFINE_ENTRY(id)		\
SEC("kprobe")				\
int kprobe_##id(struct pt_regs *regs)	\
{					\
	arguments all[5];		\
					\
	arguments_of(regs, all);	\
	on_##id(all);			\
	return 0;			\
}

/* The arguments of functions that have been entered and have not returned yet. */
struct entered {
	u64 task;
	u64 probe;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct entered);
	__type(value, arguments[5]);
} entered SEC(".maps");

static __always_inline void keep_arguments(struct pt_regs *regs, u64 probe)
{
	struct entered key = { bpf_get_current_pid_tgid(), probe };
	arguments all[5];

	arguments_of(regs, all);
	bpf_map_update_elem(&entered, &key, all, BPF_ANY);
}

static __always_inline bool kept_arguments(arguments *to, u64 probe)
{
	struct entered key = { bpf_get_current_pid_tgid(), probe };
	arguments *all = bpf_map_lookup_elem(&entered, &key);

	if (!all)
		return false;
	__builtin_memcpy(to, all, sizeof(arguments[5]));
	bpf_map_delete_elem(&entered, &key);
	return true;
}

#define DEFINE_RETURN(id)				\
SEC("kprobe")						\
int entered_##id(struct pt_regs *regs)			\
{							\
	keep_arguments(regs, TCPTRACE_P_##id);		\
	return 0;					\
}							\
SEC("kretprobe")					\
int kprobe_##id(struct pt_regs *regs)			\
{							\
	arguments all[5];				\
							\
	if (kept_arguments(all, TCPTRACE_P_##id))	\
		on_##id(all, PT_REGS_RC(regs));		\
	return 0;					\
}

#else

#define DEFINE_ENTRY(id)		\
SEC("fentry")				\
int id(arguments *regs)			\
{					\
	on_##id(regs);			\
	return 0;			\
}

#define DEFINE_RETURN(id)		\
SEC("fexit")				\
int id(arguments *regs)			\
{					\
	on_##id(regs, argument(regs, config.arguments[TCPTRACE_P_##id])); \
	return 0;			\
}

#endif

#define DEFINE(id, symbol, older, level, method, need)	DEFINE_##method(id)
TCPTRACE_PROBES(DEFINE)
