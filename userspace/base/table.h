/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table whose columns are as wide as what is in them, laid out as ss does it: into a pipe no wider
 * than needed; on a terminal spread over its whole width, and what does not fit goes on in
 * further lines of the same width, so that it stays aligned.
 *
 * Its rows are kept until table_flush(). A cell is put together where the last one ended:
 *
 *	char *p = table_row(table, 0), *cell = p;
 *	p = table_cell(table, 0, cell, put_u64(table_text(cell), 17));
 *	cell = p;
 *	p = table_cell(table, 1, cell, put_text(table_text(cell), "ESTAB"));
 *	table_row_done(table, 0, p);
 *
 * Every row has a cell of each column, in their order.
 */
#ifndef TCPTRACE_TABLE_H
#define TCPTRACE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/out.h"

#define TABLE_COLUMNS	12
#define TABLE_ROW	2048	/* what may be put between table_row() and table_row_done(), but for long cells */
#define TABLE_CELL_MAX	UINT16_MAX

struct table_column {
	const char *heading;
	bool before;		/* a blank stands before it, where it is not the first */
	bool right;
};

/* Rows in the order in which they came. Parts are printed one after the other. */
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
	char scratch[TABLE_ROW];	/* where rows go once there is no memory */
};

/* `columns` stay the caller's. */
void table_init(struct table *table, const struct table_column *columns, unsigned int count,
		unsigned int screen, struct out *out);
void table_exit(struct table *table);

void table_headings(struct table *table);

/* Room for a row of TABLE_ROW bytes; with `more` for so many more. */
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

/* A cell that began at `cell` ends at `end`, which is where the next one begins; its column is as wide as it may be. */
static inline char *table_cell_quiet(char *cell, char *end)
{
	uint16_t length = end - table_text(cell);

	put_mem(cell, &length, sizeof(length));
	return end;
}

/* The same, and its column is at least as wide. */
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

/* How much is kept: to flush a table of very many rows now and then. */
static inline size_t table_size(const struct table *table, unsigned int part)
{
	return table->parts[part].used;
}

/* Prints what is kept in a part, and forgets it. Columns that are wide stay so. */
void table_flush(struct table *table, unsigned int part);

#endif
