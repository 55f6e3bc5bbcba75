// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entry points: one program for each row of the probe table (module/uapi/tcptrace_probes.h), around its handler.
 * Compiled twice, for trampolines and, with TCPTRACE_KPROBE, for kprobes; both are linked into one object.
 */
#include "source/bpf/kernel.h"

#include <linux/ptrace.h>
#include <bpf/bpf_tracing.h>

#include "source/bpf/drop.h"
#include "source/bpf/connect.h"
#include "source/bpf/life.h"
#include "source/bpf/loss.h"
#include "source/bpf/queue.h"
#include "source/bpf/segment.h"
#include "tcptrace_layout.h"

char LICENSE[] SEC("license") = "GPL";

/* Functions that were entered and have not returned yet. A softirq may interrupt a task and enter another one. */
struct entered {
	u64 task;
	u32 probe;
	u32 context;
};

struct kept {
	arguments all[5];		/* for returns that do not have them any more */
	u64 value;			/* what the handler needs at the return */
};

/*
 * A missed return leaves its entry behind, and the task may never get here again, so the oldest entries are reused.
 * Only a few are in progress at a time, because none of these functions waits. Each CPU has a list of its own, so that
 * none evicts another one's entries.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, 1);		/* set by the loader */
	__type(key, struct entered);
	__type(value, struct kept);
} entered SEC(".maps") __weak;

static __always_inline struct entered who_entered(u32 probe)
{
	/* Not by its pid: that of each CPU's idle task is 0. */
	return (struct entered){ bpf_get_current_task(), probe, preempt_count() & NOT_TASK };
}

static __always_inline void keep(const struct kept *kept, u32 probe)
{
	struct entered key = who_entered(probe);
	struct bpf_cpu *cpu = this_cpu();

	if (bpf_map_update_elem(&entered, &key, kept, BPF_ANY) && cpu)
		__sync_fetch_and_add(&cpu->lost, 1);
}

static __always_inline bool recall(struct kept *kept, u32 probe)
{
	struct entered key = who_entered(probe);
	struct kept *found = bpf_map_lookup_elem(&entered, &key);

	if (!found)
		return false;
	*kept = *found;
	bpf_map_delete_elem(&entered, &key);
	return true;
}

/* The protocol of the call: `whose` in each row. A row cannot pass `regs`, which belongs to the program. */
#define OURS_TCP	true
#define OURS_ANY	true
#define OURS_SOCK(n)	is_tcp(ARG(regs, struct sock *, n))
#define OURS_TWSK(n)	is_tcp_timewait(ARG(regs, struct inet_timewait_sock *, n))

#ifdef TCPTRACE_KPROBE

static __always_inline void arguments_of(struct pt_regs *regs, arguments *to)
{
	to[0] = PT_REGS_PARM1(regs);
	to[1] = PT_REGS_PARM2(regs);
	to[2] = PT_REGS_PARM3(regs);
	to[3] = PT_REGS_PARM4(regs);
	to[4] = PT_REGS_PARM5(regs);
}

#define DEFINE_ENTRY(id, whose)		\
SEC("kprobe")				\
int kprobe_##id(struct pt_regs *context) \
{					\
	arguments regs[5];		\
					\
	arguments_of(context, regs);	\
	if (OURS_##whose)		\
		on_##id(regs);		\
	return 0;			\
}

/* A raw tracepoint, whose arguments are numbers as a kprobe's are. */
#define DEFINE_TRACEPOINT(id, whose)	\
SEC("raw_tp")				\
int kprobe_##id(arguments *regs)	\
{					\
	if (OURS_##whose)		\
		on_##id(regs);		\
	return 0;			\
}

#define DEFINE_RETURN(id, whose)			\
SEC("kprobe")						\
int kprobe_call_##id(struct pt_regs *context)		\
{							\
	struct kept kept;				\
	arguments *regs = kept.all;			\
							\
	arguments_of(context, regs);			\
	if (!(OURS_##whose))				\
		return 0;				\
	kept.value = call_##id(regs);			\
	keep(&kept, TCPTRACE_P_##id);			\
	return 0;					\
}							\
SEC("kretprobe")					\
int kprobe_##id(struct pt_regs *context)		\
{							\
	struct kept kept;				\
							\
	if (recall(&kept, TCPTRACE_P_##id))		\
		on_##id(kept.all, PT_REGS_RC(context), kept.value); \
	return 0;					\
}

#else

#define DEFINE_ENTRY(id, whose)		\
SEC("fentry")				\
int id(arguments *regs)			\
{					\
	if (OURS_##whose)		\
		on_##id(regs);		\
	return 0;			\
}

#define DEFINE_TRACEPOINT(id, whose)

#define DEFINE_RETURN(id, whose)	\
SEC("fentry")				\
int call_of_##id(arguments *regs)	\
{					\
	struct kept kept = { .value = 0 };	\
					\
	if (!(OURS_##whose))		\
		return 0;		\
	kept.value = call_##id(regs);	\
	keep(&kept, TCPTRACE_P_##id);	\
	return 0;			\
}					\
SEC("fexit")				\
int id(arguments *regs)			\
{					\
	struct kept kept = { .value = 0 };	\
					\
	if (BPF_RETURN_SUFFICES(TCPTRACE_P_##id) ? (OURS_##whose) : recall(&kept, TCPTRACE_P_##id))	\
		on_##id(regs, argument(regs, config.results[TCPTRACE_P_##id]), kept.value); \
	return 0;			\
}

#endif

#define DEFINE(id, symbol, older, level, method, need, whose)	DEFINE_##method(id, whose)
TCPTRACE_PROBES(DEFINE)
