// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/bpf/questions.h"

/*
 * The functions in question, by name, and their BTF ids; 0: this kernel does not have it. btf__find_by_name_kind()
 * would search tens of thousands of types for each.
 */
#define ASKED(id, symbol_, older_, ...)	{ .name = symbol_ }, { .name = older_ },
static struct function {
	const char *name;
	uint32_t id;
} functions[] = { TCPTRACE_PROBES(ASKED) { .name = "bpf_get_socket_ptr_cookie" }, { .name = "bpf_get_current_task_btf" } };
#define FUNCTIONS	(sizeof(functions) / sizeof(functions[0]))

static int by_name(const void *one, const void *other)
{
	const struct function *a = one, *b = other;

	/* Not every row has an older name. */
	return strcmp(a->name ?: "", b->name ?: "");
}

static struct function *find(const char *name)
{
	const struct function key = { .name = name };

	return bsearch(&key, functions, FUNCTIONS, sizeof(functions[0]), by_name);
}

/* The distinct beginnings of their names: most functions of the kernel are skipped by these. */
#define BEGINNING	4

static char beginnings[FUNCTIONS][BEGINNING];
static size_t beginning_count;

static bool begins_like_asked(const char *name)
{
	size_t i;

	for (i = 0; i < beginning_count; i++)
		if (name[0] == beginnings[i][0] && name[1] == beginnings[i][1] && !strncmp(name, beginnings[i], BEGINNING))
			return true;
	return false;
}

void kernel_ask(const struct btf *btf)
{
	uint32_t id, count = btf__type_cnt(btf);
	size_t i;

	qsort(functions, FUNCTIONS, sizeof(functions[0]), by_name);
	for (i = 0; i < FUNCTIONS; i++) {
		functions[i].id = 0;
		if (functions[i].name && !begins_like_asked(functions[i].name))
			memcpy(beginnings[beginning_count++], functions[i].name, BEGINNING);
	}
	for (id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = btf_is_func(type) ? btf__name_by_offset(btf, type->name_off) : "";
		struct function *function = begins_like_asked(name) ? find(name) : NULL;

		if (function && !function->id)
			function->id = id;
	}
}

int kernel_function(const char *name)
{
	const struct function *function = find(name);

	return function ? function->id : 0;
}

bool kernel_has(const char *function)
{
	return kernel_function(function);
}

static const struct btf_type *prototype(const struct btf *btf, const char *function)
{
	int id = kernel_function(function);

	return id ? btf__type_by_id(btf, btf__type_by_id(btf, id)->type) : NULL;
}

int kernel_arguments(const struct btf *btf, const char *function)
{
	const struct btf_type *type = prototype(btf, function);

	return type ? btf_vlen(type) : 0;
}

int kernel_result(const struct btf *btf, const char *function)
{
	const struct btf_type *type = prototype(btf, function);

	return type && type->type ? btf_vlen(type) : 0;
}

/* The tracepoint calls functions of this type; the first parameter is not one of its arguments. */
int kernel_tracepoint_arguments(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return 0;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	type = btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : 0;
}

/* The number of the argument of this enum type; 0: none, because the first never is. */
static int argument_of_enum(const struct btf *btf, const char *function, const char *name)
{
	const struct btf_type *type = prototype(btf, function);
	int i;

	for (i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_type *argument = btf__type_by_id(btf, btf_params(type)[i].type);

		if (btf_is_any_enum(argument) && !strcmp(btf__name_by_offset(btf, argument->name_off), name))
			return i;
	}
	return 0;
}

/* The value of this name in an anonymous enum; 0: there is none. */
static int value_of_nameless(const struct btf *btf, const char *name)
{
	__u32 id, count = btf__type_cnt(btf);
	int i;

	for (id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_enum(type) || type->name_off)
			continue;
		for (i = 0; i < btf_vlen(type); i++)
			if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name))
				return btf_enum(type)[i].val;
	}
	return 0;
}

/*
 * The names of the core's drop reasons that have a meaning: those after NOT_SPECIFIED, up to MAX. Purging the queue of
 * a closing socket is not a drop.
 */
static void name_drops(const struct btf *btf, struct bpf_config *config)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM), i;
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, id);
	bool says = false;

	for (i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_enum *reason = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, reason->name_off);

		if (strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		name += sizeof(prefix) - 1;
		if (!strcmp(name, "MAX"))
			break;
		if (says && strcmp(name, "QUEUE_PURGE") && (__u32)reason->val < BPF_DROP_REASONS)
			snprintf((char *)config->drop_names[reason->val].words, sizeof(struct bpf_name), "%s", name);
		says |= !strcmp(name, "NOT_SPECIFIED");
	}
}

/* A line of /proc/kallsyms: address, kind, name, and for a module's symbol the module. */
static bool is_symbol(const char *line, const char *name)
{
	const char *at = strchr(line, ' ');

	return at && !strncmp(at + 3, name, strlen(name)) && at[3 + strlen(name)] == '\n';
}

/* If the type information has no variable for the preempt count, use the symbols. */
static void find_preempt_count(const struct btf *btf, struct bpf_config *config)
{
	char line[512];
	FILE *file;

	if (btf__find_by_name_kind(btf, "__preempt_count", BTF_KIND_VAR) > 0 ||
	    btf__find_by_name_kind(btf, "pcpu_hot", BTF_KIND_VAR) > 0)
		return;
	file = fopen("/proc/kallsyms", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file) && !(config->preempt_count && config->per_cpu_offset)) {
		if (is_symbol(line, "__preempt_count"))
			config->preempt_count = strtoull(line, NULL, 16);
		else if (is_symbol(line, "__per_cpu_offset"))
			config->per_cpu_offset = strtoull(line, NULL, 16);
	}
	fclose(file);
	if (!config->per_cpu_offset)
		config->preempt_count = 0;
}

void kernel_answers(const struct btf *btf, struct bpf_config *config)
{
	struct timespec tick = { .tv_nsec = 4000000 };

	/* This clock advances with the jiffies. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	config->jiffy_ns = tick.tv_nsec;
	config->cookies = kernel_has("bpf_get_socket_ptr_cookie");
	config->typed_task = kernel_has("bpf_get_current_task_btf");
	config->sent_reason = argument_of_enum(btf, "tcp_send_active_reset", "sk_rst_reason");
	config->reply_reason = argument_of_enum(btf, "tcp_v4_send_reset", "sk_rst_reason");
	config->reset_segment = kernel_arguments(btf, "tcp_reset") > 1;
	config->tw_timeout = kernel_has("inet_twsk_hashdance_schedule") ? 3 : 0;
	config->mib_keepalive = value_of_nameless(btf, "LINUX_MIB_TCPKEEPALIVE");
	name_drops(btf, config);
	find_preempt_count(btf, config);
}
