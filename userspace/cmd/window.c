// SPDX-License-Identifier: GPL-2.0-only
/* window: the sliding window of connections, as bars. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "session/session.h"
#include "view/json/json_windows.h"
#include "view/picture/bars.h"
#include "view/print_summary.h"

#define TICK_NS		200000000ull
#define WIDTH_PIPE	100
#define WIDTH_LEAST	72
#define BLOCK		6	/* lines of a connection on a terminal, with an empty one */
#define SHOWN		((CANVAS_HEIGHT - 4) / BLOCK)	/* maximum number of connections */

/* A connection as it was shown last; one entry for each recent one, by its endpoint's place in the model. */
#define KNOWN	1024

struct known {
	uint64_t cookie;
	uint64_t start;		/* when it was first shown */
	struct bars bars[2];	/* from the side that connected, and towards it */
	uint32_t window[2];	/* the largest so far */
};

struct arguments {
	struct session_arguments session;
};

struct view {
	struct arguments arguments;
	struct session *session;
	struct term term;
	struct canvas canvas;
	uint64_t heading;		/* sum of the cookies of the connection whose heading was printed last */
	struct known known[KNOWN];
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)text;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = &arguments->session;
	return 0;
}

static const struct argp argp = {
	.parser = parse,
	.doc = "Draws the sliding window of each connection, in both directions. The sender's bar shows what is acknowledged, "
	       "sent, waiting, sendable and beyond the window; the receiver's bar shows what is read, unread "
	       "and free. On a terminal the bars are updated in place until Ctrl-C; otherwise, and from a "
	       "file, each change is a line."
	       "\v" FILTER_PROCESS_DOC,
	.children = session_children,
};

static bool live(const struct view *view)
{
	return view->session->source->live && view->term.controls && !view->arguments.session.options.json;
}

static int begin(void *arg, struct session *session)
{
	struct view *view = arg;

	view->session = session;
	term_init(&view->term, STDOUT_FILENO);
	if (!view->term.width)
		view->term.width = WIDTH_PIPE;
	if (view->term.width < WIDTH_LEAST)
		view->term.width = WIDTH_LEAST;
	return 0;
}

/* The side that connected first, then the other one; either may be NULL. */
static void order(const struct endpoint **first, const struct endpoint **second)
{
	const struct endpoint *ep = *first;

	if (!ep || ep->flags & EP_ACTIVE || (*second && !((*second)->flags & EP_ACTIVE)))
		return;
	*first = *second;
	*second = ep;
}

/* Both endpoints of a connection share an entry. */
static struct known *know(struct view *view, const struct endpoint *first, const struct endpoint *second, uint64_t time)
{
	const struct endpoint *one = first ? first : second;
	struct known *known = &view->known[model_place(view->session->model, one) % KNOWN];

	if (known->cookie != one->cookie)
		*known = (struct known){ .cookie = one->cookie, .start = time };
	return known;
}

/* Updates its bars in one direction, 0 or 1. Returns whether they have changed. */
static bool look(struct known *known, unsigned int way, const struct endpoint *first, const struct endpoint *second)
{
	struct bars bars;

	if (!bars_of(&bars, way ? second : first, way ? first : second))
		return false;
	if (bars_window(&bars) > known->window[way])
		known->window[way] = bars_window(&bars);
	if (!memcmp(&bars, &known->bars[way], sizeof(bars)))
		return false;
	known->bars[way] = bars;
	return true;
}

/* ---- one line after the other ---- */

static char *put_name(char *p, const struct endpoint *ep, const struct endpoint *peer)
{
	if (ep)
		return put_local(p, zone_at(ep->zone), ep->family, ep->saddr, ep->sport);
	return record_put_endpoint(p, peer->family, peer->daddr, peer->dport);
}

#define NUMBERS	15	/* usually "12345678/1234567" */

static int bar_width(const struct view *view)
{
	return (view->term.width - 14 - 2 * (NUMBERS + 1)) / 2;
}

static void heading(struct view *view, const struct endpoint *first, const struct endpoint *second)
{
	struct canvas *canvas = &view->canvas;
	int width = bar_width(view);
	char name[2 * LOCAL_TEXT_MAX + 8], *p;
	uint64_t cookies = (first ? first->cookie : 0) + (second ? second->cookie : 0);

	if (view->heading == cookies)
		return;
	canvas_init(canvas, view->term.width, 5);
	p = put_name(name, first, second);
	p = put_text(p, " > ");
	p = put_name(p, second, first);
	*p = '\0';
	canvas_text(canvas, 0, 1, CANVAS_BOLD, name);
	if (!view->heading)
		bars_legend(canvas, 14, 2);
	canvas_text(canvas, 7, 4, CANVAS_DIM, "TIME");
	canvas_text(canvas, 14, 4, CANVAS_DIM, "SENDER");
	canvas_text_left_of(canvas, 14 + width + NUMBERS, 4, CANVAS_DIM, "sent/window");
	canvas_text(canvas, 14 + width + NUMBERS + 1, 4, CANVAS_DIM, "RECEIVER");
	canvas_text_left_of(canvas, 14 + 2 * width + 2 * NUMBERS + 1, 4, CANVAS_DIM, "unread/free");
	canvas_write(canvas, &view->session->out, &view->term, "\n");
	view->heading = cookies;
}

static void put_pair(struct canvas *canvas, int x, uint32_t one, uint32_t other)
{
	char text[32];

	snprintf(text, sizeof(text), "%u/%u", one, other);
	canvas_text_left_of(canvas, x, 0, CANVAS_PLAIN, text);
}

static void line(struct view *view, const struct known *known, unsigned int way, uint64_t time)
{
	const struct bars *bars = &known->bars[way];
	struct canvas *canvas = &view->canvas;
	int width = bar_width(view), x = 14;
	char text[CANVAS_SECONDS];

	canvas_init(canvas, view->term.width, 1);
	canvas_seconds(text, time - known->start);
	canvas_text_left_of(canvas, 11, 0, CANVAS_DIM, text);
	canvas_text(canvas, 12, 0, CANVAS_BOLD, way ? "<" : ">");
	bars_sender(canvas, x, width, 0, bars, known->window[way]);
	if (bars->has_sender)
		put_pair(canvas, x + width + NUMBERS, bars->nxt - bars->una, bars->edge - bars->una);
	x += width + NUMBERS + 1;
	bars_receiver(canvas, x, width, 0, bars, known->window[way]);
	if (bars->has_receiver)
		put_pair(canvas, x + width + NUMBERS, bars->rcv - bars->copied, bars->rcv_edge - bars->rcv);
	canvas_write(canvas, &view->session->out, &view->term, "\n");
}

/* Prints what has changed since it was last printed. */
static void show(struct view *view, const struct endpoint *first, const struct endpoint *second, uint64_t time)
{
	struct known *known = know(view, first, second, time);
	unsigned int way;

	for (way = 0; way < 2; way++) {
		if (!look(known, way, first, second))
			continue;
		if (view->arguments.session.options.json) {
			json_window(&view->session->out, &known->bars[way], way ? second : first,
				    way ? first : second, time);
			continue;
		}
		heading(view, first, second);
		line(view, known, way, time);
	}
}

static void step(void *arg, const struct step *step)
{
	struct view *view = arg;
	const struct endpoint *first = step->ep, *second = step->peer;

	if (!step->ep || live(view))
		return;
	order(&first, &second);
	show(view, first, second, step->record->time);
}

static void on_socket(void *arg, const struct endpoint *ep)
{
	struct view *view = arg;
	const struct endpoint *first = ep, *second = model_peer(view->session->model, ep);

	if (live(view))
		return;
	order(&first, &second);
	show(view, first, second, ep->created);
}

/* ---- updated in place ---- */

static const char *state_of(const struct endpoint *ep)
{
	return ep ? state_name(ep->state) : "";
}

#define COUNTS_WIDTH	27	/* "12345678 sent of 12345678 " */

/* The sender's bar above the receiver's, over the same sequence numbers. */
static void both_bars(struct view *view, const struct known *known, unsigned int way, int y)
{
	const struct bars *bars = &known->bars[way];
	struct canvas *canvas = &view->canvas;
	int width = view->term.width - 12 - COUNTS_WIDTH - 1;
	char text[64];

	canvas_text(canvas, 1, y, CANVAS_BOLD, way ? "<" : ">");
	if (bars->has_sender) {
		canvas_text(canvas, 3, y, CANVAS_DIM, "sender");
		bars_sender(canvas, 12, width, y, bars, known->window[way]);
		snprintf(text, sizeof(text), "%u sent of %u", bars->nxt - bars->una, bars->edge - bars->una);
		canvas_text(canvas, 13 + width, y, CANVAS_PLAIN, text);
	}
	if (bars->has_receiver) {
		canvas_text(canvas, 3, y + 1, CANVAS_DIM, "receiver");
		bars_receiver(canvas, 12, width, y + 1, bars, known->window[way]);
		snprintf(text, sizeof(text), "%u unread, %u free", bars->rcv - bars->copied,
			 bars->rcv_edge - bars->rcv);
		canvas_text(canvas, 13 + width, y + 1, CANVAS_PLAIN, text);
	}
}

static void block(struct view *view, const struct endpoint *first, const struct endpoint *second, int y)
{
	struct known *known = know(view, first, second, 0);
	struct canvas *canvas = &view->canvas;
	char name[LOCAL_TEXT_MAX + 1];
	unsigned int way;
	int x;

	*put_name(name, first, second) = '\0';
	x = canvas_text(canvas, 0, y, CANVAS_BOLD, name);
	x = canvas_text(canvas, x + 1, y, CANVAS_DIM, state_of(first));
	x = canvas_text(canvas, x + 1, y, CANVAS_BOLD, "> ");
	*put_name(name, second, first) = '\0';
	x = canvas_text(canvas, x, y, CANVAS_BOLD, name);
	canvas_text(canvas, x + 1, y, CANVAS_DIM, state_of(second));
	for (way = 0; way < 2; way++) {
		look(known, way, first, second);
		both_bars(view, known, way, y + 1 + 2 * way);
	}
}

/* Selects the connections that were active last. Returns how many; *all is how many there are. */
static unsigned int choose(const struct view *view, const struct endpoint *shown[SHOWN], unsigned int most,
			   uint64_t *all)
{
	const struct model *model = view->session->model;
	unsigned int count = 0, i;
	const struct endpoint *ep;
	uint32_t place = 0;

	for (*all = 0; (ep = model_next(model, &place));) {
		const struct endpoint *first = ep, *second = model_peer(model, ep);

		order(&first, &second);
		if (ep->kind != TCPTRACE_K_FULL || ep->state == TCPTRACE_S_LISTEN ||
		    (second && first != ep && session_wants(view->session, first)))
			continue;
		(*all)++;
		for (i = count < most ? count++ : most; i && shown[i - 1]->last < ep->last; i--)
			if (i < most)
				shown[i] = shown[i - 1];
		if (i < most)
			shown[i] = ep;
	}
	return count;
}

static void draw(struct view *view)
{
	struct canvas *canvas = &view->canvas;
	unsigned int height = view->term.height < CANVAS_HEIGHT ? view->term.height : CANVAS_HEIGHT;
	unsigned int most = height > BLOCK + 5 ? (height - 5) / BLOCK : 1, count, i;
	const struct endpoint *shown[SHOWN];
	char text[48];
	uint64_t all;

	if (most > SHOWN)
		most = SHOWN;
	canvas_init(canvas, view->term.width, height - 1);
	count = choose(view, shown, most, &all);
	bars_legend(canvas, 2, 0);
	for (i = 0; i < count; i++) {
		const struct endpoint *first = shown[i], *second = model_peer(view->session->model, shown[i]);

		order(&first, &second);
		block(view, first, second, 3 + i * BLOCK);
	}
	if (!count)
		canvas_text(canvas, 2, 3, CANVAS_DIM, "no connection yet");
	if (all > count) {
		snprintf(text, sizeof(text), "and %llu more", (unsigned long long)(all - count));
		canvas_text(canvas, 2, 3 + count * BLOCK, CANVAS_DIM, text);
	}
	canvas_redraw(canvas, &view->session->out, &view->term);
}

static uint64_t tick(void *arg, uint64_t time)
{
	struct view *view = arg;

	if (!live(view))
		return UINT64_MAX;
	begin(view, view->session);
	draw(view);
	return time + TICK_NS;
}

static void end(void *arg, uint64_t time)
{
	struct view *view = arg;

	(void)time;
	if (live(view))
		draw(view);
}

static const struct session_view view_window = {
	.summary = print_summary,
	.level = TCPTRACE_L_QUEUE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.begin = begin,
	.socket = on_socket,
	.step = step,
	.tick = tick,
	.end = end,
};

static int run(int argc, char *argv[])
{
	static struct view view;

	argp_parse(&argp, argc, argv, 0, NULL, &view.arguments);
	return session_run(&view.arguments.session, &view_window, &view);
}

const struct command cmd_window = {
	.name = "window",
	.summary = "sliding windows as bars, in both directions",
	.run = run,
};
