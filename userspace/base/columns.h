/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables: a row is cells one behind the other, a column as wide as the widest that was shown to it.
 *
 *	char *p = row_begin(&row);
 *
 *	p = row_cell(&row, put_u64(p, 17));
 *	...
 *	columns_widen(&columns, &row);
 *	p = columns_put(p, &columns, &row);
 */
#ifndef TCPTRACE_COLUMNS_H
#define TCPTRACE_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"

#define COLUMNS_MAX	16
#define ROW_TEXT	512	/* two endpoints, a process, and numbers are less than half of it */

struct column {
	const char *title;
	uint8_t width;		/* at least */
	bool right;
	uint8_t rank;		/* where the line is too long, the highest goes first; 0: none of these */
};

struct columns {
	const struct column *all;
	unsigned int count;
	uint32_t hidden;	/* bit 1 << index */
	uint8_t width[COLUMNS_MAX];
};

struct row {
	unsigned int count;
	uint16_t ends[COLUMNS_MAX];	/* of each cell, in `text` */
	char text[ROW_TEXT];
};

static inline char *row_begin(struct row *row)
{
	row->count = 0;
	return row->text;
}

/* A cell ends at p. */
static inline char *row_cell(struct row *row, char *p)
{
	row->ends[row->count++] = p - row->text;
	return p;
}

void columns_init(struct columns *columns, const struct column *all, unsigned int count);

/* The row, or the titles, without a newline and without blanks behind the last cell. At most OUT_LINE. */
char *columns_put(char *p, const struct columns *columns, const struct row *row);
char *columns_put_titles(char *p, const struct columns *columns);

/* True where a column became wider. */
bool columns_widen(struct columns *columns, const struct row *row);

/* Hides what a line of `width` has no room for, but not `keep`, and shows again what has; 0: there is room for all. */
void columns_fit(struct columns *columns, unsigned int width, unsigned int keep);

/* ---- cells ---- */

/* A duration or bytes, "-" where they are UNKNOWN. */
char *put_duration_or_dash(char *p, uint64_t ns);
char *put_u64_or_dash(char *p, uint64_t value);

/* At most four digits and a unit of 1000: 999 1.23k 12.3M. */
char *put_short(char *p, uint64_t value);

#endif
