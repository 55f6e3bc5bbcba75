// SPDX-License-Identifier: GPL-2.0-only
/* watch: what is there, and then each step of each connection, as it happens. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "json.h"
#include "signals.h"
#include "term.h"
#include "watch.h"

enum { KEY_ONCE = 0x200, KEY_ABSOLUTE, KEY_EXPLAIN, KEY_MAX_ENDS };

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct watch_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->stop;
		state->child_inputs[1] = &arguments->options;
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
	case KEY_EXPLAIN:
		arguments->explain = true;
		return 0;
	case 'p':
		arguments->processes = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->words = state->argv + state->next;
		arguments->word_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (arguments->explain && arguments->options.json)
			argp_failure(state, EXIT_USAGE, 0, "--explain: words are for people; leave it or --json out");
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
	{ "explain", KEY_EXPLAIN, NULL, 0, "Say in plain words below each step what it means", 0 },
	{ "max-ends", KEY_MAX_ENDS, "N", 0, "Remember at most so many ends at once (1048576)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &stop_argp, 0, NULL, 0 },
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
		watch_settle(watch, UINT64_MAX);
	source_losses(watch->source, &lost);
	if (options->json)
		json_lost(&watch->out, &lost, full, watch->source->live ? stop_now() : watch->last);
	else if (!watch->arguments->once && !options->quiet)
		timeline_tally(&watch->out, &lost, full);
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
	const struct watch_arguments *arguments = watch->arguments;
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
	const struct watch_arguments *arguments = watch->arguments;
	const struct model_options model = {
		.max_ends = arguments->max_ends,
		.wanted = watch_wanted,
		.arg = watch,
	};
	struct term term;
	int error;

	term_init(&term, STDOUT_FILENO);
	out_init(&watch->out, STDOUT_FILENO);
	timeline_init(&watch->timeline, &watch->out, &term, watch->source->realtime,
		      arguments->absolute);
	if (arguments->once) {
		error = watch_once(watch);
	} else {
		watch->model = model_new(&model);
		error = watch->model ? watch_live(watch) : -ENOMEM;
	}
	error = finish(watch, error);
	model_free(watch->model);
	return error;
}

static int run(int argc, char *argv[])
{
	/* Too large for some stacks, with its buffer; and there is one only. */
	static struct watch watch;
	struct watch_arguments arguments = { 0 };
	char error[256];
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	watch.arguments = &arguments;
	watch.stop = arguments.stop;
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
