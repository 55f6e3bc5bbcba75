/* SPDX-License-Identifier: GPL-2.0-only */
/* Pictures for light and dark pages. What this program did not choose comes here by safe_text.h. */
#ifndef TCPTRACE_SVG_H
#define TCPTRACE_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/canvas.h"

/* A picture on standard output is to be nothing else there. */
bool svg_to_output(const char *name);

/* NULL: it cannot be written to, and a line has said so. "-" is standard output. */
FILE *svg_open(const char *name);
/* `error`: what is wrong with it so far, -errno. Returns that or what went wrong now; a line has said so. */
int svg_close(FILE *file, const char *name, int error);

/* The picture's beginning: its size, its title for those who do not see it, its colours as classes. */
void svg_begin(FILE *file, double width, double height, const char *title);
void svg_end(FILE *file);

/* From (x1, y1) to (x2, y2), with a head there. */
void svg_arrow(FILE *file, const char *class, double x1, double y1, double x2, double y2);
void svg_line(FILE *file, const char *class, double x1, double y1, double x2, double y2);
void svg_rect(FILE *file, const char *class, double x, double y, double width, double height, double radius);
/* `anchor` is start, middle or end; turned by so many degrees around its place. */
void svg_text(FILE *file, const char *class, const char *anchor, double x, double y, double turned, const char *text);

/* The class that a colour is. */
const char *svg_class(enum canvas_colour colour);

#endif
