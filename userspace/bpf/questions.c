// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "questions.h"

/*
 * All functions of the type information by name: there are tens of thousands of them, and btf__find_by_name_kind()
 * would look at each for each question. ids is 0 where nobody is.
 */
static struct {
	const struct btf *btf;
	uint32_t *ids;
	uint32_t mask;
} functions;

static const char *name_of(const struct btf *btf, uint32_t id)
{
	return btf__name_by_offset(btf, btf__type_by_id(btf, id)->name_off);
}

/* Where it is, or would be. */
static uint32_t *place_of(const char *name)
{
	uint32_t hash = 2166136261u;
	const char *p;

	for (p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	while (functions.ids[hash & functions.mask] &&
	       strcmp(name_of(functions.btf, functions.ids[hash & functions.mask]), name))
		hash++;
	return &functions.ids[hash & functions.mask];
}

int kernel_ask(const struct btf *btf)
{
	uint32_t types = btf__type_cnt(btf), room = 1024, id;

	while (room < types)
		room *= 2;
	functions.ids = calloc(room, sizeof(*functions.ids));
	if (!functions.ids)
		return -ENOMEM;
	functions.btf = btf;
	functions.mask = room - 1;
	for (id = 1; id < types; id++) {
		uint32_t *place;

		if (!btf_is_func(btf__type_by_id(btf, id)))
			continue;
		place = place_of(name_of(btf, id));
		if (!*place)
			*place = id;
	}
	return 0;
}

void kernel_asked(void)
{
	free(functions.ids);
	functions.ids = NULL;
	functions.btf = NULL;
}

int kernel_function(const struct btf *btf, const char *function)
{
	return btf == functions.btf ? *place_of(function) : 0;
}

static const struct btf_type *prototype(const struct btf *btf, const char *function)
{
	int id = kernel_function(btf, function);

	return id ? btf__type_by_id(btf, btf__type_by_id(btf, id)->type) : NULL;
}

bool kernel_has(const struct btf *btf, const char *function)
{
	return prototype(btf, function) != NULL;
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

/* Which argument is of this enumeration; 0: none, for the first never is. */
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

/* The value of this name in an enumeration that has none itself; 0: there is none. */
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
 * The names of the core's reasons that say something: those after NOT_SPECIFIED, up to MAX. A queue that goes with
 * its socket is no drop.
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

/* Where the type information has no variable for the count of preemptions, the symbols do. */
static void find_preempt_count(const struct btf *btf, struct bpf_config *config)
{
	unsigned long long address;
	char line[256], name[128];
	FILE *file;

	if (btf__find_by_name_kind(btf, "__preempt_count", BTF_KIND_VAR) > 0 ||
	    btf__find_by_name_kind(btf, "pcpu_hot", BTF_KIND_VAR) > 0)
		return;
	file = fopen("/proc/kallsyms", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %127s", &address, name) != 2)
			continue;
		if (!strcmp(name, "__preempt_count"))
			config->preempt_count = address;
		else if (!strcmp(name, "__per_cpu_offset"))
			config->per_cpu_offset = address;
		if (config->preempt_count && config->per_cpu_offset)
			break;
	}
	fclose(file);
	if (!config->per_cpu_offset)
		config->preempt_count = 0;
}

void kernel_answers(const struct btf *btf, struct bpf_config *config)
{
	struct timespec tick = { .tv_nsec = 4000000 };

	/* This clock moves with the jiffies. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	config->jiffy_ns = tick.tv_nsec;
	config->cookies = kernel_has(btf, "bpf_get_socket_ptr_cookie");
	config->sent_reason = argument_of_enum(btf, "tcp_send_active_reset", "sk_rst_reason");
	config->reply_reason = argument_of_enum(btf, "tcp_v4_send_reset", "sk_rst_reason");
	config->reset_segment = kernel_arguments(btf, "tcp_reset") > 1;
	config->tw_timeout = kernel_has(btf, "inet_twsk_hashdance_schedule") ? 3 : 0;
	config->dropped_skb = kernel_has(btf, "sk_skb_reason_drop");
	config->mib_keepalive = value_of_nameless(btf, "LINUX_MIB_TCPKEEPALIVE");
	name_drops(btf, config);
	find_preempt_count(btf, config);
}
