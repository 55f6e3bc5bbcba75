// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <math.h>

#include "base/svg.h"
#include "record/names.h"
#include "view/picture/diagram.h"
#include "view/picture/state_colour.h"

#define COLUMN	12.0
#define LINE	19.0
#define MARGIN	24.0
#define TITLE	40.0
#define LEGEND	64.0

static double x_of(double column)
{
	return MARGIN + (column + .5) * COLUMN;
}

static double y_of(double line)
{
	return MARGIN + TITLE + (line + .5) * LINE;
}

static void draw_box(FILE *file, const struct diagram_box *box, const struct transitions *transitions)
{
	uint64_t aborted = diagram_aborted(transitions, box->state), now = transitions->now[box->state];
	double x = x_of(box->x), y = y_of(box->y);
	double width = (DIAGRAM_BOX - 1) * COLUMN, height = (DIAGRAM_LINES - 1) * LINE;
	char class[48], text[DIAGRAM_STAY];

	snprintf(class, sizeof(class), "box thick %s", svg_class(state_colour(box->state)));
	svg_rect(file, class, x, y, width, height, 8);
	snprintf(class, sizeof(class), "bold %s", svg_class(state_colour(box->state)));
	if (box->state == TCPTRACE_S_CLOSE) {
		svg_text(file, class, "middle", x + width / 2, y + height / 2 + 5, 0, state_name(box->state));
		return;
	}
	svg_text(file, class, "start", x + 12, y + 25, 0, state_name(box->state));
	snprintf(text, sizeof(text), "%" PRIu64, now);
	svg_text(file, now ? "bold big" : "dim", "end", x + width - 12, y + 26, 0, text);
	diagram_stay(transitions, box->state, text);
	svg_text(file, "dim small", "start", x + 12, y + 45, 0, text);
	if (!aborted)
		return;
	snprintf(text, sizeof(text), "✗ %" PRIu64, aborted);
	svg_text(file, "red bold small", "end", x + width - 12, y + 45, 0, text);
}

/* One cell further, so that it touches a box at both ends. */
static void end_points(const struct diagram_edge *edge, double x[DIAGRAM_CORNERS], double y[DIAGRAM_CORNERS])
{
	int last = edge->count - 1, i;

	for (i = 0; i <= last; i++) {
		x[i] = x_of(edge->points[i].x);
		y[i] = y_of(edge->points[i].y);
	}
	x[0] += COLUMN * ((edge->points[0].x > edge->points[1].x) - (edge->points[0].x < edge->points[1].x));
	y[0] += LINE * ((edge->points[0].y > edge->points[1].y) - (edge->points[0].y < edge->points[1].y));
	x[last] += COLUMN * ((edge->points[last].x > edge->points[last - 1].x) -
			     (edge->points[last].x < edge->points[last - 1].x));
	y[last] += LINE * ((edge->points[last].y > edge->points[last - 1].y) -
			   (edge->points[last].y < edge->points[last - 1].y));
}

/* Edges that were taken more often are wider. */
static void draw_edge(FILE *file, const struct diagram_edge *edge, uint64_t taken)
{
	double x[DIAGRAM_CORNERS], y[DIAGRAM_CORNERS], at;
	int last = edge->count - 1, i;
	const char *class = taken ? "" : "faint";
	char label[96];

	end_points(edge, x, y);
	fprintf(file, "<g stroke-width=\"%.1f\" stroke-linecap=\"round\">\n", taken ? fmin(1.2 + log10(taken), 6) : 1.2);
	for (i = 1; i < last; i++)
		svg_line(file, class, x[i - 1], y[i - 1], x[i], y[i]);
	svg_arrow(file, class, x[last - 1], y[last - 1], x[last], y[last]);
	fputs("</g>\n", file);
	at = y_of(edge->label.y) + 4;
	snprintf(label, sizeof(label), "%" PRIu64, taken);
	if (!taken)
		*label = '\0';
	fprintf(file, "<text class=\"small dim\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s <tspan class=\"bold\" "
		"style=\"fill:currentColor\">%s</tspan></text>\n", edge->left ? "end" : "start",
		x_of(edge->label.x) - COLUMN / 2, at, edge->what, label);
}

void diagram_svg(FILE *file, const struct transitions *transitions)
{
	double width = 2 * MARGIN + DIAGRAM_WIDTH * COLUMN;
	double height = 2 * MARGIN + TITLE + DIAGRAM_HEIGHT * LINE + LEGEND;
	unsigned int i;

	svg_begin(file, width, height, "The states of TCP, and how often each edge was taken");
	svg_text(file, "bold big", "start", x_of(0), MARGIN + 16, 0, "The states of TCP");
	svg_text(file, "dim small", "start", x_of(0), MARGIN + 36, 0, "after figure 5 of RFC 9293");
	for (i = 0; i < diagram_edge_count; i++)
		draw_edge(file, &diagram_edges[i],
			  transitions->taken[diagram_edges[i].from][diagram_edges[i].to]);
	for (i = 0; i < diagram_box_count; i++)
		draw_box(file, &diagram_boxes[i], transitions);
	svg_text(file, "dim small", "start", x_of(0), height - MARGIN - 24, 0,
		 "On an edge: how often it was taken. In a box: endpoints in the state now; below, time in the state, "
		 "median / 99th percentile.");
	svg_text(file, "dim small", "start", x_of(0), height - MARGIN - 6, 0,
		 "✗ endpoints that went to CLOSE by a reset, an error or an abort.");
	svg_end(file);
}
