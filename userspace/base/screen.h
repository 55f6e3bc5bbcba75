/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole terminal, by ncurses; it is left as it was found, whatever ends the program but SIGKILL. */
#ifndef TCPTRACE_SCREEN_H
#define TCPTRACE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* What screen_key() returns beside characters. */
enum {
	SCREEN_NONE = -1,	/* nothing was typed */
	SCREEN_ENTER = '\n',
	SCREEN_ESCAPE = 27,
	SCREEN_BACKSPACE = 8,
	SCREEN_RESIZED = 0x1000,
	SCREEN_OTHER,
};

enum screen_look { SCREEN_PLAIN, SCREEN_REVERSE };

/* Standard output is a terminal that is able to. Keys come from the terminal also where standard input is a file. */
bool screen_possible(void);

/* Returns 0, or -1: TERM names no terminal, or none that can do this. */
int screen_begin(void);
void screen_end(void);

/* Lines and columns, as they are now. */
int screen_lines(void);
int screen_columns(void);

/* A new picture: erase, lines from 0 on (safe text; what does not fit is cut), show. */
void screen_erase(void);
void screen_line(int y, const char *text, size_t size, enum screen_look look);
void screen_show(void);

/* A key, waiting so long for one. */
int screen_key(int timeout_ms);

#endif
