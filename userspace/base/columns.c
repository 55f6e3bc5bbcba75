// SPDX-License-Identifier: GPL-2.0-only
#include "base/columns.h"
#include "base/unknown.h"

#define BETWEEN	1	/* blanks between two columns */
#define WIDEST	64	/* wider cells shift only their own line */

void columns_init(struct columns *columns, const struct column *all, unsigned int count)
{
	unsigned int i;

	columns->all = all;
	columns->count = count;
	columns->hidden = 0;
	for (i = 0; i < count; i++) {
		columns->width[i] = strlen(all[i].title);
		if (all[i].width > columns->width[i])
			columns->width[i] = all[i].width;
	}
}

static inline bool shown(const struct columns *columns, unsigned int i)
{
	return !(columns->hidden & 1u << i);
}

static char *put_blanks(char *p, size_t count)
{
	memset(p, ' ', count);
	return p + count;
}

static char *put_cell(char *p, const struct columns *columns, unsigned int i, const char *text, size_t size)
{
	size_t blanks = size < columns->width[i] ? columns->width[i] - size : 0;

	if (columns->all[i].right)
		p = put_blanks(p, blanks);
	p = put_mem(p, text, size);
	if (!columns->all[i].right)
		p = put_blanks(p, blanks);
	return put_blanks(p, BETWEEN);
}

static char *trim(char *p, const char *start)
{
	while (p > start && p[-1] == ' ')
		p--;
	return p;
}

char *columns_put(char *p, const struct columns *columns, const struct row *row)
{
	const char *start = p;
	unsigned int i, begin = 0;

	for (i = 0; i < row->count; i++) {
		if (shown(columns, i))
			p = put_cell(p, columns, i, row->text + begin, row->ends[i] - begin);
		begin = row->ends[i];
	}
	return trim(p, start);
}

char *columns_put_titles(char *p, const struct columns *columns)
{
	const char *start = p;
	unsigned int i;

	for (i = 0; i < columns->count; i++)
		if (shown(columns, i))
			p = put_cell(p, columns, i, columns->all[i].title, strlen(columns->all[i].title));
	return trim(p, start);
}

bool columns_widen(struct columns *columns, const struct row *row)
{
	unsigned int i, begin = 0;
	bool wider = false;

	for (i = 0; i < row->count; i++) {
		unsigned int size = row->ends[i] - begin;

		if (size > columns->width[i] && size <= WIDEST) {
			columns->width[i] = size;
			wider = true;
		}
		begin = row->ends[i];
	}
	return wider;
}

static unsigned int total(const struct columns *columns)
{
	unsigned int i, width = 0;

	for (i = 0; i < columns->count; i++)
		if (shown(columns, i))
			width += columns->width[i] + BETWEEN;
	return width - BETWEEN;
}

/* The column that is missed least; the rightmost of several. -1: none can be hidden. */
static int least(const struct columns *columns, unsigned int keep)
{
	unsigned int i;
	int found = -1;

	for (i = 0; i < columns->count; i++)
		if (shown(columns, i) && i != keep && columns->all[i].rank &&
		    (found < 0 || columns->all[i].rank >= columns->all[found].rank))
			found = i;
	return found;
}

void columns_fit(struct columns *columns, unsigned int width, unsigned int keep)
{
	int i;

	columns->hidden = 0;
	while (width && total(columns) > width && (i = least(columns, keep)) >= 0)
		columns->hidden |= 1u << i;
}

char *put_duration_or_dash(char *p, uint64_t ns)
{
	if (ns != UNKNOWN)
		return put_duration(p, ns);
	*p++ = '-';
	return p;
}

char *put_u64_or_dash(char *p, uint64_t value)
{
	if (value != UNKNOWN)
		return put_u64(p, value);
	*p++ = '-';
	return p;
}

char *put_short(char *p, uint64_t value)
{
	static const char units[] = "kMGTPE";
	unsigned int unit = 0;
	uint64_t scale = 1000, whole, rest;

	if (value < scale)
		return put_u64(p, value);
	while (value / scale >= 1000) {
		scale *= 1000;
		unit++;
	}
	whole = value / scale;
	rest = value % scale / (scale / 1000);
	p = put_u64(p, whole);
	if (whole < 100) {
		*p++ = '.';
		*p++ = '0' + rest / 100;
		if (whole < 10)
			*p++ = '0' + rest / 10 % 10;
	}
	*p++ = units[unit];
	return p;
}
