// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ladder as a picture. Time runs down, but not to scale: each event is one step below the previous one, so that each
 * arrow slants and is legible. A long time without events is a gap with its duration.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/svg.h"
#include "record/names.h"
#include "view/picture/ladder_view.h"
#include "view/picture/state_colour.h"

#define WIDTH	960.0
#define LEFT	245.0
#define RIGHT	(WIDTH - LEFT)
#define MARGIN	24.0
#define TOP	96.0		/* heading */
#define BOTTOM	58.0		/* verdict */
#define STEP	23.0
#define GAP	26.0		/* additional space for a gap */
#define GAP_NS	20000000ull
#define BAR	10.0

struct picture {
	FILE *file;
	const struct ladder *ladder;
	bool absolute;
	double top;
	struct moment *moments;
	double *y;		/* of each moment */
	uint32_t count, more;	/* moments; messages that were left out */
	double height;
};

static double line_of(unsigned int side)
{
	return side == LADDER_LEFT ? LEFT : RIGHT;
}

/* ---- the layout ---- */

static bool has_gap(const struct picture *picture, uint32_t i)
{
	return i && picture->moments[i].time - picture->moments[i - 1].time >= GAP_NS;
}

static bool enters_two(const struct message *message)
{
	return message->states[LADDER_LEFT][1] || message->states[LADDER_RIGHT][1];
}

static int layout(struct picture *picture, const struct ladder *ladder, uint32_t most)
{
	uint32_t messages = ladder->count < most ? ladder->count : most, i;
	double y = TOP + 2 * STEP;

	picture->ladder = ladder;
	picture->more = ladder->count - messages;
	picture->moments = reallocarray(NULL, 2 * (size_t)messages + 1, sizeof(*picture->moments));
	picture->y = reallocarray(NULL, 2 * (size_t)messages + 1, sizeof(*picture->y));
	if (!picture->moments || !picture->y)
		return -ENOMEM;
	picture->count = ladder_moments(ladder, messages, true, picture->moments);
	for (i = 0; i < picture->count; i++) {
		if (has_gap(picture, i))
			y += GAP;
		picture->y[i] = y;
		y += STEP;
		/* A second state at the same place; a label below its arrow. */
		if (enters_two(picture->moments[i].message) || message_lost(ladder, picture->moments[i].message))
			y += STEP / 3;
	}
	picture->height = y + BOTTOM;
	return 0;
}

/* The position of the message at one side; if it was not seen there, at the other side. */
static double place_of(const struct picture *picture, const struct message *message, unsigned int side)
{
	double y = 0;
	uint32_t i;

	for (i = 0; i < picture->count; i++) {
		if (picture->moments[i].message != message)
			continue;
		y = picture->y[i];
		if (picture->moments[i].side == side)
			break;
	}
	return picture->top + y;
}

/* ---- the two endpoints ---- */

static void draw_heading(const struct picture *picture, unsigned int side)
{
	const struct ladder *ladder = picture->ladder;
	double x = line_of(side), y = picture->top + MARGIN, width;
	char name[LADDER_NAME], process[LADDER_NAME];

	ladder_name(ladder, side, name);
	ladder_process(ladder, side, process);
	if (!ladder->endpoint[side].cookie)
		strcpy(process, "not seen from here");
	width = fmax(250, fmax(8.2 * strlen(name), 6.7 * strlen(process)) + 24);
	svg_rect(picture->file, ladder->endpoint[side].cookie ? "box faint" : "box faint dashed", x - width / 2, y,
		 width, 48, 8);
	svg_text(picture->file, "bold", "middle", x, y + 21, 0, name);
	svg_text(picture->file, "dim small", "middle", x, y + 38, 0, process);
}

static void draw_span(const struct picture *picture, unsigned int side, uint8_t state, double from, double to)
{
	char class[48];

	if (!state || state == TCPTRACE_S_CLOSE || state == TCPTRACE_S_LISTEN || to <= from)
		return;
	snprintf(class, sizeof(class), "bar %s", svg_class(state_colour(state)));
	svg_rect(picture->file, class, line_of(side) - BAR / 2, from, BAR, to - from, 2);
}

static void name_state(const struct picture *picture, unsigned int side, uint8_t state, double y)
{
	double x = line_of(side) + (side == LADDER_LEFT ? -14 : 14);
	char class[48];

	snprintf(class, sizeof(class), "bold small %s", svg_class(state_colour(state)));
	svg_text(picture->file, class, side == LADDER_LEFT ? "end" : "start", x, y + 4, 0, state_name(state));
}

/* Does this moment's message change the state of `side` here? */
static bool touches(const struct moment *moment, unsigned int side)
{
	const struct message *message = moment->message;

	if (!message->arrow)
		return side == moment->side;
	return moment->leaves && moment->arrives ? true : side == moment->side;
}

static void draw_side(const struct picture *picture, unsigned int side)
{
	const struct ladder *ladder = picture->ladder;
	double x = line_of(side), from = picture->top + TOP, end = picture->top + picture->height - BOTTOM;
	uint8_t state = ladder->drawn ? 0 : ladder->first[side];
	uint32_t i, n;

	svg_line(picture->file, ladder->endpoint[side].cookie ? "faint thick" : "faint thick dashed", x,
		 picture->top + TOP - 24, x, end);
	if (state)
		name_state(picture, side, state, from - 4);
	for (i = 0; i < picture->count; i++) {
		const struct message *message = picture->moments[i].message;
		double y = picture->top + picture->y[i];

		for (n = 0; n < MESSAGE_STATES && message->states[side][n] && touches(&picture->moments[i], side);
		     n++) {
			draw_span(picture, side, state, from, y);
			state = message->states[side][n];
			name_state(picture, side, state, y);
			from = y;
			y += 14;
		}
	}
	draw_span(picture, side, state, from, end);
}

/* ---- the messages ---- */

/* Where an arrow starts and ends. */
struct way {
	double x1, y1, x2, y2;
	bool lost;
};

static struct way way_of(const struct picture *picture, const struct message *message)
{
	double inset = message->from == LADDER_LEFT ? BAR / 2 + 1 : -BAR / 2 - 1;
	struct way way = {
		.x1 = line_of(message->from) + inset,
		.y1 = place_of(picture, message, message->from),
		.x2 = line_of(!message->from) - inset,
		.y2 = place_of(picture, message, !message->from),
		.lost = message_lost(picture->ladder, message),
	};

	if (way.lost) {
		way.x2 = way.x1 + (way.x2 - way.x1) * .72;
		way.y2 = way.y1 + STEP * .72;
	} else if (message_half(picture->ladder, message, message->from)) {
		way.x2 = (way.x1 + way.x2) / 2;
	} else if (message_half(picture->ladder, message, !message->from)) {
		way.x1 = (way.x1 + way.x2) / 2;
	}
	return way;
}

static void draw_arrow(const struct picture *picture, const struct message *message)
{
	struct way way = way_of(picture, message);
	double further = way.x2 > way.x1 ? 10 : -10;

	svg_arrow(picture->file, svg_class(ladder_colour(message)), way.x1, way.y1, way.x2, way.y2);
	if (!way.lost)
		return;
	svg_text(picture->file, "red bold", "middle", way.x2 + further, way.y2 + 5, 0, "✗");
	svg_text(picture->file, "red small", further > 0 ? "start" : "end", way.x2 + 2 * further, way.y2 + 4, 0,
		 "lost");
}

/* The label along the arrow; if others may cross it, short, and near its sender. */
static void draw_label(const struct picture *picture, const struct message *message)
{
	struct way way = way_of(picture, message);
	double slope = (way.y2 - way.y1) / (way.x2 - way.x1), turned = atan(slope) * 180 / M_PI;
	bool near = fabs(way.y2 - way.y1) > 1.5 * STEP;
	double x = near ? way.x1 + (way.x2 > way.x1 ? 14 : -14) : (way.x1 + way.x2) / 2;
	const char *anchor = !near ? "middle" : way.x2 > way.x1 ? "start" : "end";
	char label[MESSAGE_LABEL], class[48];

	message_label(picture->ladder, message, picture->absolute, near || way.lost ? 32 : 52, label);
	snprintf(class, sizeof(class), "small halo %s", svg_class(ladder_colour(message)));
	/* Below the arrow of a lost segment, which has another slope than its neighbours. */
	svg_text(picture->file, class, anchor, x, way.y1 + (x - way.x1) * slope + (way.lost ? 12 : -4), turned, label);
}

/* Is a segment in flight from before this moment until after it? */
static bool under_way(const struct picture *picture, uint32_t i)
{
	uint64_t time = picture->moments[i].time;
	uint32_t n;

	for (n = 0; n < i; n++) {
		const struct message *message = picture->moments[n].message;

		if (message->arrow && message->at[!message->from] >= time)
			return true;
	}
	return false;
}

static void draw_gap(const struct picture *picture, uint32_t i)
{
	double y = picture->top + picture->y[i] - GAP + 2;
	char text[32], *p;

	if (!has_gap(picture, i) || under_way(picture, i))
		return;
	p = put_duration(text, picture->moments[i].time - picture->moments[i - 1].time);
	p = put_text(p, " later");
	*p = '\0';
	svg_line(picture->file, "faint dashed", LEFT + 30, y, RIGHT - 30, y);
	svg_rect(picture->file, "back", WIDTH / 2 - 50, y - 8, 100, 16, 0);
	svg_text(picture->file, "dim small", "middle", WIDTH / 2, y + 4, 0, text);
}

/* Only at the first of an arrow's two moments. */
static bool begins(const struct moment *moment)
{
	return moment->message->arrow && (moment->leaves || !moment->message->at[moment->message->from]);
}

static void draw_moment(const struct picture *picture, uint32_t i)
{
	const struct moment *moment = &picture->moments[i];
	unsigned int side = moment->side;
	double y = picture->top + picture->y[i];
	char text[CANVAS_SECONDS];

	canvas_seconds(text, moment->time - picture->ladder->start);
	svg_text(picture->file, "dim small mono", side == LADDER_LEFT ? "start" : "end",
		 side == LADDER_LEFT ? MARGIN : WIDTH - MARGIN, y + 4, 0, text);
	draw_gap(picture, i);
	if (!moment->message->arrow)
		svg_text(picture->file, "small mono", side == LADDER_LEFT ? "start" : "end",
			 line_of(side) + (side == LADDER_LEFT ? 14 : -14), y + 4, 0, moment->message->note);
	else if (begins(moment))
		draw_arrow(picture, moment->message);
}

static void draw_verdict(const struct picture *picture)
{
	const struct ladder *ladder = picture->ladder;
	double y = picture->top + picture->height - MARGIN;
	char text[MESSAGE_LABEL + 64], verdict[MESSAGE_LABEL];

	ladder_verdict(ladder, verdict);
	if (picture->more)
		snprintf(text, sizeof(text), "… the first %u steps; the rest is not drawn", picture->count);
	else
		snprintf(text, sizeof(text), "%s%s", verdict,
			 ladder->lossy ? " (records were lost: the drawing is incomplete)" : "");
	svg_text(picture->file, "bold", "middle", WIDTH / 2, y, 0, text);
}

static void draw(const struct picture *picture, int64_t realtime)
{
	struct put_clock clock = { 0 };
	char text[PUT_CLOCK_WIDTH + 1];
	uint32_t i;

	draw_side(picture, LADDER_LEFT);
	draw_side(picture, LADDER_RIGHT);
	draw_heading(picture, LADDER_LEFT);
	draw_heading(picture, LADDER_RIGHT);
	*put_clock(text, &clock, picture->ladder->start + realtime) = '\0';
	svg_text(picture->file, "dim small mono", "middle", WIDTH / 2, picture->top + TOP, 0, text);
	for (i = 0; i < picture->count; i++)
		draw_moment(picture, i);
	/* On top of all lines. */
	for (i = 0; i < picture->count; i++)
		if (begins(&picture->moments[i]))
			draw_label(picture, picture->moments[i].message);
	draw_verdict(picture);
}

int ladder_svg(FILE *file, const struct ladders *ladders, int64_t realtime, bool absolute, uint32_t most)
{
	const struct ladder *ladder;
	struct picture picture = { .file = file, .absolute = absolute };
	double height = 0;
	bool measured = false;

	/* Called once to compute the size, and once to draw. */
	for (;;) {
		picture.top = 0;
		for (ladder = ladders->first; ladder; ladder = ladder->next) {
			int error = layout(&picture, ladder, most);

			if (!error && measured)
				draw(&picture, realtime);
			free(picture.moments);
			free(picture.y);
			if (error)
				return error;
			picture.top += picture.height;
		}
		if (measured)
			break;
		measured = true;
		height = picture.top ? picture.top : 80;
		svg_begin(file, WIDTH, height, "TCP connections as sequence diagrams");
	}
	if (!ladders->first)
		svg_text(file, "dim", "middle", WIDTH / 2, 45, 0, "no connection seen");
	svg_end(file);
	return 0;
}
