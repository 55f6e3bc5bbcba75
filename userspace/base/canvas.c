// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>

#include "base/canvas.h"

void canvas_init(struct canvas *canvas, unsigned int width, unsigned int height)
{
	unsigned int y;

	canvas->width = width < CANVAS_WIDTH ? width : CANVAS_WIDTH;
	canvas->height = height < CANVAS_HEIGHT ? height : CANVAS_HEIGHT;
	for (y = 0; y < canvas->height; y++) {
		memset(canvas->cells[y], 0, canvas->width * sizeof(canvas->cells[y][0]));
		memset(canvas->colours[y], 0, canvas->width * sizeof(canvas->colours[y][0]));
	}
}

static uint32_t next_beyond_ascii(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	unsigned int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
	uint32_t character = *p & (0x3f >> more);

	for (p++; more && (*p & 0xc0) == 0x80; more--)
		character = character << 6 | (*p++ & 0x3f);
	*text = (const char *)p;
	return character;
}

/* Returns the next character of *text, and moves *text past it. */
static inline uint32_t next_character(const char **text)
{
	unsigned char first = **text;

	if (first >= 0x80)
		return next_beyond_ascii(text);
	(*text)++;
	return first;
}

unsigned int canvas_columns(const char *text)
{
	unsigned int columns;

	for (columns = 0; *text; columns++)
		next_character(&text);
	return columns;
}

static void put(struct canvas *canvas, int x, int y, enum canvas_colour colour, uint32_t character)
{
	if (x < 0 || y < 0 || x >= (int)canvas->width || y >= (int)canvas->height)
		return;
	canvas->cells[y][x] = character;
	canvas->colours[y][x] = colour;
}

int canvas_text(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text)
{
	while (*text)
		put(canvas, x++, y, colour, next_character(&text));
	return x;
}

int canvas_text_left_of(struct canvas *canvas, int x, int y, enum canvas_colour colour, const char *text)
{
	return canvas_text(canvas, x - (int)canvas_columns(text), y, colour, text);
}

void canvas_fill(struct canvas *canvas, int x, int end, int y, enum canvas_colour colour, const char *character)
{
	uint32_t one = next_character(&character);

	while (x < end)
		put(canvas, x++, y, colour, one);
}

/* ---- writing ---- */

static char ascii(uint32_t character)
{
	static const struct {
		uint16_t from;
		char to;
	} likes[] = {
		{ u'─', '-' }, { u'│', '|' }, { u'┌', '+' }, { u'┐', '+' }, { u'└', '+' }, { u'┘', '+' },
		{ u'├', '+' }, { u'┤', '+' }, { u'┬', '+' }, { u'┴', '+' }, { u'┼', '+' }, { u'╭', '.' },
		{ u'╮', '.' }, { u'╰', '\'' }, { u'╯', '\'' }, { u'┄', '.' }, { u'┆', ':' }, { u'╌', '-' },
		{ u'▶', '>' }, { u'◀', '<' }, { u'▲', '^' }, { u'▼', 'v' }, { u'✗', 'X' }, { u'█', '#' },
		{ u'▓', '=' }, { u'▒', '%' }, { u'░', '-' }, { u'·', '.' }, { u'→', '>' }, { u'…', '~' },
	};
	unsigned int i;

	if (character < 0x80)
		return character;
	for (i = 0; i < sizeof(likes) / sizeof(likes[0]); i++)
		if (likes[i].from == character)
			return likes[i].to;
	return '?';
}

static char *put_utf8(char *p, uint32_t character)
{
	if (character < 0x80) {
		*p++ = character;
	} else if (character < 0x800) {
		*p++ = 0xc0 | character >> 6;
		*p++ = 0x80 | (character & 0x3f);
	} else {
		if (character < 0x10000) {
			*p++ = 0xe0 | character >> 12;
		} else {
			*p++ = 0xf0 | character >> 18;
			*p++ = 0x80 | (character >> 12 & 0x3f);
		}
		*p++ = 0x80 | (character >> 6 & 0x3f);
		*p++ = 0x80 | (character & 0x3f);
	}
	return p;
}

static char *put_colour(char *p, unsigned int colour)
{
	static const char *const sequences[] = {
		[CANVAS_PLAIN] = "\033[0m",	[CANVAS_DIM] = "\033[0;2m",	[CANVAS_BOLD] = "\033[0;1m",
		[CANVAS_GREEN] = "\033[0;32m",	[CANVAS_YELLOW] = "\033[0;33m",	[CANVAS_BLUE] = "\033[0;34m",
		[CANVAS_MAGENTA] = "\033[0;35m", [CANVAS_RED] = "\033[0;31m",
		[CANVAS_CYAN] = "\033[0;36m",
	};

	return put_string(p, sequences[colour]);
}

static unsigned int length_of(const uint32_t *cells, unsigned int width)
{
	while (width && (!cells[width - 1] || cells[width - 1] == ' '))
		width--;
	return width;
}

unsigned int canvas_write(const struct canvas *canvas, struct out *out, const struct term *term, const char *end)
{
	unsigned int height = canvas->height, x, y;

	while (height && !length_of(canvas->cells[height - 1], canvas->width))
		height--;
	for (y = 0; y < height; y++) {
		const uint32_t *cells = canvas->cells[y];
		unsigned int width = length_of(cells, canvas->width), colour = CANVAS_PLAIN;
		/* With its colours, a line may be too long for out_room(). */
		char line[CANVAS_WIDTH * 12], *p = line;

		for (x = 0; x < width; x++) {
			uint32_t character = cells[x] ? cells[x] : ' ';

			if (term->colour && canvas->colours[y][x] != colour && character != ' ') {
				colour = canvas->colours[y][x];
				p = put_colour(p, colour);
			}
			if (term->utf8)
				p = put_utf8(p, character);
			else
				*p++ = ascii(character);
		}
		if (colour != CANVAS_PLAIN)
			p = put_text(p, TERM_END);
		out_write(out, line, p - line);
		out_write(out, end, strlen(end));
	}
	return height;
}

void canvas_redraw(const struct canvas *canvas, struct out *out, const struct term *term)
{
	static const char home[] = "\033[H", rest[] = "\033[J";

	out_write(out, home, sizeof(home) - 1);
	canvas_write(canvas, out, term, "\033[K\n");
	out_write(out, rest, sizeof(rest) - 1);
}

void canvas_seconds(char text[CANVAS_SECONDS], uint64_t ns)
{
	snprintf(text, CANVAS_SECONDS, "%" PRIu64 ".%06" PRIu64, ns / 1000000000, ns / 1000 % 1000000);
}
