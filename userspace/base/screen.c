// SPDX-License-Identifier: GPL-2.0-only
#include <curses.h>
#include <fcntl.h>
#include <locale.h>
#include <ncursesw/term.h>	/* our own term.h hides the one next to curses.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "base/screen.h"
#include "base/signals.h"
#include "base/write_all.h"

static SCREEN *screen;
static FILE *keys, *terminal;

/* What a signal handler needs to restore the terminal; all of it is prepared beforehand. */
static struct termios found;
static char goodbye[128];
static size_t goodbye_size;

static int add_goodbye(int c)
{
	if (goodbye_size < sizeof(goodbye))
		goodbye[goodbye_size++] = c;
	return c;
}

static void prepare_goodbye(void)
{
	static char *const capabilities[] = { "sgr0", "rmkx", "cnorm", "rmcup" };
	size_t i;

	goodbye_size = 0;
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		const char *text = tigetstr(capabilities[i]);

		if (text && text != (char *)-1)
			tputs(text, 1, add_goodbye);
	}
}

/* Called from a signal handler. */
static void restore(void)
{
	write_all(STDOUT_FILENO, goodbye, goodbye_size);
	tcsetattr(STDOUT_FILENO, TCSANOW, &found);
}

/*
 * curses writes to the descriptor itself. If that is non-blocking and the terminal is full, it retries in a busy loop.
 * An open file description of its own blocks, whatever others do to ours.
 */
static FILE *open_terminal(void)
{
	int fd = open("/dev/stdout", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	return fdopen(fd >= 0 ? fd : STDOUT_FILENO, "w");
}

static FILE *open_keys(void)
{
	return isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
}

bool screen_possible(void)
{
	if (!isatty(STDOUT_FILENO))
		return false;
	keys = open_keys();
	return keys;
}

int screen_begin(void)
{
	const char *name = getenv("TERM");

	setlocale(LC_CTYPE, "");
	if (!name || !*name || tcgetattr(STDOUT_FILENO, &found))
		return -1;
	terminal = open_terminal();
	screen = terminal ? newterm(NULL, terminal, keys) : NULL;
	if (!screen)
		return -1;
	prepare_goodbye();
	signals_last_words(restore);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	/* A single escape character is a key; do not wait a second for more. */
	set_escdelay(50);
	return 0;
}

void screen_end(void)
{
	if (!screen)
		return;
	endwin();
	signals_last_words(NULL);
	delscreen(screen);
	screen = NULL;
	if (fileno(terminal) != STDOUT_FILENO)
		fclose(terminal);
}

int screen_lines(void)
{
	return LINES;
}

int screen_columns(void)
{
	return COLS;
}

void screen_erase(void)
{
	erase();
}

void screen_line(int y, const char *text, size_t size, enum screen_look look)
{
	size_t width = COLS;

	if (y < 0 || y >= LINES)
		return;
	if (look == SCREEN_REVERSE) {
		attron(A_REVERSE);
		mvhline(y, 0, ' ', width);
	}
	mvaddnstr(y, 0, text, safe_text_cut(text, size, width));
	if (look == SCREEN_REVERSE)
		attroff(A_REVERSE);
}

void screen_show(void)
{
	refresh();
}

int screen_key(int timeout_ms)
{
	int key;

	timeout(timeout_ms);
	key = getch();
	switch (key) {
	case ERR:
		return SCREEN_NONE;
	case KEY_RESIZE:
		/* The rest of the old size is not reliable. */
		clearok(curscr, TRUE);
		return SCREEN_RESIZED;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return SCREEN_ENTER;
	case KEY_BACKSPACE:
	case '\b':
	case 127:
		return SCREEN_BACKSPACE;
	default:
		return key < KEY_MIN ? key : SCREEN_OTHER;
	}
}
