// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "record/names.h"
#include "view/picture/diagram.h"
#include "view/picture/state_colour.h"

#define S(name)	TCPTRACE_S_##name

const struct diagram_box diagram_boxes[] = {
	{ 30, 0, S(CLOSE), false },
	{ 30, 6, S(LISTEN), false },
	{ 0, 12, S(SYN_RECV), false },
	{ 61, 12, S(SYN_SENT), false },
	{ 30, 18, S(ESTABLISHED), false },
	{ 0, 24, S(FIN_WAIT1), false },
	{ 61, 24, S(CLOSE_WAIT), false },
	{ 0, 30, S(FIN_WAIT2), false },
	{ 30, 30, S(CLOSING), false },
	{ 61, 30, S(LAST_ACK), false },
	{ 30, 36, S(TIME_WAIT), false },
	{ 61, 36, S(CLOSE), true },
};

const unsigned int diagram_box_count = sizeof(diagram_boxes) / sizeof(diagram_boxes[0]);

const struct diagram_edge diagram_edges[] = {
	{ S(CLOSE), S(LISTEN), 2, { { 39, 4 }, { 39, 5 } }, { 37, 4 }, true, "listen()" },
	{ S(LISTEN), S(CLOSE), 4, { { 49, 7 }, { 55, 7 }, { 55, 2 }, { 49, 2 } }, { 57, 5 }, false, "close()" },
	{ S(CLOSE), S(SYN_SENT), 3, { { 49, 1 }, { 70, 1 }, { 70, 11 } }, { 51, 0 }, false, "connect(), send SYN" },
	{ S(LISTEN), S(SYN_RECV), 3, { { 29, 8 }, { 9, 8 }, { 9, 11 } }, { 28, 7 }, true, "recv SYN, send SYN,ACK" },
	{ S(SYN_SENT), S(SYN_RECV), 2, { { 60, 14 }, { 19, 14 } }, { 24, 13 }, false, "recv SYN, send SYN,ACK" },
	{ S(SYN_RECV), S(ESTABLISHED), 3, { { 13, 16 }, { 13, 19 }, { 29, 19 } }, { 15, 18 }, false, "recv ACK" },
	{ S(SYN_SENT), S(ESTABLISHED), 3, { { 70, 16 }, { 70, 19 }, { 49, 19 } }, { 51, 17 }, false,
	  "recv SYN,ACK" },
	{ S(SYN_RECV), S(FIN_WAIT1), 2, { { 4, 16 }, { 4, 23 } }, { 6, 17 }, false, "" },
	{ S(ESTABLISHED), S(FIN_WAIT1), 3, { { 29, 20 }, { 13, 20 }, { 13, 23 } }, { 15, 22 }, false,
	  "close(), send FIN" },
	{ S(ESTABLISHED), S(CLOSE_WAIT), 3, { { 49, 20 }, { 70, 20 }, { 70, 23 } }, { 51, 21 }, false,
	  "recv FIN" },
	{ S(FIN_WAIT1), S(FIN_WAIT2), 2, { { 9, 28 }, { 9, 29 } }, { 11, 28 }, false, "recv ACK of FIN" },
	{ S(FIN_WAIT1), S(CLOSING), 3, { { 19, 26 }, { 39, 26 }, { 39, 29 } }, { 21, 25 }, false, "recv FIN" },
	{ S(CLOSE_WAIT), S(LAST_ACK), 2, { { 70, 28 }, { 70, 29 } }, { 68, 28 }, true, "close(), send FIN" },
	{ S(CLOSING), S(TIME_WAIT), 2, { { 39, 34 }, { 39, 35 } }, { 37, 34 }, true, "recv ACK of FIN" },
	{ S(FIN_WAIT2), S(TIME_WAIT), 3, { { 9, 34 }, { 9, 38 }, { 29, 38 } }, { 11, 37 }, false, "recv FIN" },
	{ S(LAST_ACK), S(CLOSE), 2, { { 70, 34 }, { 70, 35 } }, { 68, 34 }, true, "recv ACK of FIN" },
	{ S(TIME_WAIT), S(CLOSE), 2, { { 49, 38 }, { 60, 38 } }, { 50, 37 }, false, "2MSL" },
};

const unsigned int diagram_edge_count = sizeof(diagram_edges) / sizeof(diagram_edges[0]);

uint64_t diagram_aborted(const struct transitions *transitions, unsigned int state)
{
	unsigned int i;

	for (i = 0; i < diagram_edge_count; i++)
		if (diagram_edges[i].from == state && diagram_edges[i].to == S(CLOSE))
			return 0;
	return transitions->taken[state][S(CLOSE)];
}

void diagram_stay(const struct transitions *transitions, unsigned int state, char text[DIAGRAM_STAY])
{
	uint64_t median = transitions_stay(transitions, state, 50);
	char *p = text;

	if (median != UNKNOWN) {
		p = put_duration(p, median);
		p = put_text(p, " / ");
		p = put_duration(p, transitions_stay(transitions, state, 99));
	}
	*p = '\0';
}

/* ---- as text ---- */

static void draw_box(struct canvas *canvas, const struct diagram_box *box, const struct transitions *transitions)
{
	enum canvas_colour colour = state_colour(box->state);
	uint64_t aborted = diagram_aborted(transitions, box->state);
	int x = box->x, y = box->y, end = x + DIAGRAM_BOX - 1, line;
	char text[DIAGRAM_STAY];

	canvas_fill(canvas, x, end, y, colour, "─");
	canvas_fill(canvas, x, end, y + DIAGRAM_LINES - 1, colour, "─");
	canvas_text(canvas, x, y, colour, "┌");
	canvas_text(canvas, end, y, colour, "┐");
	canvas_text(canvas, x, y + DIAGRAM_LINES - 1, colour, "└");
	canvas_text(canvas, end, y + DIAGRAM_LINES - 1, colour, "┘");
	for (line = y + 1; line < y + DIAGRAM_LINES - 1; line++) {
		canvas_text(canvas, x, line, colour, "│");
		canvas_text(canvas, end, line, colour, "│");
	}
	canvas_text(canvas, x + 1, y + 1, colour, state_name(box->state));
	/* No endpoint is in CLOSE: it means that there is no connection. */
	if (box->state == S(CLOSE))
		return;
	snprintf(text, sizeof(text), "%" PRIu64, transitions->now[box->state]);
	canvas_text_left_of(canvas, end, y + 1, transitions->now[box->state] ? CANVAS_BOLD : CANVAS_DIM, text);
	diagram_stay(transitions, box->state, text);
	canvas_text(canvas, x + 1, y + 2, CANVAS_DIM, text);
	if (!aborted)
		return;
	snprintf(text, sizeof(text), "✗ %" PRIu64, aborted);
	canvas_text(canvas, x + 2, y + DIAGRAM_LINES - 1, CANVAS_RED, text);
}

static const char *corner(struct diagram_point before, struct diagram_point at, struct diagram_point behind)
{
	bool left = before.x < at.x || behind.x < at.x, up = before.y < at.y || behind.y < at.y;

	return left ? up ? "┘" : "┐" : up ? "└" : "┌";
}

static void draw_stretch(struct canvas *canvas, struct diagram_point from, struct diagram_point to,
			 enum canvas_colour colour)
{
	int y;

	if (from.y == to.y) {
		canvas_fill(canvas, from.x < to.x ? from.x : to.x, (from.x < to.x ? to.x : from.x) + 1, to.y, colour,
			    "─");
		return;
	}
	for (y = from.y < to.y ? from.y : to.y; y <= from.y || y <= to.y; y++)
		canvas_text(canvas, to.x, y, colour, "│");
}

static void draw_edge(struct canvas *canvas, const struct diagram_edge *edge, uint64_t taken)
{
	enum canvas_colour colour = taken ? CANVAS_PLAIN : CANVAS_DIM;
	const struct diagram_point *points = edge->points, *last = &points[edge->count - 1];
	int x = edge->label.x, y = edge->label.y, i;
	char count[32];

	for (i = 1; i < edge->count; i++)
		draw_stretch(canvas, points[i - 1], points[i], colour);
	for (i = 1; i < edge->count - 1; i++)
		canvas_text(canvas, points[i].x, points[i].y, colour, corner(points[i - 1], points[i], points[i + 1]));
	canvas_text(canvas, last->x, last->y, colour,
		    last[-1].y == last->y ? last[-1].x < last->x ? "▶" : "◀" : last[-1].y < last->y ? "▼" : "▲");
	snprintf(count, sizeof(count), "%s%" PRIu64, *edge->what ? " " : "", taken);
	if (!taken)
		*count = '\0';
	if (edge->left)
		x -= canvas_columns(edge->what) + canvas_columns(count);
	x = canvas_text(canvas, x, y, CANVAS_DIM, edge->what);
	canvas_text(canvas, x, y, CANVAS_BOLD, count);
}

void diagram_text(struct canvas *canvas, const struct transitions *transitions)
{
	unsigned int i;

	canvas_init(canvas, DIAGRAM_WIDTH, DIAGRAM_HEIGHT + 3);
	for (i = 0; i < diagram_edge_count; i++)
		draw_edge(canvas, &diagram_edges[i],
			  transitions->taken[diagram_edges[i].from][diagram_edges[i].to]);
	for (i = 0; i < diagram_box_count; i++)
		draw_box(canvas, &diagram_boxes[i], transitions);
	canvas_text(canvas, 0, DIAGRAM_HEIGHT + 1, CANVAS_DIM,
		    "In a box: endpoints in the state now; time in it, median / 99th percentile.");
	canvas_text(canvas, 0, DIAGRAM_HEIGHT + 2, CANVAS_DIM,
		    "✗ endpoints that went to CLOSE by a reset, an error or an abort.");
}
