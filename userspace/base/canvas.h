/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture out of characters: put together in any order, written line by line. It is drawn in UTF-8; where
 * the terminal's locale is another one, each line and arrow becomes the ASCII character that is most like it.
 */
#ifndef TCPTRACE_CANVAS_H
#define TCPTRACE_CANVAS_H

#include <stdint.h>

#include "base/out.h"
#include "base/term.h"

#define CANVAS_WIDTH	200	/* columns at most */
#define CANVAS_HEIGHT	64

enum canvas_colour {
	CANVAS_PLAIN,
	CANVAS_DIM,
	CANVAS_BOLD,
	CANVAS_GREEN,
	CANVAS_YELLOW,
	CANVAS_BLUE,
	CANVAS_MAGENTA,
	CANVAS_RED,
	CANVAS_CYAN,
};

struct canvas {
	unsigned int width, height;
	uint32_t cells[CANVAS_HEIGHT][CANVAS_WIDTH];	/* Unicode; 0: a blank */
	uint8_t colours[CANVAS_HEIGHT][CANVAS_WIDTH];
};

/* Empty, and so large; what is put beside it is not there. */
void canvas_init(struct canvas *canvas, unsigned int width, unsigned int height);

/* UTF-8, well-formed (safe_text.h), from (x, y) on. Returns the column behind it. */
int canvas_text(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text);
/* The same so that its last character is left of x. */
int canvas_text_left_of(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text);
/* One character from column x up to `end`. */
void canvas_fill(struct canvas *canvas, int x, int end, int y, enum canvas_colour colour, const char *character);

/* How many columns a text takes. */
unsigned int canvas_columns(const char *text);

/* Returns how many lines were written: empty ones at its end are not. `end` is behind each line, a newline mostly. */
unsigned int canvas_write(const struct canvas *canvas, struct out *out, const struct term *term, const char *end);

/* The same over what was drawn before: it stays where it is. */
void canvas_redraw(const struct canvas *canvas, struct out *out, const struct term *term);

/* "1.000042", of ns. */
#define CANVAS_SECONDS	32
void canvas_seconds(char text[CANVAS_SECONDS], uint64_t ns);

#endif
