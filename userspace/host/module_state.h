/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of the module, queried over generic netlink, as plain structures. Strings are as received. */
#ifndef TCPTRACE_MODULE_STATE_H
#define TCPTRACE_MODULE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/channel.h"
#include "tcptrace.h"

struct module_info {
	char version[32];
	uint32_t abi;
	uint32_t types_version;
	uint32_t record_size;
	uint32_t cpus;
	uint32_t slots;
	uint32_t rings;		/* CPUs whose ring has memory now */
	uint64_t memory;	/* bytes that the rings use */
	uint64_t map_size;
	uint64_t boot;
	uint32_t level;
	uint32_t flight;
	uint32_t readers;
	uint32_t subscribers;
	bool ftrace_off;
	bool kprobes_off;
};

struct module_probe {
	uint32_t index;
	char symbol[64];
	uint32_t level;
	uint32_t method;	/* enum tcptrace_method */
	bool armed;
	bool required;
	uint64_t hits;
	uint64_t missed;
	uint32_t error;
};

struct module_cpu {
	uint32_t cpu;
	uint64_t hits;
	uint64_t published;
	uint64_t filtered;
	uint64_t ignored;
	uint64_t lost;
};

struct module_filter {
	uint32_t reader;
	uint32_t pid;
	char comm[TCPTRACE_COMM_LEN];
	uint32_t level;
	uint32_t clause_count;
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
};

struct module_state {
	struct module_info info;
	struct module_probe *probes;
	size_t probe_count, probe_room;
	struct module_cpu *cpus;
	size_t cpu_count, cpu_room;
	struct module_filter *filters;
	size_t filter_count, filter_room;
};

/* The word for an enum tcptrace_method. */
const char *module_method_word(uint32_t method);

/* Queries everything. Returns 0, or -errno; then *state is empty. */
int module_state_get(struct channel *channel, struct module_state *state);
void module_state_free(struct module_state *state);

/* The misses of all probes so far. */
int module_missed(struct channel *channel, uint64_t *missed);

#endif
