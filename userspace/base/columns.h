/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables whose rows are printed at once. A row is a sequence of cells; a column is as wide as the widest cell so far:
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
#define ROW_TEXT	512	/* two endpoints, a process and numbers take less than half of it */

struct column {
	const char *title;
	uint8_t width;		/* minimum */
	bool right;
	uint8_t rank;		/* if the line is too long, the highest is hidden first; 0: never hidden */
};

struct columns {
	const struct column *all;
	unsigned int count;
	uint32_t hidden;	/* bit 1 << index */
	uint8_t width[COLUMNS_MAX];
};

struct row {
	unsigned int count;
	uint16_t ends[COLUMNS_MAX];	/* where each cell ends in `text` */
	char text[ROW_TEXT];
};

static inline char *row_begin(struct row *row)
{
	row->count = 0;
	return row->text;
}

/* Ends a cell at p. */
static inline char *row_cell(struct row *row, char *p)
{
	row->ends[row->count++] = p - row->text;
	return p;
}

void columns_init(struct columns *columns, const struct column *all, unsigned int count);

/* Puts the row, or the titles, without a newline and without trailing blanks. At most OUT_LINE bytes. */
char *columns_put(char *p, const struct columns *columns, const struct row *row);
char *columns_put_titles(char *p, const struct columns *columns);

/* True if a column became wider. */
bool columns_widen(struct columns *columns, const struct row *row);

/*
 * Hides the columns for which a line of `width` has no room, except `keep`, and shows those again for which it has; 0:
 * no limit.
 */
void columns_fit(struct columns *columns, unsigned int width, unsigned int keep);

/* ---- cells ---- */

/* A duration or a number of bytes; "-" if it is UNKNOWN. */
char *put_duration_or_dash(char *p, uint64_t ns);
char *put_u64_or_dash(char *p, uint64_t value);

/* At most four digits, and a unit of powers of 1000: 999 1.23k 12.3M. */
char *put_short(char *p, uint64_t value);

#endif
