// SPDX-License-Identifier: GPL-2.0-only
/* ladder: the sequence diagram of each connection. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "base/svg.h"
#include "cmd/cmd.h"
#include "cmd/svg_option.h"
#include "session/session.h"
#include "view/picture/ladder_view.h"
#include "view/print_summary.h"

#define MESSAGES_HELD	(1u << 18)	/* limit for all ladders; then those that can be drawn are drawn */
#define MESSAGES_DRAWN	1000		/* default limit for one picture */
#define TICK_NS		100000000ull

enum { KEY_ABSOLUTE = 0x200, KEY_MAX_MESSAGES };

struct arguments {
	struct session_arguments session;
	const char *svg;
	unsigned long long max_messages;
	bool absolute;
};

struct view {
	const struct arguments *arguments;
	struct session *session;
	struct ladders ladders;
	struct ladder_text text;
	FILE *svg;
	int error;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->svg;
		state->child_inputs[1] = &arguments->session;
		return 0;
	case KEY_ABSOLUTE:
		arguments->absolute = true;
		return 0;
	case KEY_MAX_MESSAGES:
		arguments->max_messages = options_count(state, "--max-messages", text);
		if (arguments->max_messages > MESSAGES_HELD)
			arguments->max_messages = MESSAGES_HELD;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "max-messages", KEY_MAX_MESSAGES, "N", 0, "Draw at most N steps of a connection in a picture (1000)", 0 },
	{ "absolute-seq", KEY_ABSOLUTE, NULL, 0, "Print absolute sequence numbers", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &svg_argp, 0, NULL, 0 },
	{ &session_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Draws each connection as a ladder: its two endpoints as vertical lines, the one that connected on the left, "
	       "each segment as an arrow between them, and beside each line the states of that endpoint."
	       "\v" FILTER_PROCESS_DOC,
	.children = children,
};

/* ---- drawing ---- */

static void draw(struct view *view, struct ladder *ladder, uint32_t count)
{
	if (view->arguments->session.options.json)
		ladder_json(&view->session->out, ladder, count, view->arguments->absolute);
	else if (!ladder_text(&view->text, ladder, count))
		view->error = -ENOMEM;
	ladder_forget(&view->ladders, ladder, count);
	if (ladder_say_verdict(ladder) && !view->arguments->session.options.json)
		ladder_text_verdict(&view->text, ladder);
}

/* It has ended, or the model has forgotten it because a record of its endpoint was lost. */
static bool is_gone(const struct view *view, const struct ladder *ladder)
{
	const struct model *model = view->session->model;

	return ladder_over(ladder) || !(model_find(model, ladder->endpoint[LADDER_LEFT].cookie) ||
					model_find(model, ladder->endpoint[LADDER_RIGHT].cookie));
}

/* Draws what is final; a ladder whose endpoints are gone is removed. */
static void draw_settled(struct view *view, uint64_t time)
{
	struct ladder *ladder = view->ladders.first, *next;

	for (; ladder; ladder = next) {
		next = ladder->next;
		if (ladder->count)
			draw(view, ladder, ladder_settled(ladder, time));
		if (!ladder->count && is_gone(view, ladder)) {
			ladder_text_forget(&view->text, ladder);
			ladders_remove(&view->ladders, ladder);
		}
	}
}

/* ---- the functions of the view ---- */

static int begin(void *arg, struct session *session)
{
	struct view *view = arg;
	const char *name = view->arguments->svg;

	view->session = session;
	ladders_init(&view->ladders);
	ladder_text_init(&view->text, &session->out, session->source->realtime, view->arguments->absolute);
	if (!name)
		return 0;
	/* Now, not at the end: write errors are to be reported early. */
	view->svg = svg_open(name);
	return view->svg ? 0 : EXIT_FAILURE;
}

/* A picture is drawn at the end; a file is shown one connection after the other. */
static bool waits(const struct view *view)
{
	return view->svg || !view->session->source->live;
}

static void step(void *arg, const struct step *step)
{
	struct view *view = arg;
	struct ladder *ladder = ladders_step(&view->ladders, step);

	if (!ladder)
		return;
	/* One more is kept, to know that there were more. */
	if (view->svg)
		ladder_cut(&view->ladders, ladder, view->arguments->max_messages + 1);
	if (view->ladders.messages > MESSAGES_HELD && view->svg)
		view->session->stop_requested = true;
	else if (view->ladders.messages > MESSAGES_HELD)
		draw_settled(view, step->record->time);
	if (!waits(view))
		session_tick_by(view->session, step->record->time + TICK_NS);
}

static void verdict(void *arg, const struct endpoint *ep)
{
	struct view *view = arg;

	ladders_verdict(&view->ladders, ep);
}

static uint64_t tick(void *arg, uint64_t time)
{
	struct view *view = arg;

	if (waits(view))
		return UINT64_MAX;
	draw_settled(view, time);
	return view->ladders.messages ? time + TICK_NS : UINT64_MAX;
}

static void end(void *arg, uint64_t time)
{
	struct view *view = arg;

	(void)time;
	ladders_end(&view->ladders);
	if (view->svg)
		view->error = svg_close(view->svg, view->arguments->svg,
					ladder_svg(view->svg, &view->ladders, view->session->source->realtime,
						   view->arguments->absolute, view->arguments->max_messages));
	else
		draw_settled(view, UINT64_MAX);
	if (view->session->stop_requested)
		warnx("the picture is full: later steps are left out; use a filter to draw less");
	if (view->ladders.dropped || view->error == -ENOMEM) {
		warnx("out of memory: the drawing is incomplete");
		view->error = -ENOMEM;
	}
	ladders_exit(&view->ladders);
}

static const struct session_view view_ladder = {
	.summary = print_summary,
	.level = TCPTRACE_L_SEGMENT,
	.level_filtered = TCPTRACE_L_SEGMENT,
	.begin = begin,
	.step = step,
	.verdict = verdict,
	.tick = tick,
	.end = end,
};

static int run(int argc, char *argv[])
{
	struct arguments arguments = { .max_messages = MESSAGES_DRAWN };
	static struct view view;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	arguments.session.options.quiet |= svg_to_output(arguments.svg);
	view.arguments = &arguments;
	status = session_run(&arguments.session, &view_ladder, &view);
	return status ? status : view.error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_ladder = {
	.name = "ladder",
	.summary = "draw each connection as a sequence diagram",
	.run = run,
};
