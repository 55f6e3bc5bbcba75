// SPDX-License-Identifier: GPL-2.0-only
/* watch: what is there, and then each step of each connection, as it happens. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "filter.h"
#include "follow.h"
#include "json.h"
#include "model.h"
#include "options.h"
#include "out.h"
#include "process.h"
#include "record.h"
#include "seed.h"
#include "signals.h"
#include "source.h"
#include "term.h"
#include "timeline.h"

#define PROC		"/proc"
#define SETTLE_MS	((int)(MODEL_SETTLE_NS / 1000000) + 1)
#define WAIT_MAX_MS	3600000

enum { KEY_DURATION = 0x200, KEY_COUNT, KEY_ONCE, KEY_ABSOLUTE, KEY_MAX_ENDS };

struct arguments {
	struct options options;
	char **words;			/* of the filter */
	int word_count;
	unsigned long long duration;	/* ns, 0: until Ctrl-C */
	unsigned long long count;	/* of steps, 0: any number */
	unsigned long long max_ends;
	bool once, absolute, processes;
};

struct watch {
	const struct arguments *arguments;
	struct filter *filter;
	uint32_t states;		/* bit 1 << state: asked for */
	uint8_t any_state;		/* one of these, for tuples alone */
	struct source *source;
	struct model *model;
	struct timeline timeline;
	uint64_t steps;			/* shown */
	uint64_t deadline;		/* CLOCK_MONOTONIC, 0: none */
	uint64_t last;			/* time of the last record */
	struct tcptrace_record *rows;	/* --once --processes: kept until the processes are known */
	size_t row_count, row_room;
	struct out out;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->options;
		return 0;
	case KEY_DURATION:
		arguments->duration = options_seconds(state, "--duration", text);
		return 0;
	case KEY_COUNT:
		arguments->count = options_count(state, "--count", text);
		return 0;
	case KEY_MAX_ENDS:
		arguments->max_ends = options_count(state, "--max-ends", text);
		if (arguments->max_ends > UINT32_MAX / 2)
			argp_error(state, "--max-ends=%s: at most %u", text, UINT32_MAX / 2);
		return 0;
	case KEY_ONCE:
		arguments->once = true;
		return 0;
	case KEY_ABSOLUTE:
		arguments->absolute = true;
		return 0;
	case 'p':
		arguments->processes = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->words = state->argv + state->next;
		arguments->word_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "once", KEY_ONCE, NULL, 0, "Print the sockets that are there, and end", 0 },
	{ "processes", 'p', NULL, 0,
	  "Look for the processes of the sockets that are there; so it is with a filter, but for --once", 0 },
	{ "absolute-seq", KEY_ABSOLUTE, NULL, 0, "Sequence numbers as on the wire", 0 },
	{ "duration", KEY_DURATION, "SECONDS", 0, "Stop after so long", 0 },
	{ "count", KEY_COUNT, "N", 0, "Stop after so many steps", 0 },
	{ "max-ends", KEY_MAX_ENDS, "N", 0, "Remember at most so many ends at once (1048576)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &options_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.doc = "Shows the sockets that are there, then each step of each connection as it happens, on "
	       "both ends where they are on this host, until Ctrl-C."
	       "\vFILTER is a port, or an expression as ss has it: 'sport = :9090 and dst 10.0.0.0/8'.",
	.children = children,
};

/* ---- the filter ---- */

/* Of a tuple, whatever its state: an end that changes its state is not to be lost. */
static bool wanted(const struct tcptrace_record *record, void *arg)
{
	const struct watch *watch = arg;
	const struct filter_subject subject = {
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.state = watch->any_state,
		.kind = TCPTRACE_K_FULL,
		.ifindex = record->ifindex,
	};

	return filter_match(watch->filter, &subject);
}

static bool shows_state(const struct watch *watch, uint8_t state)
{
	return watch->states & 1u << state;
}

static bool chooses(const struct watch *watch)
{
	return !filter_is_empty(watch->filter) || watch->arguments->options.family;
}

/* ---- what is shown ---- */

static void show_socket(struct watch *watch, const struct end *end, uint64_t time)
{
	if (!shows_state(watch, end->state))
		return;
	if (watch->arguments->options.json)
		json_socket(&watch->out, end, time);
	else
		timeline_socket(&watch->timeline, end);
}

static void show_verdict(struct watch *watch, const struct end *end)
{
	if (!shows_state(watch, end->state))
		return;
	if (watch->arguments->options.json)
		json_verdict(&watch->out, end);
	else
		timeline_verdict(&watch->timeline, end);
}

static void show_step(struct watch *watch, const struct step *step)
{
	if (watch->states & (1u << step->new_state | 1u << step->old_state)) {
		if (watch->arguments->options.json)
			json_step(&watch->out, step, watch->arguments->absolute);
		else
			timeline_step(&watch->timeline, step);
		watch->steps++;
	}
	if (step->verdict)
		show_verdict(watch, step->end);
}

static void show_headers(struct watch *watch, bool sockets)
{
	const struct options *options = &watch->arguments->options;

	if (options->json || options->no_header || options->quiet)
		return;
	if (sockets)
		timeline_socket_header(&watch->timeline);
	else
		timeline_header(&watch->timeline);
}

static void settle(struct watch *watch, uint64_t time)
{
	const struct end *end;

	while (model_pending(watch->model) && (end = model_settle(watch->model, time)))
		show_verdict(watch, end);
}

static void on_record(struct watch *watch, const struct tcptrace_record *record)
{
	struct step step;

	watch->last = record->time;
	if (model_pending(watch->model))
		settle(watch, record->time - MODEL_SETTLE_NS);
	switch (model_apply(watch->model, record, &step)) {
	case MODEL_STEP:
		show_step(watch, &step);
		break;
	case MODEL_LOST:
		/* The sum is in the last object. */
		if (!watch->arguments->options.json)
			timeline_hole(&watch->timeline, record);
		break;
	case MODEL_SKIP:
		break;
	}
}

/* ---- --once: no model, each socket is printed as it comes ---- */

static int on_row(const struct tcptrace_record *record, void *arg)
{
	struct watch *watch = arg;
	struct end end;

	if (!wanted(record, watch) || !shows_state(watch, record->new_state))
		return 0;
	end_from_snapshot(&end, record);
	show_socket(watch, &end, record->time);
	return watch->out.error || signals_stop() ? -EINTR : 0;
}

static int keep_row(const struct tcptrace_record *record, void *arg)
{
	struct watch *watch = arg;

	if (!wanted(record, watch) || !shows_state(watch, record->new_state))
		return 0;
	if (watch->row_count == watch->row_room) {
		size_t room = watch->row_room ? 2 * watch->row_room : 256;
		struct tcptrace_record *rows = reallocarray(watch->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		watch->rows = rows;
		watch->row_room = room;
	}
	watch->rows[watch->row_count++] = *record;
	return 0;
}

static int show_rows(struct watch *watch)
{
	struct processes *processes = processes_new();
	int error = processes ? 0 : -ENOMEM;
	struct end end;
	size_t i;

	for (i = 0; i < watch->row_count && !error; i++)
		error = processes_want(processes, record_inode(&watch->rows[i]));
	if (!error)
		processes_scan(processes, PROC);
	for (i = 0; i < watch->row_count && !error; i++) {
		const struct tcptrace_record *row = &watch->rows[i];
		const struct owner *owner = processes_find(processes, record_inode(row));

		end_from_snapshot(&end, row);
		if (owner)
			end.owner = *owner;
		show_socket(watch, &end, row->time);
	}
	processes_free(processes);
	return error;
}

static int once(struct watch *watch)
{
	bool processes = watch->arguments->processes && watch->source->live;
	int error;

	show_headers(watch, true);
	error = source_snapshot(watch->source, processes ? keep_row : on_row, watch);
	if (!error && processes)
		error = show_rows(watch);
	free(watch->rows);
	return error && signals_stop() ? 0 : error;
}

/* ---- what was there ---- */

static int show_seeds(struct watch *watch, struct seed *seed)
{
	bool processes = watch->arguments->processes || chooses(watch);
	const struct end *end;
	bool any = false;
	int error;

	if (processes && watch->source->live) {
		error = seed_owners(seed, PROC);
		if (error)
			return error;
	}
	while ((end = seed_next(seed))) {
		if (!any)
			show_headers(watch, true);
		any = true;
		show_socket(watch, end, end->birth);
	}
	if (any && !watch->arguments->options.json && !watch->arguments->options.quiet)
		out_write(&watch->out, "\n", 1);
	return 0;
}

/* True where this record is the first one too late. */
static bool too_late(struct watch *watch, const struct tcptrace_record *record)
{
	const struct arguments *arguments = watch->arguments;

	/* In a file, time began with its first event. */
	if (!watch->deadline && arguments->duration && !watch->source->live)
		watch->deadline = record->time + arguments->duration;
	return watch->deadline && record->time >= watch->deadline;
}

static bool enough(const struct watch *watch)
{
	return watch->arguments->count && watch->steps >= watch->arguments->count;
}

/* What was there, and what came until that was known. Returns SOURCE_END where it is time to end. */
static int begin(struct watch *watch, struct seed *seed)
{
	const struct tcptrace_record *record;
	int error = follow_begin(watch->source, seed);

	/* Ctrl-C cuts it short. */
	if (error && signals_stop())
		return SOURCE_END;
	if (!error)
		error = show_seeds(watch, seed);
	if (error)
		return error;
	show_headers(watch, false);
	while (!enough(watch) && (record = seed_replay(seed))) {
		if (too_late(watch, record))
			return SOURCE_END;
		on_record(watch, record);
	}
	return 0;
}

/* ---- live ---- */

/* Caught up. Returns SOURCE_END where it is time to end, else 0 or -errno. */
static int idle(struct watch *watch)
{
	uint64_t time = now();
	int timeout = -1, error;

	settle(watch, time - MODEL_SETTLE_NS);
	if (out_flush(&watch->out))
		return SOURCE_END;
	if (watch->deadline && time >= watch->deadline)
		return SOURCE_END;
	if (watch->deadline) {
		uint64_t left = (watch->deadline - time) / 1000000 + 1;

		timeout = left < WAIT_MAX_MS ? left : WAIT_MAX_MS;
	}
	if (model_pending(watch->model))
		timeout = SETTLE_MS;
	error = source_wait(watch->source, timeout);
	return error == -EINTR ? 0 : error;
}

/* Ctrl-C, and the end of --duration, end with what had happened by then, not with what was read by then. */
static int follow(struct watch *watch)
{
	const struct tcptrace_record *record;
	bool stopping = false;

	while (!enough(watch)) {
		int outcome = source_next(watch->source, &record);

		if (!stopping && signals_stop()) {
			/* A file is read to its end at once: there is nothing to wait for. */
			if (!watch->source->live)
				return 0;
			stopping = true;
			watch->deadline = now();
		}
		if (outcome == SOURCE_RECORD) {
			if (too_late(watch, record))
				return 0;
			on_record(watch, record);
			continue;
		}
		if (outcome == SOURCE_IDLE)
			outcome = idle(watch);
		if (outcome == SOURCE_END)
			return 0;
		if (outcome < 0)
			return outcome;
	}
	return 0;
}

static int watch_all(struct watch *watch)
{
	uint64_t start = watch->source->live ? now() : 0;
	struct seed *seed = seed_new(watch->model, start);
	int error = -ENOMEM;

	if (watch->arguments->duration && watch->source->live)
		watch->deadline = start + watch->arguments->duration;
	if (seed)
		error = begin(watch, seed);
	seed_free(seed);
	if (error)
		return error == SOURCE_END ? 0 : error;
	return follow(watch);
}

/* ---- the end ---- */

static uint64_t lost_in_all(const struct tcptrace_lost *lost)
{
	return lost->overwritten + lost->nested + lost->missed + lost->unknown;
}

static int finish(struct watch *watch, int error)
{
	const struct options *options = &watch->arguments->options;
	uint64_t full = watch->model ? model_full(watch->model) : 0;
	struct tcptrace_lost lost = { 0 };

	if (watch->model)
		settle(watch, UINT64_MAX);
	source_losses(watch->source, &lost);
	if (options->json)
		json_lost(&watch->out, &lost, full, watch->source->live ? now() : watch->last);
	else if (!watch->arguments->once && !options->quiet)
		timeline_tally(&watch->timeline, &lost, full);
	out_flush(&watch->out);
	if (error == -ENOMEM && !watch->source->error[0])
		warnx("out of memory");
	else if (error && error != -EINTR)
		warnx("%s", watch->source->error);
	if (watch->out.error && watch->out.error != -EPIPE) {
		errno = -watch->out.error;
		warn("standard output");
		return EXIT_FAILURE;
	}
	if (error && error != -EINTR)
		return EXIT_FAILURE;
	return options->fail_on_loss && lost_in_all(&lost) + full ? EXIT_LOST : EXIT_SUCCESS;
}

static int open_source(struct watch *watch)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct source_request request = { .clauses = clauses };
	const struct arguments *arguments = watch->arguments;
	char error[256];

	request.level = arguments->options.level;
	if (arguments->once)
		request.level = TCPTRACE_L_OFF;
	else if (!request.level)
		request.level = filter_is_empty(watch->filter) ? TCPTRACE_L_LIFE : TCPTRACE_L_QUEUE;
	request.clause_count = filter_clauses(watch->filter, clauses, TCPTRACE_CLAUSES_MAX);
	if (!source_open(arguments->options.source, &request, &watch->source, error, sizeof(error)))
		return 0;
	warnx("%s", error);
	return -1;
}

static int run_source(struct watch *watch)
{
	const struct arguments *arguments = watch->arguments;
	const struct model_options model = {
		.max_ends = arguments->max_ends,
		.wanted = wanted,
		.arg = watch,
	};
	struct term term;
	int error;

	term_init(&term, STDOUT_FILENO);
	out_init(&watch->out, STDOUT_FILENO);
	timeline_init(&watch->timeline, &watch->out, &term, watch->source->realtime,
		      arguments->absolute);
	if (arguments->once) {
		error = once(watch);
	} else {
		watch->model = model_new(&model);
		error = watch->model ? watch_all(watch) : -ENOMEM;
	}
	error = finish(watch, error);
	model_free(watch->model);
	return error;
}

static int run(int argc, char *argv[])
{
	/* Too large for some stacks, with its buffer; and there is one only. */
	static struct watch watch;
	struct arguments arguments = { 0 };
	char error[256];
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	watch.arguments = &arguments;
	status = filter_parse(arguments.word_count, arguments.words, &watch.filter, error,
			      sizeof(error));
	if (status) {
		warnx("%s", error);
		return status;
	}
	if (arguments.options.family)
		filter_set_family(watch.filter, arguments.options.family);
	watch.states = filter_states(watch.filter);
	watch.any_state = watch.states ? __builtin_ctz(watch.states) : 0;
	signals_catch();
	status = EXIT_FAILURE;
	if (!open_source(&watch)) {
		status = run_source(&watch);
		source_close(watch.source);
	}
	filter_free(watch.filter);
	return status;
}

const struct command cmd_watch = {
	.name = "watch",
	.summary = "the live timeline: each step of each connection, on both ends",
	.run = run,
};
