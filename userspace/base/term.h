/* SPDX-License-Identifier: GPL-2.0-only */
/* The properties of the output: whether it is a terminal, its width, its colours. */
#ifndef TCPTRACE_TERM_H
#define TCPTRACE_TERM_H

#include <stdbool.h>
#include <stdint.h>

struct term {
	bool terminal;
	bool controls;		/* takes escape sequences: a terminal, and TERM is neither unset nor "dumb" */
	bool colour;		/* the same, without NO_COLOR (no-color.org) */
	bool utf8;		/* according to the locale; else ASCII */
	unsigned int width;	/* columns; 0: unbounded, not a terminal */
	unsigned int height;	/* lines; 0: not a terminal */
	unsigned int said;	/* the same, but 0 if the terminal does not report it */
};

void term_init(struct term *term, int fd);

/* Only `controls` and `utf8`. */
bool term_controls(int fd);
bool term_utf8(void);

/* The sequence that starts one of a few colours, always the same for a number; TERM_END ends it. */
#define TERM_COLOUR_LENGTH	5
#define TERM_END		"\033[0m"

const char *term_colour(uint32_t number);

#endif
