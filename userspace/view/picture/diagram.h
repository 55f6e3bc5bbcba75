/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP's state diagram, as in figure 5 of RFC 9293, with counts: on each edge how often it was taken, in each state how
 * many endpoints are there now, and how long they stay.
 *
 *   diagram.c		the layout in columns and lines, and the text form
 *   diagram_svg.c	the picture
 *   json_diagram.c	the objects
 */
#ifndef TCPTRACE_DIAGRAM_H
#define TCPTRACE_DIAGRAM_H

#include <stdio.h>

#include "base/canvas.h"
#include "tally/transitions.h"

#define DIAGRAM_WIDTH	80
#define DIAGRAM_HEIGHT	40
#define DIAGRAM_BOX	19	/* columns */
#define DIAGRAM_LINES	4	/* of a box */
#define DIAGRAM_CORNERS	4	/* of an edge */

struct diagram_box {
	uint8_t x, y;
	uint8_t state;
	bool again;	/* the second CLOSE, where connections end */
};

struct diagram_point {
	int8_t x, y;
};

/* From beside one box to beside another, along columns and lines. */
struct diagram_edge {
	uint8_t from, to;
	uint8_t count;			/* of points */
	struct diagram_point points[DIAGRAM_CORNERS];
	struct diagram_point label;	/* where it starts; if `left`, where it ends */
	bool left;
	const char *what;		/* the event that leads there */
};

extern const struct diagram_box diagram_boxes[];
extern const unsigned int diagram_box_count;
extern const struct diagram_edge diagram_edges[];
extern const unsigned int diagram_edge_count;

/* Endpoints that went from here to CLOSE by no edge of the diagram: reset, aborted, timed out. */
uint64_t diagram_aborted(const struct transitions *transitions, unsigned int state);
/* "1.24ms / 4.10s", NUL-terminated; empty if nobody has left the state. */
#define DIAGRAM_STAY	32
void diagram_stay(const struct transitions *transitions, unsigned int state, char text[DIAGRAM_STAY]);

void diagram_text(struct canvas *canvas, const struct transitions *transitions);
void diagram_svg(FILE *file, const struct transitions *transitions);
void diagram_json(struct out *out, const struct transitions *transitions, uint64_t time);

#endif
