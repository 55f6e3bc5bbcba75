/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole terminal, by ncurses. It is restored however the program ends, except by SIGKILL. */
#ifndef TCPTRACE_SCREEN_H
#define TCPTRACE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Returned by screen_key() in addition to characters. */
enum {
	SCREEN_NONE = -1,	/* nothing was typed */
	SCREEN_ENTER = '\n',
	SCREEN_ESCAPE = 27,
	SCREEN_BACKSPACE = 8,
	SCREEN_RESIZED = 0x1000,
	SCREEN_OTHER,
};

enum screen_look { SCREEN_PLAIN, SCREEN_REVERSE };

/* Standard output is a capable terminal. Keys are read from the terminal even if standard input is a file. */
bool screen_possible(void);

/* Returns 0, or -1 if TERM names no terminal, or none with the needed capabilities. */
int screen_begin(void);
void screen_end(void);

/* The current number of lines and columns. */
int screen_lines(void);
int screen_columns(void);

/* A new picture: erase it, set lines from 0 on (safe text, cut if too long), show it. */
void screen_erase(void);
void screen_line(int y, const char *text, size_t size, enum screen_look look);
void screen_show(void);

/* Waits that long for a key. */
int screen_key(int timeout_ms);

#endif
