/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture made of characters: composed in any order, written line by line. It is drawn in UTF-8. If the terminal's
 * locale is not UTF-8, each line and arrow is replaced by the most similar ASCII character.
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

/* Clears the canvas and sets its size. Whatever is put outside is ignored. */
void canvas_init(struct canvas *canvas, unsigned int width, unsigned int height);

/* Well-formed UTF-8 (safe_text.h), starting at (x, y). Returns the column after it. */
int canvas_text(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text);
/* The same, with the last character left of x. */
int canvas_text_left_of(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text);
/* Repeats one character from column x up to `end`. */
void canvas_fill(struct canvas *canvas, int x, int end, int y, enum canvas_colour colour, const char *character);

/* The number of columns of a text. */
unsigned int canvas_columns(const char *text);

/* Returns the number of lines written, without empty ones at the bottom. `end` follows each line, usually a newline. */
unsigned int canvas_write(const struct canvas *canvas, struct out *out, const struct term *term, const char *end);

/* The same on top of what was drawn before, which stays in place. */
void canvas_redraw(const struct canvas *canvas, struct out *out, const struct term *term);

/* "1.000042", of ns. */
#define CANVAS_SECONDS	32
void canvas_seconds(char text[CANVAS_SECONDS], uint64_t ns);

#endif
