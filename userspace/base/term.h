/* SPDX-License-Identifier: GPL-2.0-only */
/* What the output is: a terminal, how wide, and whether it takes colour. */
#ifndef TCPTRACE_TERM_H
#define TCPTRACE_TERM_H

#include <stdbool.h>
#include <stdint.h>

struct term {
	bool terminal;
	bool controls;		/* takes escape sequences: a terminal, and TERM is neither unset nor "dumb" */
	bool colour;		/* that, and no NO_COLOR (no-color.org) */
	bool utf8;		/* what the locale says; else ASCII */
	unsigned int width;	/* columns; 0: unbounded, not a terminal */
	unsigned int height;	/* lines; 0: not a terminal */
	unsigned int said;	/* the same, 0 also where the terminal does not say it */
};

void term_init(struct term *term, int fd);

/* What it says of `controls` and `utf8`. */
bool term_controls(int fd);
bool term_utf8(void);

/* The sequence that begins one of a few colours, the same for the same number; TERM_END ends it. */
#define TERM_COLOUR_LENGTH	5
#define TERM_END		"\033[0m"

const char *term_colour(uint32_t number);

#endif
