// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/bpf_allowed.h"
#include "host/kprobes_enabled.h"
#include "source/bpf/cookies.h"
#include "source/bpf/load.h"
#include "source/bpf/questions.h"
#include "source/bpf/subset.h"
#include "source/bpf/target.h"

#define TRAMPOLINE_ARGUMENTS	6	/* functions with more arguments have no trampoline on 5.10 and 6.1 */
#define ENTERED		64	/* functions in progress on a CPU */
#define BUFFER		(8u << 20)	/* bytes of the ring buffer, a power of two: 41 943 records */

enum { OPTIONAL, REQUIRED, FALLBACK };

/* The programs that attach a row in one of the two ways; all NULL: it has none. */
struct attachment {
	struct bpf_program *program;
	struct bpf_link **link;
	struct bpf_program *call;	/* of a RETURN row: the program at the entry, else NULL */
	struct bpf_link **call_link;
};

/* A row of the probe table, with its programs in the skeleton. */
struct probe {
	const char *symbol;
	const char *older;
	enum tcptrace_level level;
	int need;
	bool tracepoint;		/* `symbol` is one, and `kprobe` is its program */
	bool return_suffices;		/* to a trampoline */
	struct attachment trampoline, kprobe;
};

#define WAY_ENTRY(name, call)	{ .program = skeleton->progs.name, .link = &skeleton->links.name }
#define WAY_RETURN(name, call_) \
	{ .program = skeleton->progs.name, .link = &skeleton->links.name, \
	  .call = skeleton->progs.call_, .call_link = &skeleton->links.call_ }

/*
 * A tracepoint's program reads as a kprobe's does. A dropped segment's socket is found in the segment, and not every
 * verifier lets a helper find out the kind of a socket that is no argument.
 */
#define TRAMPOLINE_ENTRY(id)		WAY_ENTRY(id, )
#define TRAMPOLINE_RETURN(id)		WAY_RETURN(id, call_of_##id)
#define TRAMPOLINE_TRACEPOINT(id)	{ .program = NULL }
#define KPROBE_ENTRY(id)		WAY_ENTRY(kprobe_##id, )
#define KPROBE_RETURN(id)		WAY_RETURN(kprobe_##id, kprobe_call_##id)
#define KPROBE_TRACEPOINT(id)		WAY_ENTRY(kprobe_##id, )
#define IS_TRACEPOINT_ENTRY		false
#define IS_TRACEPOINT_RETURN		false
#define IS_TRACEPOINT_TRACEPOINT	true

#define ROW(id, _symbol, _older, _level, method, _need, _whose)						\
	[TCPTRACE_P_##id] = {									\
		.symbol = _symbol, .older = _older,						\
		.level = TCPTRACE_L_##_level, .need = _need,					\
		.tracepoint = IS_TRACEPOINT_##method,						\
		.return_suffices = BPF_RETURN_SUFFICES(TCPTRACE_P_##id),			\
		.trampoline = TRAMPOLINE_##method(id),						\
		.kprobe = KPROBE_##method(id),							\
	},

#define PROBES(name, skeleton)	const struct probe name[] = { TCPTRACE_PROBES(ROW) }

/* ---- errors ---- */

/* With TCPTRACE_BPF_LOG set, prints everything, including the verifier's log, for work on the programs. */
static int print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_DEBUG || !getenv("TCPTRACE_BPF_LOG"))
		return 0;
	return vfprintf(stderr, format, arguments);
}

static int explain(int error, const char *what, char *text, size_t size)
{
	if (access(BTF_FILE, F_OK))
		snprintf(text, size,
			 "BPF: this kernel has no type information (" BTF_FILE "): use the module or one with CONFIG_DEBUG_INFO_BTF");
	else if (bpf_locked_out())
		snprintf(text, size,
			 "BPF: lockdown mode is confidentiality: BPF programs may not read kernel memory; boot with lockdown=integrity");
	else if (error == EPERM)
		snprintf(text, size,
			 "BPF: %s: refused, although no capability is missing: maybe by a security module", what);
	else
		snprintf(text, size, "BPF: %s: %s (TCPTRACE_BPF_LOG=1 shows more)", what, strerror(error));
	return -error;
}

/* ---- the configuration ---- */

static void make_mask(__u32 *mask, unsigned int bits)
{
	unsigned char *bytes = (unsigned char *)mask;

	memset(mask, 0, TCPTRACE_ADDR_LEN);
	memset(bytes, 0xff, bits / 8);
	if (bits % 8)
		bytes[bits / 8] = 0xff00 >> bits % 8;
}

static void make_rule(struct bpf_rule *rule, const struct tcptrace_clause *clause)
{
	*rule = (struct bpf_rule){
		.netns = clause->netns,
		.family = clause->family,
		.sport_min = clause->sport_min,
		.sport_max = clause->sport_max,
		.dport_min = clause->dport_min,
		.dport_max = clause->dport_max,
	};
	memcpy(rule->saddr, clause->saddr, TCPTRACE_ADDR_LEN);
	memcpy(rule->daddr, clause->daddr, TCPTRACE_ADDR_LEN);
	make_mask(rule->saddr_mask, clause->saddr_len);
	make_mask(rule->daddr_mask, clause->daddr_len);
}

/* More clauses than the program accepts: record everything, and let the reader filter. */
static void configure_filter(struct bpf_config *config, const struct source_request *request)
{
	size_t i;

	config->level = request->level;
	if (request->clause_count > TCPTRACE_CLAUSES_MAX)
		return;
	for (i = 0; i < request->clause_count; i++)
		make_rule(&config->rules[i], &request->clauses[i]);
	config->rule_count = request->clause_count;
}

/* ---- loading ---- */

#define TRACEPOINT_ARGUMENTS	3	/* kfree_skb tells no reason on 5.10, and then nothing that can be told */

/* The function's or tracepoint's name on this kernel; NULL: it does not exist. */
static const char *symbol_of(const struct btf *btf, const struct probe *probe)
{
	if (probe->tracepoint)
		return kernel_tracepoint_arguments(btf, probe->symbol) < TRACEPOINT_ARGUMENTS ? NULL : probe->symbol;
	if (kernel_has(probe->symbol))
		return probe->symbol;
	return probe->older && kernel_has(probe->older) ? probe->older : NULL;
}

static void choose_trampoline(struct bpf_program *program, bool chosen, const char *symbol)
{
	if (!program)
		return;
	bpf_program__set_autoload(program, chosen);
	if (chosen)
		target_set(program, symbol);
}

static void choose_kprobe(struct bpf_program *program, bool chosen)
{
	if (program)
		bpf_program__set_autoload(program, chosen);
}

/* Selects the programs of a probe for the chosen way of attaching; none if `symbol` is NULL. */
static void choose_programs(const struct probe *probe, const char *symbol, enum attaching how)
{
	bool trampoline = symbol && how == BY_TRAMPOLINE, kprobe = symbol && how == BY_KPROBE;

	choose_trampoline(probe->trampoline.call, trampoline && !probe->return_suffices, symbol);
	choose_trampoline(probe->trampoline.program, trampoline, symbol);
	choose_kprobe(probe->kprobe.call, kprobe);
	choose_kprobe(probe->kprobe.program, kprobe);
}

/* Decides for each probe whether it is loaded, and for which function. */
static int choose_probes(struct tcptrace_bpf *skeleton, const struct btf *btf, enum tcptrace_level level,
			 enum attaching how, char *error, size_t error_size)
{
	struct bpf_config *config = (struct bpf_config *)&skeleton->rodata->config;
	PROBES(probes, skeleton);
	bool by_kprobe;
	size_t i;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++) {
		const char *symbol = probes[i].level > level ? NULL : symbol_of(btf, &probes[i]);

		/* It is a fallback for the row before it. */
		if (probes[i].need == FALLBACK && symbol_of(btf, &probes[i - 1]))
			symbol = NULL;
		if (!symbol && probes[i].need == REQUIRED && probes[i].level <= level) {
			snprintf(error, error_size, "BPF: this kernel has no %s to attach to", probes[i].symbol);
			return -ENOENT;
		}
		by_kprobe = how == BY_KPROBE || probes[i].tracepoint ||
			    (symbol && kernel_arguments(btf, symbol) > TRAMPOLINE_ARGUMENTS);
		if (symbol && by_kprobe && !probes[i].tracepoint && !kprobes_enabled()) {
			snprintf(error, error_size,
				 "BPF: kprobes are switched off as a whole, so the one on %s would not fire: " KPROBES_REMEDY, symbol);
			return -ESHUTDOWN;
		}
		choose_programs(&probes[i], symbol, by_kprobe ? BY_KPROBE : BY_TRAMPOLINE);
		config->results[i] = symbol ? kernel_result(btf, symbol) : 0;
	}
	return 0;
}

/* types: the file for the kernel types that are needed */
static int prepare(struct tcptrace_bpf *skeleton, const struct source_request *request, enum attaching how, int types,
		   char *error, size_t error_size)
{
	struct bpf_config *config = (struct bpf_config *)&skeleton->rodata->config;
	struct btf *btf = btf__load_vmlinux_btf();
	bool by_cgroup;
	int result;

	if (!btf)
		return explain(errno, BTF_FILE, error, error_size);
	result = subset_write(types, skeleton->obj, btf);
	if (result) {
		btf__free(btf);
		return explain(-result, "load", error, error_size);
	}
	kernel_ask(btf);
	kernel_answers(btf, config);
	configure_filter(config, request);
	bpf_map__set_max_entries(skeleton->maps.cpus, libbpf_num_possible_cpus());
	bpf_map__set_max_entries(skeleton->maps.entered, libbpf_num_possible_cpus() * ENTERED);
	bpf_map__set_max_entries(skeleton->maps.events,
				 request->level ? BUFFER : (unsigned int)sysconf(_SC_PAGESIZE));
	/* A kprobe can never assign a cookie. */
	by_cgroup = !config->cookies || how == BY_KPROBE;
	bpf_program__set_autoload(skeleton->progs.socket_cookie, by_cgroup);
	bpf_program__set_autoload(skeleton->progs.request_cookie, by_cgroup);
	result = choose_probes(skeleton, btf, request->level, how, error, error_size);
	btf__free(btf);
	return result;
}

static int load(struct tcptrace_bpf *skeleton, const struct source_request *request, enum attaching how, int types,
		char *error, size_t error_size)
{
	int result = prepare(skeleton, request, how, types, error, error_size);

	if (result)
		return result;
	result = tcptrace_bpf__load(skeleton);
	return result ? explain(-result, "load", error, error_size) : 0;
}

int load_programs(const struct source_request *request, enum attaching how, struct tcptrace_bpf **loaded,
		  char *error, size_t error_size)
{
	char path[SUBSET_PATH];
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = path);
	struct tcptrace_bpf *skeleton;
	int result, types;

	libbpf_set_print(print);
	result = targets_begin();
	if (result)
		return explain(-result, "open", error, error_size);
	types = subset_open(path);
	if (types < 0)
		return explain(-types, "open", error, error_size);
	skeleton = tcptrace_bpf__open_opts(&options);
	result = skeleton ? load(skeleton, request, how, types, error, error_size) :
			    explain(errno, "open", error, error_size);
	close(types);
	if (result)
		tcptrace_bpf__destroy(skeleton);
	else
		*loaded = skeleton;
	return result;
}

/* ---- attaching ---- */

static struct bpf_link *attach_kprobe(const struct probe *probe, struct bpf_program *program, bool at_return)
{
	struct bpf_link *link = bpf_program__attach_kprobe(program, at_return, probe->symbol);

	return link || !probe->older ? link : bpf_program__attach_kprobe(program, at_return, probe->older);
}

/* True if it is attached, or need not be. */
static bool attach(const struct probe *probe)
{
	const struct attachment *way = &probe->trampoline;

	if (way->program && bpf_program__autoload(way->program)) {
		if (way->call && bpf_program__autoload(way->call))
			*way->call_link = bpf_program__attach(way->call);
		*way->link = bpf_program__attach(way->program);
		return *way->link;
	}
	way = &probe->kprobe;
	if (!bpf_program__autoload(way->program))
		return true;
	if (probe->tracepoint) {
		*way->link = bpf_program__attach_raw_tracepoint(way->program, probe->symbol);
		return *way->link;
	}
	if (way->call)
		*way->call_link = attach_kprobe(probe, way->call, false);
	*way->link = attach_kprobe(probe, way->program, way->call);
	return *way->link;
}

int attach_probes(struct tcptrace_bpf *skeleton, char *error, size_t error_size)
{
	PROBES(probes, skeleton);
	int result;
	size_t i;

	if (bpf_program__autoload(skeleton->progs.socket_cookie)) {
		result = cookies_attach(skeleton);
		if (result)
			return explain(-result, "the programs that assign cookies", error, error_size);
	}
	/* In reverse: once tcp_set_state, the first row, is traced, all others are. */
	for (i = TCPTRACE_PROBE_COUNT; i-- > 0;)
		if (!attach(&probes[i]) && probes[i].need == REQUIRED)
			return explain(errno, probes[i].symbol, error, error_size);
	return 0;
}

static uint64_t program_missed(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (!program || bpf_program__fd(program) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

/* If a kprobe is hit within another one's handler, its program does not run. Counted from 6.7 on, else 0. */
static uint64_t kprobe_missed(const struct bpf_link *link)
{
	/* struct bpf_link_info, up to the fields used here; the header may be older. */
	struct {
		__u32 type, id, program, pad;
		__u32 event, event_pad;
		__u64 symbol;
		__u32 symbol_length, offset;
		__u64 address, missed, cookie;
	} info = { 0 };
	enum { KPROBE = 3, KRETPROBE };		/* enum bpf_perf_event_type */
	__u32 size = sizeof(info);

	if (!link || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) || info.type != BPF_LINK_TYPE_PERF_EVENT)
		return 0;
	return info.event == KPROBE || info.event == KRETPROBE ? info.missed : 0;
}

static uint64_t attachment_missed(const struct attachment *way)
{
	if (!way->program)
		return 0;
	/* Programs that are not loaded have no descriptor, those not attached no link. */
	return program_missed(way->program) + program_missed(way->call) + kprobe_missed(*way->link) +
	       (way->call ? kprobe_missed(*way->call_link) : 0);
}

uint64_t probes_missed(struct tcptrace_bpf *skeleton)
{
	uint64_t missed = 0;
	PROBES(probes, skeleton);
	size_t i;

	for (i = 0; i < TCPTRACE_PROBE_COUNT; i++)
		missed += attachment_missed(&probes[i].trampoline) + attachment_missed(&probes[i].kprobe);
	return missed;
}
