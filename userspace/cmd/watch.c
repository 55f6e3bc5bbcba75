// SPDX-License-Identifier: GPL-2.0-only
/* watch: the existing sockets, and then each step of each connection, as it happens. */
#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/watch.h"
#include "view/json/json.h"
#include "view/print_summary.h"

enum { KEY_ONCE = 0x200, KEY_ABSOLUTE, KEY_EXPLAIN };

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct watch_arguments *arguments = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->session;
		state->child_inputs[1] = &arguments->session.stop;
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
	case ARGP_KEY_END:
		if (arguments->explain && arguments->session.options.json)
			argp_failure(state, EXIT_USAGE, 0, "--explain has no JSON output: omit it or --json");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "once", KEY_ONCE, NULL, 0,
	  "Print the existing sockets and exit; their processes only with --processes", 0 },
	{ "absolute-seq", KEY_ABSOLUTE, NULL, 0, "Print absolute sequence numbers", 0 },
	{ "explain", KEY_EXPLAIN, NULL, 0, "Explain below each step in plain words what it means", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &session_argp, 0, NULL, 0 },
	{ &stop_count_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Shows the existing sockets, then each step of each connection as it happens, at "
	       "both endpoints if they are on this host, until Ctrl-C."
	       "\v" FILTER_PROCESS_DOC,
	.children = children,
};

/* ---- output ---- */

void watch_show_headers(struct watch *watch, bool sockets)
{
	const struct options *options = &watch->arguments.session.options;

	if (options->json || options->no_header || options->quiet)
		return;
	if (sockets)
		timeline_socket_header(&watch->timeline);
	else
		timeline_header(&watch->timeline);
}

void watch_show_socket(struct watch *watch, const struct endpoint *ep, uint64_t time)
{
	if (watch->arguments.session.options.json)
		json_socket(&watch->session->out, ep, time);
	else
		timeline_socket(&watch->timeline, ep);
}

/* ---- the view ---- */

int watch_begin(void *arg, struct session *session)
{
	struct watch *watch = arg;
	struct term term;

	watch->session = session;
	term_init(&term, STDOUT_FILENO);
	timeline_init(&watch->timeline, &session->out, &term, session->source->realtime, watch->arguments.absolute);
	watch->timeline.segments = session->source->level == TCPTRACE_L_SEGMENT;
	return 0;
}

static void on_socket(void *arg, const struct endpoint *ep)
{
	struct watch *watch = arg;

	if (!watch->existing)
		watch_show_headers(watch, true);
	watch->existing = true;
	if (session_wants_state(watch->session, ep->state))
		watch_show_socket(watch, ep, ep->created);
}

static void bootstrapped(void *arg)
{
	struct watch *watch = arg;
	const struct options *options = &watch->arguments.session.options;

	if (watch->existing && !options->json && !options->quiet)
		out_write(&watch->session->out, "\n", 1);
	watch_show_headers(watch, false);
}

static void on_step(void *arg, const struct step *step)
{
	struct watch *watch = arg;
	struct session *session = watch->session;

	if (!(session->states & (1u << step->new_state | 1u << step->old_state)))
		return;
	if (++watch->steps == session->stop.count)
		session->stop_requested = true;
	if (watch->arguments.session.options.json) {
		json_step(&session->out, step, watch->arguments.absolute);
		return;
	}
	timeline_step(&watch->timeline, step);
	if (watch->arguments.explain)
		timeline_explain(&watch->timeline, step);
}

static void on_verdict(void *arg, const struct endpoint *ep)
{
	struct watch *watch = arg;
	const struct endpoint *peer = model_peer(watch->session->model, ep);

	if (watch->arguments.session.options.json)
		json_verdict(&watch->session->out, ep, peer);
	else
		timeline_verdict(&watch->timeline, ep, peer);
}

/* In JSON, the sums are in the last object. */
static void on_lost(void *arg, const struct tcptrace_record *record)
{
	struct watch *watch = arg;

	if (!watch->arguments.session.options.json)
		timeline_hole(&watch->timeline, record);
}

static const struct session_view watch_live = {
	.summary = print_summary,
	.level = TCPTRACE_L_LIFE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.begin = watch_begin,
	.socket = on_socket,
	.bootstrapped = bootstrapped,
	.step = on_step,
	.verdict = on_verdict,
	.lost = on_lost,
};

/* Static: with its cache of endpoints it is too large for some stacks. */
static struct watch watch;

static int show(const struct session_view *view)
{
	int status = session_run(&watch.arguments.session, view, &watch);

	if (!watch.error)
		return status;
	warnx("out of memory");
	return EXIT_FAILURE;
}

static int run(int argc, char *argv[])
{
	argp_parse(&argp, argc, argv, 0, NULL, &watch.arguments);
	return show(watch.arguments.once ? &watch_once : &watch_live);
}

int watch_export(const struct session_arguments *arguments, bool absolute)
{
	watch.arguments.session = *arguments;
	watch.arguments.absolute = absolute;
	watch.arguments.session.options.json = true;
	if (!arguments->options.level)
		watch.arguments.session.options.level = TCPTRACE_L_SEGMENT;
	return show(&watch_live);
}

const struct command cmd_watch = {
	.name = "watch",
	.summary = "live timeline: each step of each connection, at both endpoints",
	.run = run,
};
