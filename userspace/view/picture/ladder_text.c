// SPDX-License-Identifier: GPL-2.0-only
/*
 *   0.000000    SYN_SENT │───────────────── SYN seq=0 ──────────────────▶│ SYN_RECV
 *   0.002829 ESTABLISHED │◀────────── SYN,ACK seq=0 ack=1 ───────────────│
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/canvas.h"
#include "base/safe_text.h"
#include "record/names.h"
#include "view/picture/ladder_view.h"
#include "view/picture/state_colour.h"

#define WIDTH_PIPE	100	/* columns if the width is unlimited */
#define WIDTH_LEAST	60
#define WIDTH_MOST	132
#define STATE		11	/* "ESTABLISHED" */
#define LEFT		(11 + 1 + STATE + 1)	/* column of the left line, after the time and the state */

void ladder_text_init(struct ladder_text *text, struct out *out, int64_t realtime, bool absolute)
{
	*text = (struct ladder_text){ .out = out, .realtime = realtime, .absolute = absolute };
	term_init(&text->term, STDOUT_FILENO);
	/* The canvas and its layout. */
	if (!text->term.utf8)
		safe_text_ascii();
	if (!text->term.width)
		text->term.width = WIDTH_PIPE;
	if (text->term.width > WIDTH_MOST)
		text->term.width = WIDTH_MOST;
	if (text->term.width < WIDTH_LEAST)
		text->term.width = WIDTH_LEAST;
}

static int right_of(const struct ladder_text *text)
{
	return text->term.width - STATE - 2;
}

static int line_of(const struct ladder_text *text, unsigned int side)
{
	return side == LADDER_LEFT ? LEFT : right_of(text);
}

static void write_canvas(struct ladder_text *text, const struct canvas *canvas)
{
	canvas_write(canvas, text->out, &text->term, "\n");
}

/* The two lines for the two endpoints; the one of an endpoint that is not on this host is dashed. */
static void put_lines(const struct ladder_text *text, struct canvas *canvas, int y, const struct ladder *ladder)
{
	unsigned int side;

	for (side = 0; side < LADDER_SIDES; side++)
		canvas_text(canvas, line_of(text, side), y, CANVAS_DIM, ladder->endpoint[side].cookie ? "│" : "┆");
}

static void put_state(const struct ladder_text *text, struct canvas *canvas, int y, unsigned int side,
		      uint8_t state)
{
	const char *name = state_name(state);

	if (side == LADDER_LEFT)
		canvas_text_left_of(canvas, LEFT - 1, y, state_colour(state), name);
	else
		canvas_text(canvas, right_of(text) + 2, y, state_colour(state), name);
}

/* Centred at its line, but within the picture and from column `least` on. */
static void put_name(const struct ladder_text *text, struct canvas *canvas, int least, int y, unsigned int side,
		     enum canvas_colour colour, const char *name)
{
	int columns = canvas_columns(name), x = line_of(text, side) - columns / 2;

	if (x + columns > (int)canvas->width)
		x = canvas->width - columns;
	if (x < least)
		x = least;
	canvas_text(canvas, x, y, colour, name);
}

/* Both in one line, if they are short enough. Returns the last line. */
static int put_names(const struct ladder_text *text, struct canvas *canvas, int least, int y, enum canvas_colour colour,
		     const char *left, const char *right)
{
	put_name(text, canvas, least, y, LADDER_LEFT, colour, left);
	y += canvas_columns(left) + canvas_columns(right) + LEFT > canvas->width;
	put_name(text, canvas, least, y, LADDER_RIGHT, colour, right);
	return y;
}

static void heading(struct ladder_text *text, const struct ladder *ladder)
{
	char left[LADDER_NAME], right[LADDER_NAME], clock[PUT_CLOCK_WIDTH + 1];
	struct put_clock when = { 0 };
	struct canvas canvas;
	unsigned int side;
	int y;

	canvas_init(&canvas, text->term.width, 5);
	ladder_name(ladder, LADDER_LEFT, left);
	ladder_name(ladder, LADDER_RIGHT, right);
	y = put_names(text, &canvas, 0, 0, CANVAS_BOLD, left, right) + 1;
	*put_clock(clock, &when, ladder->start + text->realtime) = '\0';
	canvas_text(&canvas, 0, y, CANVAS_DIM, clock);
	ladder_process(ladder, LADDER_LEFT, left);
	ladder_process(ladder, LADDER_RIGHT, right);
	y = put_names(text, &canvas, PUT_CLOCK_WIDTH + 1, y, CANVAS_DIM,
		      ladder->endpoint[LADDER_LEFT].cookie ? left : "(not seen)",
		      ladder->endpoint[LADDER_RIGHT].cookie ? right : "(not seen)") + 1;
	put_lines(text, &canvas, y, ladder);
	for (side = 0; side < LADDER_SIDES && !ladder->drawn; side++)
		if (ladder->first[side])
			put_state(text, &canvas, y, side, ladder->first[side]);
	if (text->begun)
		out_write(text->out, "\n", 1);
	write_canvas(text, &canvas);
	text->last = ladder;
	text->begun = true;
}

enum canvas_colour ladder_colour(const struct message *message)
{
	if (message->segment.flags & TH_RST || message->retransmission)
		return CANVAS_RED;
	if (message->segment.flags & TH_SYN)
		return CANVAS_YELLOW;
	if (message->segment.flags & TH_FIN)
		return CANVAS_BLUE;
	return message->segment.known & INFERRED_LENGTH && message->segment.length ? CANVAS_GREEN : CANVAS_PLAIN;
}

/* From the sender's line to the other one, or the half of it that belongs to this moment. */
static void put_arrow(const struct ladder_text *text, struct canvas *canvas, const struct ladder *ladder,
		      const struct moment *moment)
{
	const struct message *message = moment->message;
	enum canvas_colour colour = ladder_colour(message);
	bool rightward = message->from == LADDER_LEFT, lost = message_lost(ladder, message);
	bool leaves = moment->leaves && !message_half(ladder, message, !message->from);
	bool arrives = moment->arrives && !message_half(ladder, message, message->from);
	int left = LEFT + 1, right = right_of(text), middle = (left + right) / 2;
	int room = right - left - 6, from = left, end = right, at = middle;
	char label[MESSAGE_LABEL];

	if (!(leaves && arrives) || lost) {
		/* Its first or its second half. */
		bool first_half = leaves == rightward;

		room = (right - left) / 2 - 8;
		if (lost)
			first_half = rightward;
		from = first_half ? left : middle + 1;
		end = first_half ? middle : right;
		at = (from + end) / 2;
	}
	canvas_fill(canvas, from, end, 0, colour, "─");
	if (arrives && !lost)
		canvas_text(canvas, rightward ? right - 1 : left, 0, colour, rightward ? "▶" : "◀");
	else if (lost)
		canvas_text(canvas, rightward ? end : from - 1, 0, CANVAS_RED, "✗");
	else
		canvas_fill(canvas, rightward ? end - 3 : from, rightward ? end : from + 3, 0, colour, "┄");
	if (arrives && !leaves)
		canvas_fill(canvas, rightward ? from : end - 3, rightward ? from + 3 : end, 0, colour, "┄");
	message_label(ladder, message, text->absolute, room, label);
	at -= (int)(canvas_columns(label) + 2) / 2;
	at = canvas_text(canvas, at, 0, colour, " ");
	at = canvas_text(canvas, at, 0, colour, label);
	canvas_text(canvas, at, 0, colour, " ");
	if (lost && rightward)
		canvas_text(canvas, middle + 2, 0, CANVAS_RED, "lost");
	else if (lost)
		canvas_text_left_of(canvas, middle - 1, 0, CANVAS_RED, "lost");
}

static void put_note(const struct ladder_text *text, struct canvas *canvas, const struct message *message)
{
	if (message->from == LADDER_LEFT)
		canvas_text(canvas, LEFT + 2, 0, CANVAS_DIM, message->note);
	else
		canvas_text_left_of(canvas, right_of(text) - 1, 0, CANVAS_DIM, message->note);
}

static void put_moment(struct ladder_text *text, const struct ladder *ladder, const struct moment *moment)
{
	const struct message *message = moment->message;
	struct canvas canvas;
	unsigned int side, i;
	char time[CANVAS_SECONDS];

	canvas_init(&canvas, text->term.width, 2);
	canvas_seconds(time, moment->time - ladder->start);
	canvas_text_left_of(&canvas, 11, 0, CANVAS_DIM, time);
	put_lines(text, &canvas, 0, ladder);
	if (message->arrow)
		put_arrow(text, &canvas, ladder, moment);
	else
		put_note(text, &canvas, message);
	for (side = 0; side < LADDER_SIDES; side++) {
		bool here = side == message->from ? moment->leaves || !message->arrow : moment->arrives;

		for (i = 0; i < MESSAGE_STATES && here && message->states[side][i]; i++) {
			if (i)
				put_lines(text, &canvas, i, ladder);
			put_state(text, &canvas, i, side, message->states[side][i]);
		}
	}
	write_canvas(text, &canvas);
}

bool ladder_text(struct ladder_text *text, const struct ladder *ladder, uint32_t count)
{
	struct moment *moments;
	uint32_t used, i;

	if (!count)
		return true;
	moments = reallocarray(NULL, 2 * (size_t)count, sizeof(*moments));
	if (!moments)
		return false;
	if (text->last != ladder)
		heading(text, ladder);
	used = ladder_moments(ladder, count, false, moments);
	for (i = 0; i < used; i++)
		put_moment(text, ladder, &moments[i]);
	free(moments);
	return true;
}

void ladder_text_forget(struct ladder_text *text, const struct ladder *ladder)
{
	if (text->last == ladder)
		text->last = NULL;
}

void ladder_text_verdict(struct ladder_text *text, const struct ladder *ladder)
{
	char verdict[MESSAGE_LABEL];
	struct canvas canvas;
	int x;

	ladder_verdict(ladder, verdict);
	if (!*verdict || text->last != ladder)
		return;
	canvas_init(&canvas, text->term.width, 2);
	x = text->term.width - canvas_columns(verdict);
	canvas_text(&canvas, x > LEFT ? LEFT : x > 0 ? x : 0, 0, CANVAS_BOLD, verdict);
	if (ladder->lossy)
		canvas_text(&canvas, LEFT, 1, CANVAS_RED, "records were lost: the drawing is incomplete");
	write_canvas(text, &canvas);
}
