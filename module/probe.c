// SPDX-License-Identifier: GPL-2.0-only
#include <asm/barrier.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "canary.h"
#include "guard.h"
#include "hook.h"
#include "probe.h"
#include "stats.h"

enum { OPTIONAL, REQUIRED, FALLBACK };
enum { ENTRY, RETURN, TRACEPOINT };

struct probe {
	const char *symbol;
	const char *older;
	enum tcptrace_level level;
	int where;
	int need;
	enum tcptrace_method method;	/* as attached */
	bool armed;
	int error;
	u64 missed;			/* when it was disarmed last */
	u64 foreign;			/* misses that it is charged with but that were others' */
	/* For a function attached through ftrace, too: finds the location, and keeps the function's module loaded. */
	union {
		struct kprobe kprobe;
		struct kretprobe kretprobe;
		struct tracepoint *tracepoint;	/* of the kernel itself, which none of its modules takes away */
	};
};

#define ROW(_id, _symbol, _older, _level, _where, _need, _whose)	\
	[TCPTRACE_P_##_id] = {					\
		.symbol = _symbol, .older = _older,		\
		.level = TCPTRACE_L_##_level,			\
		.where = _where, .need = _need },

static struct probe probes[] = { TCPTRACE_PROBES(ROW) };

static const struct tcptrace_handler *handlers;	/* of each row */

/* Changes under the mutex of filter.c. */
static enum tcptrace_level armed_level;

static int tcptrace_probe_attach_by_name(struct probe *probe, const char *symbol)
{
	const struct tcptrace_handler *handler = &handlers[probe - probes];

	/* Registration writes into the structure, so a second attempt needs a clean one. */
	if (probe->where == RETURN) {
		probe->kretprobe = (struct kretprobe) {
			.kp.symbol_name = symbol,
			.kp.flags = KPROBE_FLAG_DISABLED,
			.entry_handler = handler->ret_entry,
			.handler = handler->ret,
			.data_size = sizeof(struct tcptrace_call),
		};
		return register_kretprobe(&probe->kretprobe);
	}
	probe->kprobe = (struct kprobe) {
		.symbol_name = symbol,
		.flags = KPROBE_FLAG_DISABLED,
		.pre_handler = handler->entry,
	};
	return register_kprobe(&probe->kprobe);
}

/* The registered kprobe knows the function's address, and whether there is an ftrace location. */
static bool tcptrace_probe_attach_by_ftrace(struct probe *probe)
{
	return tcptrace_hook_possible() && (probe->kprobe.flags & KPROBE_FLAG_FTRACE) &&
	       !tcptrace_hook_add(handlers[probe - probes].hook, probe->level, (unsigned long)probe->kprobe.addr);
}

static void tcptrace_probe_compare(struct tracepoint *tracepoint, void *arg)
{
	struct probe *probe = arg;

	if (!strcmp(tracepoint->name, probe->symbol))
		probe->tracepoint = tracepoint;
}

static void tcptrace_probe_attach_tracepoint(struct probe *probe)
{
	probe->tracepoint = NULL;
	for_each_kernel_tracepoint(tcptrace_probe_compare, probe);
	if (probe->tracepoint && handlers[probe - probes].trace) {
		probe->method = TCPTRACE_METHOD_TRACEPOINT;
		return;
	}
	probe->method = TCPTRACE_METHOD_ABSENT;
	probe->error = -ENOENT;
}

static void tcptrace_probe_attach(struct probe *probe, bool kprobes_only)
{
	if (probe->where == TRACEPOINT)
		return tcptrace_probe_attach_tracepoint(probe);
	probe->error = tcptrace_probe_attach_by_name(probe, probe->symbol);
	if (probe->error && probe->older)
		probe->error = tcptrace_probe_attach_by_name(probe, probe->older);
	if (probe->error)
		probe->method = TCPTRACE_METHOD_ABSENT;
	else if (probe->where == RETURN)
		probe->method = TCPTRACE_METHOD_KRETPROBE;
	else if (!kprobes_only && tcptrace_probe_attach_by_ftrace(probe))
		probe->method = TCPTRACE_METHOD_FTRACE;
	else
		probe->method = TCPTRACE_METHOD_KPROBE;
}

/*
 * Hits that the kernel charges to a probe as missed. A kprobe that shares its location with others is charged with
 * their misses, too, even while it is disarmed. Through ftrace nothing is missed, and the kprobe stays disarmed.
 */
static u64 tcptrace_probe_charged(const struct probe *probe)
{
	switch (probe->method) {
	case TCPTRACE_METHOD_KPROBE:
		return probe->kprobe.nmissed;
	case TCPTRACE_METHOD_KRETPROBE:
		return probe->kretprobe.kp.nmissed + probe->kretprobe.nmissed;
	default:
		return 0;
	}
}

/* Only grows, even when read while the probe is being armed or disarmed: both branches have the same value then. */
static u64 tcptrace_probe_missed(const struct probe *probe)
{
	return smp_load_acquire(&probe->armed) ? tcptrace_probe_charged(probe) - probe->foreign : probe->missed;
}

static int tcptrace_probe_arm_one(struct probe *probe, bool on)
{
	int error = 0;

	if (probe->armed == on)
		return 0;
	switch (probe->method) {
	case TCPTRACE_METHOD_ABSENT:
		return 0;
	case TCPTRACE_METHOD_FTRACE:	/* armed with its whole level */
		break;
	case TCPTRACE_METHOD_KPROBE:
		error = on ? enable_kprobe(&probe->kprobe) : disable_kprobe(&probe->kprobe);
		break;
	case TCPTRACE_METHOD_KRETPROBE:
		error = on ? enable_kretprobe(&probe->kretprobe) : disable_kretprobe(&probe->kretprobe);
		break;
	case TCPTRACE_METHOD_TRACEPOINT:
		error = on ? tracepoint_probe_register(probe->tracepoint, handlers[probe - probes].trace, NULL) :
			     tracepoint_probe_unregister(probe->tracepoint, handlers[probe - probes].trace, NULL);
		break;
	}
	if (error)
		return error;
	if (on)
		probe->foreign = tcptrace_probe_charged(probe) - probe->missed;
	else
		probe->missed = tcptrace_probe_charged(probe) - probe->foreign;
	smp_store_release(&probe->armed, on);
	return 0;
}

/* All of a kind at once, since each call waits for a grace period. Both arrays are too much for one stack frame. */
static noinline void tcptrace_probe_detach_kretprobes(void)
{
	struct kretprobe *kretprobes[TCPTRACE_PROBE_COUNT];
	int i, count = 0;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++)
		if (probes[i].method == TCPTRACE_METHOD_KRETPROBE)
			kretprobes[count++] = &probes[i].kretprobe;
	unregister_kretprobes(kretprobes, count);
}

static noinline void tcptrace_probe_detach_kprobes(void)
{
	struct kprobe *kprobes[TCPTRACE_PROBE_COUNT];
	int i, count = 0;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++)
		if (probes[i].method == TCPTRACE_METHOD_KPROBE || probes[i].method == TCPTRACE_METHOD_FTRACE)
			kprobes[count++] = &probes[i].kprobe;
	unregister_kprobes(kprobes, count);
}

static void tcptrace_probe_detach_tracepoints(void)
{
	int i;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++)
		if (probes[i].method == TCPTRACE_METHOD_TRACEPOINT)
			tcptrace_probe_arm_one(&probes[i], false);
	tracepoint_synchronize_unregister();
}

static void tcptrace_probe_detach_all(void)
{
	tcptrace_hook_exit();
	tcptrace_probe_detach_kretprobes();
	tcptrace_probe_detach_kprobes();
	tcptrace_probe_detach_tracepoints();
}

/* Arms what `level` needs and disarms the rest. Stops at the first error. */
static int tcptrace_probe_arm_exactly(enum tcptrace_level level)
{
	int i, error;

	for (i = TCPTRACE_L_LIFE; i <= TCPTRACE_L_SEGMENT; i++) {
		error = tcptrace_hook_arm(i, i <= level);
		if (error)
			return error;
	}
	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++) {
		error = tcptrace_probe_arm_one(&probes[i], probes[i].level <= level);
		if (error)
			return error;
	}
	return 0;
}

static bool is_attached(const struct probe *probe)
{
	return probe->method != TCPTRACE_METHOD_ABSENT;
}

/* Attaches all rows in order; a fallback only if the row before it could not be attached. */
static int tcptrace_probe_attach_all(bool kprobes_only)
{
	struct probe *probe, *end = probes + TCPTRACE_PROBE_COUNT;

	for (probe = probes; probe < end; probe++) {
		if (probe->need == FALLBACK && is_attached(probe - 1))
			continue;
		tcptrace_probe_attach(probe, kprobes_only);
		if (probe->error && probe->need == REQUIRED) {
			pr_err("cannot attach to %s: error %d\n", probe->symbol, probe->error);
			return probe->error;
		}
	}
	return 0;
}

static void tcptrace_probe_report_absent(void)
{
	struct tcptrace_probe_state state;
	int i;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++)
		if (tcptrace_probe_state(i, &state) && state.error)
			pr_notice("no %s on this kernel (error -%u): what it shows is not visible\n",
				  state.symbol, state.error);
}

int tcptrace_probe_init(const struct tcptrace_handler *all_handlers, bool kprobes_only)
{
	int error = tcptrace_canary_init();

	handlers = all_handlers;
	if (error)
		return error;
	error = tcptrace_probe_attach_all(kprobes_only);
	if (!error) {
		tcptrace_probe_report_absent();
		error = tcptrace_hook_seal();
	}
	if (error) {
		tcptrace_probe_detach_all();
		tcptrace_canary_exit();
	}
	return error;
}

void tcptrace_probe_exit(void)
{
	if (armed_level > TCPTRACE_L_OFF)
		tcptrace_guard_drop();
	armed_level = TCPTRACE_L_OFF;
	tcptrace_probe_detach_all();
	tcptrace_canary_exit();
}

int tcptrace_probe_audible(void)
{
	switch (tcptrace_canary_ask()) {
	case TCPTRACE_MUTED_FTRACE:
		return -EBUSY;
	case TCPTRACE_MUTED_KPROBES:
		return -ESHUTDOWN;
	default:
		return 0;
	}
}

int tcptrace_probe_arm(enum tcptrace_level level)
{
	int error;

	if (level == armed_level)
		return 0;
	if (armed_level == TCPTRACE_L_OFF) {
		error = tcptrace_guard_hold();
		if (error)
			return error;
	}
	error = tcptrace_probe_arm_exactly(level);
	/* If kprobes were switched off meanwhile, enabling one returned 0 and did nothing. */
	if (!error && level > armed_level)
		error = tcptrace_probe_audible();
	if (error) {
		tcptrace_probe_arm_exactly(armed_level);
		level = armed_level;
	}
	if (level == TCPTRACE_L_OFF)
		tcptrace_guard_drop();
	armed_level = level;
	return error;
}

enum tcptrace_level tcptrace_probe_armed(void)
{
	return READ_ONCE(armed_level);
}

static bool fallback_is_attached(const struct probe *probe)
{
	return probe + 1 < probes + TCPTRACE_PROBE_COUNT && probe[1].need == FALLBACK && is_attached(probe + 1);
}

/* Of the two names, the one that this kernel has. */
static const char *symbol_of(const struct probe *probe)
{
	if (!is_attached(probe) || probe->method == TCPTRACE_METHOD_TRACEPOINT)
		return probe->symbol;
	/* Of a kretprobe, too: its kprobe is its first member. */
	return probe->kprobe.symbol_name;
}

bool tcptrace_probe_state(enum tcptrace_probe_id id, struct tcptrace_probe_state *state)
{
	const struct probe *probe = &probes[id];

	*state = (struct tcptrace_probe_state) {
		.id = id,
		.symbol = symbol_of(probe),
		.level = probe->level,
		.method = probe->method,
		.required = probe->need == REQUIRED,
		.armed = probe->armed,
		.error = -probe->error,
		.hits = tcptrace_stats_hits(id),
		.missed = tcptrace_probe_missed(probe),
	};
	return is_attached(probe) || (probe->need != FALLBACK && !fallback_is_attached(probe));
}
