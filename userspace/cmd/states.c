// SPDX-License-Identifier: GPL-2.0-only
/* states: TCP's state diagram, with how often each edge was taken and how long endpoints stay. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/svg.h"
#include "cmd/cmd.h"
#include "cmd/svg_option.h"
#include "session/session.h"
#include "view/picture/diagram.h"
#include "view/print_summary.h"

#define TICK_NS	500000000ull

struct arguments {
	struct session_arguments session;
	const char *svg;
};

struct view {
	const struct arguments *arguments;
	struct session *session;
	struct transitions transitions;
	struct canvas canvas;
	struct term term;
	FILE *svg;
	int error;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)text;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = &arguments->svg;
	state->child_inputs[1] = &arguments->session;
	return 0;
}

static const struct argp_child children[] = {
	{ &svg_argp, 0, NULL, 0 },
	{ &session_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.parser = parse,
	.doc = "Draws TCP's state diagram: on each edge, how often it was taken; in each state, how "
	       "many endpoints are in it now, and how long they stay. On a terminal that is large enough, it is updated "
	       "until Ctrl-C; otherwise it is printed at the end."
	       "\v" FILTER_PROCESS_DOC,
	.children = children,
};

/* A terminal that is large enough. */
static bool live(const struct view *view)
{
	const struct options *options = &view->arguments->session.options;

	return view->session->source->live && view->term.controls && !options->json && !view->svg &&
	       view->term.width >= DIAGRAM_WIDTH && view->term.height > DIAGRAM_HEIGHT + 4;
}

static int begin(void *arg, struct session *session)
{
	struct view *view = arg;

	view->session = session;
	term_init(&view->term, STDOUT_FILENO);
	if (!view->arguments->svg)
		return 0;
	view->svg = svg_open(view->arguments->svg);
	return view->svg ? 0 : EXIT_FAILURE;
}

static void step(void *arg, const struct step *step)
{
	struct view *view = arg;

	transitions_step(&view->transitions, step);
}

static uint64_t tick(void *arg, uint64_t time)
{
	struct view *view = arg;

	if (!view->session->source->live)
		return UINT64_MAX;
	/* Its size may have changed. */
	term_init(&view->term, STDOUT_FILENO);
	if (live(view)) {
		transitions_now(&view->transitions, view->session->model);
		diagram_text(&view->canvas, &view->transitions);
		canvas_redraw(&view->canvas, &view->session->out, &view->term);
	}
	return view->term.controls ? time + TICK_NS : UINT64_MAX;
}

static void end(void *arg, uint64_t time)
{
	struct view *view = arg;
	struct out *out = &view->session->out;

	transitions_now(&view->transitions, view->session->model);
	if (view->svg) {
		diagram_svg(view->svg, &view->transitions);
		view->error = svg_close(view->svg, view->arguments->svg, 0);
	} else if (view->arguments->session.options.json) {
		diagram_json(out, &view->transitions, time);
	} else {
		diagram_text(&view->canvas, &view->transitions);
		if (live(view))
			canvas_redraw(&view->canvas, out, &view->term);
		else
			canvas_write(&view->canvas, out, &view->term, "\n");
	}
}

static const struct session_view view_states = {
	.summary = print_summary,
	.level = TCPTRACE_L_LIFE,
	.level_filtered = TCPTRACE_L_LIFE,
	.begin = begin,
	.step = step,
	.tick = tick,
	.end = end,
};

static int run(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	static struct view view;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	arguments.session.options.quiet |= svg_to_output(arguments.svg);
	view.arguments = &arguments;
	status = session_run(&arguments.session, &view_states, &view);
	return status ? status : view.error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_states = {
	.name = "states",
	.summary = "TCP's state diagram, with counts and times",
	.run = run,
};
