// SPDX-License-Identifier: GPL-2.0-only
/* top: the busy sockets, updated periodically. */
#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/columns.h"
#include "base/safe_text.h"
#include "base/screen.h"
#include "base/signals.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "session/session.h"
#include "view/json/json_tables.h"
#include "view/print_summary.h"
#include "view/table/top.h"

#define KEYS_NS		100000000ull	/* interval of checks for keys */
#define ROWS		20		/* of a table that is not on a screen */

enum { KEY_INTERVAL = 0x200, KEY_SORT, KEY_ROWS, KEY_BATCH, KEY_COUNT };

struct arguments {
	struct session_arguments session;
	unsigned long long interval, rows, count;
	enum busy_sort sort;
	bool batch;
};

struct view {
	struct arguments arguments;
	struct session *session;
	struct top top;
	uint64_t frame;		/* time of the next update */
	uint64_t frames;	/* made */
	bool interactive;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	int sort;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->session;
		return 0;
	case KEY_INTERVAL:
		arguments->interval = options_seconds(state, "--interval", text);
		return 0;
	case KEY_SORT:
		sort = busy_sort_of_word(text);
		if (sort < 0)
			argp_failure(state, EXIT_USAGE, 0,
				     "--sort=%s: not a sort key; choose rate, in, out, recvq, sendq, delay or retrans", safe_string(text));
		arguments->sort = sort;
		return 0;
	case KEY_ROWS:
		arguments->rows = options_count(state, "--rows", text);
		return 0;
	case KEY_COUNT:
		arguments->count = options_count(state, "--count", text);
		return 0;
	case 'b':
		arguments->batch = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "interval", KEY_INTERVAL, "SECONDS", 0, "Refresh every SECONDS (1)", 0 },
	{ "sort", KEY_SORT, "KEY", 0,
	  "rate (the default), in, out, recvq, sendq, delay or retrans, largest first", 0 },
	{ "rows", KEY_ROWS, "N", 0, "Lines of a table in batch mode (20)", 0 },
	{ "count", KEY_COUNT, "N", 0, "Stop after N tables", 0 },
	{ "batch", 'b', NULL, 0,
	  "Print one table after the other; the default if standard output is not a capable terminal, and with --json", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Shows the busiest sockets: their queues and peaks, bytes per second in and out, read delay and "
	       "windows, refreshed every second on the whole terminal. The last line lists the keys."
	       "\vA recording is shown at the speed at which it was made.",
	.children = session_children,
};

/* ---- updates ---- */

static void look(struct view *view, uint64_t time)
{
	if (top_look(&view->top, time)) {
		warnx("out of memory");
		view->session->stop_requested = true;
	}
	view->frames++;
	if (view->arguments.count && view->frames >= view->arguments.count)
		view->session->stop_requested = true;
}

static void put_table(struct view *view)
{
	const struct options *options = &view->arguments.session.options;
	size_t rows = top_choose(&view->top, view->arguments.rows), i;

	if (options->json) {
		for (i = 0; i < rows; i++)
			json_busy(&view->session->out, &view->top.busy.rows[i], view->top.busy.time);
		return;
	}
	if (view->frames > 1)
		out_write(&view->session->out, "\n", 1);
	top_print(&view->top, &view->session->out, rows, !options->no_header && !options->quiet);
}

/* ---- the screen ---- */

/* True if the picture has to be redrawn. */
static bool take_keys(struct view *view, int timeout_ms)
{
	bool changed = false;
	int key;

	while (!view->session->stop_requested && !signals_stop() && (key = screen_key(timeout_ms)) != SCREEN_NONE) {
		timeout_ms = 0;
		changed = true;
		if (!top_key(&view->top, key))
			view->session->stop_requested = true;
	}
	return changed;
}

/* Called every KEYS_NS, of real time or of a file's time. */
static uint64_t tick_screen(struct view *view, uint64_t time)
{
	bool changed = take_keys(view, view->session->source->live ? 0 : KEYS_NS / 1000000);

	if (time >= view->frame && !view->top.paused) {
		look(view, time);
		view->frame = time + view->arguments.interval;
		changed = true;
	}
	if (changed)
		top_draw(&view->top);
	return time + KEYS_NS;
}

/* The recording has ended, but the user still looks at it. */
static void stay(struct view *view, uint64_t time)
{
	top_look(&view->top, time);
	view->top.over = true;
	top_draw(&view->top);
	while (!view->session->stop_requested && !signals_stop())
		if (take_keys(view, KEYS_NS / 1000000))
			top_draw(&view->top);
}

/* ---- the view ---- */

static int begin(void *arg, struct session *session)
{
	struct view *view = arg;

	view->session = session;
	top_init(&view->top, session, view->arguments.sort);
	view->interactive = !view->arguments.batch && !view->arguments.session.options.json &&
			    term_controls(STDOUT_FILENO) && screen_possible();
	if (!view->interactive || !screen_begin())
		return 0;
	warnx("TERM names no terminal that top can use; --batch prints one table after the other");
	return EXIT_FAILURE;
}

static void step(void *arg, const struct step *step)
{
	struct view *view = arg;

	(void)step;
	view->top.changes++;
}

static uint64_t tick(void *arg, uint64_t time)
{
	struct view *view = arg;

	if (view->interactive)
		return tick_screen(view, time);
	look(view, time);
	put_table(view);
	return time + view->arguments.interval;
}

static void end(void *arg, uint64_t time)
{
	struct view *view = arg;
	bool file = !view->session->source->live;

	if (view->interactive && file && !view->session->stop_requested)
		stay(view, time);
	if (view->interactive)
		screen_end();
	else if (file && !view->session->stop_requested && time > view->top.busy.time) {
		look(view, time);
		put_table(view);
	}
}

static const struct session_view session_view = {
	.summary = print_summary,
	.level = TCPTRACE_L_QUEUE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.begin = begin,
	.step = step,
	.tick = tick,
	.end = end,
};

static int run(int argc, char *argv[])
{
	static struct view view = {
		.arguments = { .interval = 1000000000, .rows = ROWS, .sort = BUSY_RATE },
	};
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &view.arguments);
	status = session_run(&view.arguments.session, &session_view, &view);
	top_free(&view.top);
	return status;
}

const struct command cmd_top = {
	.name = "top",
	.summary = "the busiest sockets: queues, rates, windows, full screen",
	.run = run,
};
