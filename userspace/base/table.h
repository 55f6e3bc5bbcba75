/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table whose columns are as wide as their content, laid out as ss does it. In a pipe it is no wider than needed. On
 * a terminal it is spread over the whole width; the rest continues in further lines of the same width, so it stays
 * aligned.
 *
 * Rows are kept until table_flush(). A cell starts where the last one ended:
 *
 *	char *p = table_row(table, 0), *cell = p;
 *	p = table_cell(table, 0, cell, put_u64(table_text(cell), 17));
 *	cell = p;
 *	p = table_cell(table, 1, cell, put_text(table_text(cell), "ESTAB"));
 *	table_row_done(table, 0, p);
 *
 * Every row has one cell for each column, in order.
 */
#ifndef TCPTRACE_TABLE_H
#define TCPTRACE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/out.h"

#define TABLE_COLUMNS	12
#define TABLE_ROW	2048	/* maximum between table_row() and table_row_done(), not counting long cells */
#define TABLE_CELL_MAX	UINT16_MAX

struct table_column {
	const char *heading;
	bool before;		/* preceded by a blank, unless it is the first */
	bool right;
};

/* Rows in order of arrival. Parts are printed one after the other. */
struct table_part {
	char *data;
	size_t used, room;
};

#define TABLE_PARTS	2

struct table {
	const struct table_column *columns;
	unsigned int count;
	unsigned int screen;		/* columns of the terminal, 0: none */
	struct out *out;
	int error;			/* -ENOMEM: rows are missing */
	uint16_t longest[TABLE_COLUMNS];
	struct table_part parts[TABLE_PARTS];
	char scratch[TABLE_ROW];	/* used for rows once there is no memory */
};

/* The caller keeps ownership of `columns`. */
void table_init(struct table *table, const struct table_column *columns, unsigned int count,
		unsigned int screen, struct out *out);
void table_exit(struct table *table);

void table_headings(struct table *table);

/* Room for a row of TABLE_ROW bytes, plus `more`. */
char *table_row_long(struct table *table, unsigned int part, size_t more);

static inline char *table_row(struct table *table, unsigned int part)
{
	struct table_part *rows = &table->parts[part];

	if (rows->room - rows->used < 2 * TABLE_ROW)
		return table_row_long(table, part, 0);
	return rows->data + rows->used;
}

static inline char *table_text(char *cell)
{
	return cell + sizeof(uint16_t);
}

static inline void table_widen(struct table *table, unsigned int column, uint16_t length)
{
	if (length > table->longest[column])
		table->longest[column] = length;
}

/* Ends a cell that starts at `cell` at `end`, where the next one starts. The column's width is already the maximum. */
static inline char *table_cell_quiet(char *cell, char *end)
{
	uint16_t length = end - table_text(cell);

	put_mem(cell, &length, sizeof(length));
	return end;
}

/* The same; widens the column if necessary. */
static inline char *table_cell(struct table *table, unsigned int column, char *cell, char *end)
{
	table_widen(table, column, end - table_text(cell));
	return table_cell_quiet(cell, end);
}

static inline void table_row_done(struct table *table, unsigned int part, const char *end)
{
	if (!table->error)
		table->parts[part].used = end - table->parts[part].data;
}

/* How many bytes are kept: very long tables are flushed now and then. */
static inline size_t table_size(const struct table *table, unsigned int part)
{
	return table->parts[part].used;
}

/* Prints and discards the rows of a part. Columns keep their width. */
void table_flush(struct table *table, unsigned int part);

#endif
