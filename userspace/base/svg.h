/* SPDX-License-Identifier: GPL-2.0-only */
/* Pictures for light and dark pages. Text from outside has to pass through safe_text.h first. */
#ifndef TCPTRACE_SVG_H
#define TCPTRACE_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/canvas.h"

/* On standard output nothing else may be printed then. */
bool svg_to_output(const char *name);

/* NULL: it cannot be written; an error was printed. "-" is standard output. */
FILE *svg_open(const char *name);
/* `error`: -errno of the caller so far. Returns that or the error of closing, which was printed. */
int svg_close(FILE *file, const char *name, int error);

/* Starts the picture: its size, its title for screen readers, and the colours as classes. */
void svg_begin(FILE *file, double width, double height, const char *title);
void svg_end(FILE *file);

/* From (x1, y1) to (x2, y2), with a head at the latter. */
void svg_arrow(FILE *file, const char *class, double x1, double y1, double x2, double y2);
void svg_line(FILE *file, const char *class, double x1, double y1, double x2, double y2);
void svg_rect(FILE *file, const char *class, double x, double y, double width, double height, double radius);
/* `anchor` is start, middle or end; rotated by so many degrees around its position. */
void svg_text(FILE *file, const char *class, const char *anchor, double x, double y, double turned, const char *text);

/* The class of a colour. */
const char *svg_class(enum canvas_colour colour);

#endif
