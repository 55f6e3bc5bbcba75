// SPDX-License-Identifier: GPL-2.0-only
/* status: what the loaded module has attached, counted and lost, and which filters are in force. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/canvas.h"
#include "base/safe_text.h"
#include "cmd/cmd.h"
#include "host/kprobes_enabled.h"
#include "host/module_file.h"
#include "host/module_state.h"
#include "host/rights.h"
#include "record/clause.h"
#include "record/level.h"
#include "session/options.h"

static const struct argp_child children[] = {
	{ &options_alone_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.doc = "Shows what the module has attached, counted and lost, and which filters are in force. "
	       "With -q it prints nothing: the exit status says whether the module answers.",
	.children = children,
};

static char *filter_text(const struct module_filter *filter)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	clauses_print(file, filter->clauses, filter->clause_count);
	fclose(file);
	return text;
}

/* ---- text ---- */

static void print_info(const struct module_info *info)
{
	printf("module   version %s, ABI %u, types version %u\n", safe_string(info->version), info->abi,
	       info->types_version);
	printf("rings    %u records of %u bytes per CPU, on %u of %u CPUs now, %.1f MiB in total\n",
	       info->slots, info->record_size, info->rings, info->cpus, info->memory / 1048576.0);
	printf("armed    level %s; with nobody reading: %s\n", level_word(info->level),
	       level_word(info->flight));
	printf("readers  %u of events, %u of the netlink group\n", info->readers, info->subscribers);
	if (info->ftrace_off)
		puts("WARNING  kernel.ftrace_enabled is 0, probes on ftrace locations do not fire: "
		     "sudo sysctl kernel.ftrace_enabled=1");
	if (info->kprobes_off)
		puts("WARNING  kprobes are switched off as a whole, kprobes and kretprobes do not fire: "
		     KPROBES_REMEDY);
}

static void print_probe(const struct module_probe *probe)
{
	printf("%-32s %-8s", safe_string(probe->symbol), level_word(probe->level));
	if (probe->method == TCPTRACE_METHOD_ABSENT) {
		printf("not visible on this kernel");
		if (probe->error)
			printf(" (%s)", strerror(probe->error));
		putchar('\n');
		return;
	}
	printf("%-10s%-6s%14" PRIu64 "%8" PRIu64 "\n", module_method_word(probe->method),
	       probe->armed ? "yes" : "no", probe->hits, probe->missed);
}

static void print_probes(const struct module_state *state, bool header)
{
	size_t i;

	if (header)
		printf("\n%-32s %-8s%-10s%-6s%14s%8s\n", "PROBE", "LEVEL", "METHOD", "ARMED", "HITS",
		       "MISSED");
	for (i = 0; i < state->probe_count; i++)
		print_probe(&state->probes[i]);
}

static void print_cpus(const struct module_state *state, bool header)
{
	size_t i;

	if (header)
		printf("\n%-4s%14s%14s%14s%14s%10s\n", "CPU", "HITS", "PUBLISHED", "FILTERED",
		       "IGNORED", "LOST");
	for (i = 0; i < state->cpu_count; i++) {
		const struct module_cpu *cpu = &state->cpus[i];

		printf("%-4u%14" PRIu64 "%14" PRIu64 "%14" PRIu64 "%14" PRIu64 "%10" PRIu64 "\n",
		       cpu->cpu, cpu->hits, cpu->published, cpu->filtered, cpu->ignored, cpu->lost);
	}
}

/* An escaped name may be longer than the kernel's longest. */
static int command_width(const struct module_state *state)
{
	unsigned int width = TCPTRACE_COMM_LEN, i;

	for (i = 0; i < state->filter_count; i++) {
		unsigned int columns = canvas_columns(safe_string(state->filters[i].comm));

		if (columns > width)
			width = columns;
	}
	return width;
}

static void print_filters(const struct module_state *state, bool header)
{
	int width = command_width(state);
	size_t i;

	if (header && state->filter_count)
		printf("\n%-8s%-10s%-*s %-9s%s\n", "READER", "PID", width, "COMMAND", "LEVEL", "FILTER");
	for (i = 0; i < state->filter_count; i++) {
		const struct module_filter *filter = &state->filters[i];
		const char *name = safe_string(filter->comm);
		char *text = filter_text(filter);

		printf("%-8u%-10u%s%*s %-9s%s\n", filter->reader, filter->pid, name,
		       width - (int)canvas_columns(name), "", level_word(filter->level),
		       filter->level == TCPTRACE_L_OFF ? "nothing" : text ? text : "?");
		free(text);
	}
}

/* ---- JSON ---- */

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(safe_string(value)));
}

static void add_truth(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *probe_object(const struct module_probe *probe)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "symbol", probe->symbol);
	add_text(object, "level", level_word(probe->level));
	add_text(object, "method", module_method_word(probe->method));
	add_truth(object, "armed", probe->armed);
	add_truth(object, "required", probe->required);
	add_number(object, "hits", probe->hits);
	add_number(object, "missed", probe->missed);
	if (probe->error)
		add_number(object, "errno", probe->error);
	return object;
}

static struct json_object *cpu_object(const struct module_cpu *cpu)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "cpu", cpu->cpu);
	add_number(object, "hits", cpu->hits);
	add_number(object, "published", cpu->published);
	add_number(object, "filtered", cpu->filtered);
	add_number(object, "ignored", cpu->ignored);
	add_number(object, "lost", cpu->lost);
	return object;
}

static struct json_object *filter_object(const struct module_filter *filter)
{
	struct json_object *object = json_object_new_object();
	char *text = filter_text(filter);

	add_number(object, "reader", filter->reader);
	add_number(object, "pid", filter->pid);
	add_text(object, "comm", filter->comm);
	add_text(object, "level", level_word(filter->level));
	add_number(object, "clauses", filter->clause_count);
	if (text)
		add_text(object, "filter", text);
	free(text);
	return object;
}

static void add_lists(struct json_object *object, const struct module_state *state)
{
	struct json_object *probes = json_object_new_array();
	struct json_object *cpus = json_object_new_array();
	struct json_object *filters = json_object_new_array();
	size_t i;

	for (i = 0; i < state->probe_count; i++)
		json_object_array_add(probes, probe_object(&state->probes[i]));
	for (i = 0; i < state->cpu_count; i++)
		json_object_array_add(cpus, cpu_object(&state->cpus[i]));
	for (i = 0; i < state->filter_count; i++)
		json_object_array_add(filters, filter_object(&state->filters[i]));
	json_object_object_add(object, "probes", probes);
	json_object_object_add(object, "cpus", cpus);
	json_object_object_add(object, "readers", filters);
}

static void print_json(const struct module_state *state)
{
	struct json_object *object = json_object_new_object();
	const struct module_info *info = &state->info;

	add_text(object, "type", "status");
	add_text(object, "version", info->version);
	add_number(object, "abi", info->abi);
	add_number(object, "types_version", info->types_version);
	add_number(object, "record_size", info->record_size);
	add_number(object, "slots", info->slots);
	add_number(object, "cpus_possible", info->cpus);
	add_number(object, "rings", info->rings);
	add_number(object, "memory", info->memory);
	add_number(object, "map_size", info->map_size);
	add_text(object, "level", level_word(info->level));
	add_text(object, "flight", level_word(info->flight));
	add_number(object, "subscribers", info->subscribers);
	add_truth(object, "ftrace_off", info->ftrace_off);
	add_truth(object, "kprobes_off", info->kprobes_off);
	add_lists(object, state);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* ---- the command ---- */

static int complain(int error)
{
	char text[256];

	switch (-error) {
	case ENOENT:
		/* The family exists in one network namespace, /sys/module in all of them. */
		if (access("/sys/module/" MODULE_NAME, F_OK))
			warnx("the module is not loaded: sudo tcptrace-ctl load");
		else
			warnx("the module is loaded, but answers only in the initial network namespace");
		break;
	case EPERM:
	case EACCES:
		rights_explain(text, sizeof(text));
		warnx("%s", text);
		break;
	default:
		warnx("the module's netlink family: %s", strerror(-error));
	}
	return EXIT_FAILURE;
}

static int run(int argc, char *argv[])
{
	struct options options = { 0 };
	struct module_state state;
	struct channel *channel;
	int error;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	error = channel_open(&channel);
	if (error)
		return complain(error);
	error = module_state_get(channel, &state);
	channel_close(channel);
	if (error)
		return complain(error);
	if (options.json) {
		print_json(&state);
	} else if (!options.quiet) {
		print_info(&state.info);
		print_probes(&state, !options.no_header);
		print_cpus(&state, !options.no_header);
		print_filters(&state, !options.no_header);
	}
	module_state_free(&state);
	return EXIT_SUCCESS;
}

const struct command cmd_status = {
	.name = "status",
	.summary = "what the module has attached, counted and lost",
	.run = run,
};
