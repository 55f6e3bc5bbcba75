// SPDX-License-Identifier: GPL-2.0-only
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/term.h"

#define WIDTH_UNKNOWN	80
#define HEIGHT_UNKNOWN	24

bool term_controls(int fd)
{
	const char *name = getenv("TERM");

	return isatty(fd) && name && *name && strcmp(name, "dumb");
}

bool term_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void term_init(struct term *term, int fd)
{
	const char *no_colour = getenv("NO_COLOR");
	struct winsize size;

	term->terminal = isatty(fd);
	term->controls = term_controls(fd);
	term->colour = term->controls && !(no_colour && *no_colour);
	term->utf8 = term_utf8();
	term->width = term->height = term->said = 0;
	if (!term->terminal)
		return;
	term->width = WIDTH_UNKNOWN;
	term->height = HEIGHT_UNKNOWN;
	if (ioctl(fd, TIOCGWINSZ, &size))
		return;
	term->said = size.ws_col;
	if (size.ws_col)
		term->width = size.ws_col;
	if (size.ws_row)
		term->height = size.ws_row;
}

const char *term_colour(uint32_t number)
{
	/* Colours that are readable on black and on white. */
	static const char colours[][TERM_COLOUR_LENGTH + 1] = {
		"\033[32m", "\033[33m", "\033[34m", "\033[35m", "\033[36m", "\033[31m",
	};

	return colours[number % (sizeof(colours) / sizeof(colours[0]))];
}
