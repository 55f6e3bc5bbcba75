// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "host/module_state.h"

#define DUMP_TRIES	5

const char *module_method_word(uint32_t method)
{
	switch (method) {
	case TCPTRACE_METHOD_ABSENT:
		return "absent";
	case TCPTRACE_METHOD_KPROBE:
		return "kprobe";
	case TCPTRACE_METHOD_KRETPROBE:
		return "kretprobe";
	case TCPTRACE_METHOD_FTRACE:
		return "ftrace";
	case TCPTRACE_METHOD_TRACEPOINT:
		return "tracepoint";
	default:
		return "?";
	}
}

/* ---- the types of the attributes, as in the specification ---- */

static const uint8_t info_types[TCPTRACE_A_INFO_MAX + 1] = {
	[TCPTRACE_A_INFO_VERSION] = MNL_TYPE_STRING,
	[TCPTRACE_A_INFO_ABI] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_TYPES_VERSION] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_RECORD_SIZE] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_CPUS] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_SLOTS] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_MAP_SIZE] = MNL_TYPE_U64,
	[TCPTRACE_A_INFO_BOOT] = MNL_TYPE_U64,
	[TCPTRACE_A_INFO_LEVEL] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_FLIGHT] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_READERS] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_SUBSCRIBERS] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_FTRACE_OFF] = MNL_TYPE_FLAG,
	[TCPTRACE_A_INFO_KPROBES_OFF] = MNL_TYPE_FLAG,
	[TCPTRACE_A_INFO_RINGS] = MNL_TYPE_U32,
	[TCPTRACE_A_INFO_MEMORY] = MNL_TYPE_U64,
};

static const uint8_t probe_types[TCPTRACE_A_PROBE_MAX + 1] = {
	[TCPTRACE_A_PROBE_INDEX] = MNL_TYPE_U32,
	[TCPTRACE_A_PROBE_SYMBOL] = MNL_TYPE_STRING,
	[TCPTRACE_A_PROBE_LEVEL] = MNL_TYPE_U32,
	[TCPTRACE_A_PROBE_METHOD] = MNL_TYPE_U32,
	[TCPTRACE_A_PROBE_ARMED] = MNL_TYPE_FLAG,
	[TCPTRACE_A_PROBE_REQUIRED] = MNL_TYPE_FLAG,
	[TCPTRACE_A_PROBE_HITS] = MNL_TYPE_U64,
	[TCPTRACE_A_PROBE_MISSED] = MNL_TYPE_U64,
	[TCPTRACE_A_PROBE_ERROR] = MNL_TYPE_U32,
};

static const uint8_t cpu_types[TCPTRACE_A_CPU_MAX + 1] = {
	[TCPTRACE_A_CPU_CPU] = MNL_TYPE_U32,
	[TCPTRACE_A_CPU_HITS] = MNL_TYPE_U64,
	[TCPTRACE_A_CPU_PUBLISHED] = MNL_TYPE_U64,
	[TCPTRACE_A_CPU_FILTERED] = MNL_TYPE_U64,
	[TCPTRACE_A_CPU_IGNORED] = MNL_TYPE_U64,
	[TCPTRACE_A_CPU_LOST] = MNL_TYPE_U64,
};

/* There may be several clauses, so they are walked over here. */
static const uint8_t filter_types[TCPTRACE_A_FILTER_MAX + 1] = {
	[TCPTRACE_A_FILTER_READER] = MNL_TYPE_U32,
	[TCPTRACE_A_FILTER_PID] = MNL_TYPE_U32,
	[TCPTRACE_A_FILTER_COMM] = MNL_TYPE_STRING,
	[TCPTRACE_A_FILTER_LEVEL] = MNL_TYPE_U32,
};

static const uint8_t clause_types[TCPTRACE_A_CLAUSE_MAX + 1] = {
	[TCPTRACE_A_CLAUSE_SADDR] = MNL_TYPE_UNSPEC,
	[TCPTRACE_A_CLAUSE_SADDR_LEN] = MNL_TYPE_U32,
	[TCPTRACE_A_CLAUSE_DADDR] = MNL_TYPE_UNSPEC,
	[TCPTRACE_A_CLAUSE_DADDR_LEN] = MNL_TYPE_U32,
	[TCPTRACE_A_CLAUSE_FAMILY] = MNL_TYPE_U32,
	[TCPTRACE_A_CLAUSE_SPORT_MIN] = MNL_TYPE_U16,
	[TCPTRACE_A_CLAUSE_SPORT_MAX] = MNL_TYPE_U16,
	[TCPTRACE_A_CLAUSE_DPORT_MIN] = MNL_TYPE_U16,
	[TCPTRACE_A_CLAUSE_DPORT_MAX] = MNL_TYPE_U16,
	[TCPTRACE_A_CLAUSE_NETNS] = MNL_TYPE_U32,
	[TCPTRACE_A_CLAUSE_CGROUP] = MNL_TYPE_U64,
};

#define PARSE(message, attributes, types, last) \
	channel_parse(message, &(struct channel_table) { attributes, types, last })

static int no_memory(void)
{
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

/* ---- the messages ---- */

static int on_info(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a[TCPTRACE_A_INFO_MAX + 1];
	struct module_info *info = arg;

	PARSE(message, a, info_types, TCPTRACE_A_INFO_MAX);
	channel_string(info->version, sizeof(info->version), a[TCPTRACE_A_INFO_VERSION]);
	info->abi = channel_u32(a[TCPTRACE_A_INFO_ABI]);
	info->types_version = channel_u32(a[TCPTRACE_A_INFO_TYPES_VERSION]);
	info->record_size = channel_u32(a[TCPTRACE_A_INFO_RECORD_SIZE]);
	info->cpus = channel_u32(a[TCPTRACE_A_INFO_CPUS]);
	info->slots = channel_u32(a[TCPTRACE_A_INFO_SLOTS]);
	info->rings = channel_u32(a[TCPTRACE_A_INFO_RINGS]);
	info->memory = channel_u64(a[TCPTRACE_A_INFO_MEMORY]);
	info->map_size = channel_u64(a[TCPTRACE_A_INFO_MAP_SIZE]);
	info->boot = channel_u64(a[TCPTRACE_A_INFO_BOOT]);
	info->level = channel_u32(a[TCPTRACE_A_INFO_LEVEL]);
	info->flight = channel_u32(a[TCPTRACE_A_INFO_FLIGHT]);
	info->readers = channel_u32(a[TCPTRACE_A_INFO_READERS]);
	info->subscribers = channel_u32(a[TCPTRACE_A_INFO_SUBSCRIBERS]);
	info->ftrace_off = a[TCPTRACE_A_INFO_FTRACE_OFF];
	info->kprobes_off = a[TCPTRACE_A_INFO_KPROBES_OFF];
	return MNL_CB_OK;
}

static int on_probe(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a[TCPTRACE_A_PROBE_MAX + 1];
	struct module_state *state = arg;
	struct module_probe *probe;

	if (!array_reserve(state->probes, state->probe_room, state->probe_count + 1))
		return no_memory();
	probe = &state->probes[state->probe_count++];
	PARSE(message, a, probe_types, TCPTRACE_A_PROBE_MAX);
	probe->index = channel_u32(a[TCPTRACE_A_PROBE_INDEX]);
	channel_string(probe->symbol, sizeof(probe->symbol), a[TCPTRACE_A_PROBE_SYMBOL]);
	probe->level = channel_u32(a[TCPTRACE_A_PROBE_LEVEL]);
	probe->method = channel_u32(a[TCPTRACE_A_PROBE_METHOD]);
	probe->armed = a[TCPTRACE_A_PROBE_ARMED];
	probe->required = a[TCPTRACE_A_PROBE_REQUIRED];
	probe->hits = channel_u64(a[TCPTRACE_A_PROBE_HITS]);
	probe->missed = channel_u64(a[TCPTRACE_A_PROBE_MISSED]);
	probe->error = channel_u32(a[TCPTRACE_A_PROBE_ERROR]);
	return MNL_CB_OK;
}

static int on_cpu(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a[TCPTRACE_A_CPU_MAX + 1];
	struct module_state *state = arg;
	struct module_cpu *cpu;

	if (!array_reserve(state->cpus, state->cpu_room, state->cpu_count + 1))
		return no_memory();
	cpu = &state->cpus[state->cpu_count++];
	PARSE(message, a, cpu_types, TCPTRACE_A_CPU_MAX);
	cpu->cpu = channel_u32(a[TCPTRACE_A_CPU_CPU]);
	cpu->hits = channel_u64(a[TCPTRACE_A_CPU_HITS]);
	cpu->published = channel_u64(a[TCPTRACE_A_CPU_PUBLISHED]);
	cpu->filtered = channel_u64(a[TCPTRACE_A_CPU_FILTERED]);
	cpu->ignored = channel_u64(a[TCPTRACE_A_CPU_IGNORED]);
	cpu->lost = channel_u64(a[TCPTRACE_A_CPU_LOST]);
	return MNL_CB_OK;
}

static uint16_t port(const struct nlattr *attribute, uint16_t otherwise)
{
	return attribute ? mnl_attr_get_u16(attribute) : otherwise;
}

static uint8_t prefix(uint8_t *to, const struct nlattr *address, const struct nlattr *length)
{
	uint32_t bits = channel_u32(length);

	if (!address || mnl_attr_get_payload_len(address) != TCPTRACE_ADDR_LEN || bits > 128)
		return 0;
	memcpy(to, mnl_attr_get_payload(address), TCPTRACE_ADDR_LEN);
	return bits;
}

static void clause_of(const struct nlattr *nest, struct tcptrace_clause *clause)
{
	const struct nlattr *a[TCPTRACE_A_CLAUSE_MAX + 1];

	channel_parse_nested(nest, &(struct channel_table) { a, clause_types,
							     TCPTRACE_A_CLAUSE_MAX });
	memset(clause, 0, sizeof(*clause));
	clause->saddr_len = prefix(clause->saddr, a[TCPTRACE_A_CLAUSE_SADDR],
				   a[TCPTRACE_A_CLAUSE_SADDR_LEN]);
	clause->daddr_len = prefix(clause->daddr, a[TCPTRACE_A_CLAUSE_DADDR],
				   a[TCPTRACE_A_CLAUSE_DADDR_LEN]);
	clause->family = channel_u32(a[TCPTRACE_A_CLAUSE_FAMILY]);
	clause->sport_min = port(a[TCPTRACE_A_CLAUSE_SPORT_MIN], 0);
	clause->sport_max = port(a[TCPTRACE_A_CLAUSE_SPORT_MAX], 65535);
	clause->dport_min = port(a[TCPTRACE_A_CLAUSE_DPORT_MIN], 0);
	clause->dport_max = port(a[TCPTRACE_A_CLAUSE_DPORT_MAX], 65535);
	clause->netns = channel_u32(a[TCPTRACE_A_CLAUSE_NETNS]);
	clause->cgroup = channel_u64(a[TCPTRACE_A_CLAUSE_CGROUP]);
}

static int on_filter(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a[TCPTRACE_A_FILTER_MAX + 1], *attribute;
	struct module_state *state = arg;
	struct module_filter *filter;

	if (!array_reserve(state->filters, state->filter_room, state->filter_count + 1))
		return no_memory();
	filter = &state->filters[state->filter_count++];
	PARSE(message, a, filter_types, TCPTRACE_A_FILTER_MAX);
	filter->reader = channel_u32(a[TCPTRACE_A_FILTER_READER]);
	filter->pid = channel_u32(a[TCPTRACE_A_FILTER_PID]);
	channel_string(filter->comm, sizeof(filter->comm), a[TCPTRACE_A_FILTER_COMM]);
	filter->level = channel_u32(a[TCPTRACE_A_FILTER_LEVEL]);
	filter->clause_count = 0;
	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == TCPTRACE_A_FILTER_CLAUSE &&
		    filter->clause_count < TCPTRACE_CLAUSES_MAX)
			clause_of(attribute, &filter->clauses[filter->clause_count++]);
	return MNL_CB_OK;
}

/* ---- queries ---- */

/* A dump that was interrupted by a change is inconsistent, so it is repeated. */
static int dump(struct channel *channel, enum tcptrace_cmd cmd, mnl_cb_t each, void *arg,
		size_t *count)
{
	int try, error = -EINTR;

	for (try = 0; try < DUMP_TRIES && error == -EINTR; try++) {
		*count = 0;
		error = channel_get(channel, cmd, NLM_F_DUMP, each, arg);
	}
	return error;
}

int module_state_get(struct channel *channel, struct module_state *state)
{
	int error;

	memset(state, 0, sizeof(*state));
	error = channel_get(channel, TCPTRACE_CMD_INFO_GET, 0, on_info, &state->info);
	if (!error)
		error = dump(channel, TCPTRACE_CMD_PROBE_GET, on_probe, state,
			     &state->probe_count);
	if (!error)
		error = dump(channel, TCPTRACE_CMD_CPU_GET, on_cpu, state, &state->cpu_count);
	if (!error)
		error = dump(channel, TCPTRACE_CMD_FILTER_GET, on_filter, state,
			     &state->filter_count);
	if (error)
		module_state_free(state);
	return error;
}

void module_state_free(struct module_state *state)
{
	free(state->probes);
	free(state->cpus);
	free(state->filters);
	memset(state, 0, sizeof(*state));
}

int module_missed(struct channel *channel, uint64_t *missed)
{
	struct module_state state = { 0 };
	size_t i;
	int error;

	error = dump(channel, TCPTRACE_CMD_PROBE_GET, on_probe, &state, &state.probe_count);
	*missed = 0;
	for (i = 0; !error && i < state.probe_count; i++)
		*missed += state.probes[i].missed;
	module_state_free(&state);
	return error;
}
