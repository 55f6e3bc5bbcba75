// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "term.h"

#define WIDTH_UNKNOWN	80

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *name = getenv("TERM");

	return !(no && *no) && name && *name && strcmp(name, "dumb");
}

void term_init(struct term *term, int fd)
{
	struct winsize size;

	term->terminal = isatty(fd);
	term->colour = term->terminal && wants_colour();
	term->width = 0;
	term->said = 0;
	if (!term->terminal)
		return;
	if (!ioctl(fd, TIOCGWINSZ, &size))
		term->said = size.ws_col;
	term->width = term->said ? term->said : WIDTH_UNKNOWN;
}

const char *term_colour(uint32_t number)
{
	/* Those that can be read on black as on white. */
	static const char colours[][TERM_COLOUR_LENGTH + 1] = {
		"\033[32m", "\033[33m", "\033[34m", "\033[35m", "\033[36m", "\033[31m",
	};

	return colours[number % (sizeof(colours) / sizeof(colours[0]))];
}
