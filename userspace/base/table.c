// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/table.h"

#define ROOM_LEAST	((size_t)256 * 1024)
#define COPY		16	/* cells up to this length are copied with a fixed size */

/* Where the cells of a column are printed. */
struct place {
	unsigned int left;	/* at least this many blanks before the text */
	unsigned int width;	/* including the blanks before and after; 0: the column is empty */
	bool right;
};

void table_init(struct table *table, const struct table_column *columns, unsigned int count,
		unsigned int screen, struct out *out)
{
	*table = (struct table){ .columns = columns, .count = count, .screen = screen, .out = out };
}

void table_exit(struct table *table)
{
	unsigned int part;

	for (part = 0; part < TABLE_PARTS; part++)
		free(table->parts[part].data);
}

char *table_row_long(struct table *table, unsigned int part, size_t more)
{
	struct table_part *rows = &table->parts[part];
	/* Twice, because copies of a fixed size read beyond the last cell. */
	size_t wanted = rows->used + more + 2 * TABLE_ROW;

	if (wanted < ROOM_LEAST)
		wanted = ROOM_LEAST;
	if (!array_reserve(rows->data, rows->room, wanted)) {
		table->error = -ENOMEM;
		return more ? NULL : table->scratch;
	}
	return rows->data + rows->used;
}

void table_headings(struct table *table)
{
	char *p = table_row(table, 0), *cell;
	unsigned int i;

	for (i = 0; i < table->count; i++) {
		cell = p;
		p = table_cell(table, i, cell, put_string(table_text(cell), table->columns[i].heading));
	}
	table_row_done(table, 0, p);
}

/* ---- widths ---- */

/* Distributes the rest of a terminal's line to its columns; the remainder goes to the last ones. */
static void spread(struct place **first, unsigned int count, unsigned int rest)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		first[i]->width += rest / count + (count - 1 - i < rest % count);
}

/* Distributes the columns over lines of the terminal and fills each line. */
static void fill_lines(struct place **places, unsigned int count, unsigned int screen)
{
	unsigned int first = 0, used = 0, i;

	for (i = 0; i < count; i++) {
		if (used + places[i]->width > screen) {
			spread(places + first, i - first, screen - used);
			first = i;
			used = 0;
		}
		used += places[i]->width;
		if (used == screen) {
			first = i + 1;
			used = 0;
		}
	}
	if (used)
		spread(places + first, count - first, screen - used);
}

/* Sets the place of each column. Returns the maximum length of a row. */
static size_t lay_out(const struct table *table, struct place *places)
{
	struct place *filled[TABLE_COLUMNS];
	unsigned int count = 0, i;
	size_t longest = 1;

	for (i = 0; i < table->count; i++) {
		struct place *place = &places[i];

		*place = (struct place){ .left = i && table->columns[i].before, .right = table->columns[i].right };
		if (!table->longest[i])
			continue;
		place->width = table->longest[i] + (count ? place->left : 0);
		if (table->screen && place->width > table->screen)
			place->width = table->screen;
		filled[count++] = place;
	}
	if (table->screen)
		fill_lines(filled, count, table->screen);
	for (i = 0; i < table->count; i++)
		longest += 1 + (places[i].width > table->longest[i] ? places[i].width : table->longest[i]);
	return longest;
}

/* ---- printing ---- */

/* A cell that is not longer than its column, or may not be longer. */
static inline char *put_cell(char *p, const struct place *place, const char *text, unsigned int length)
{
	char *end = p + place->width;

	*p = ' ';
	p += place->left;
	if (place->right)
		p = put_column(p, end - length);
	if (length <= COPY)
		memcpy(p, text, COPY);
	else
		memcpy(p, text, length);
	return put_column(p + length, end);
}

/* A row that fits into what out_room() returns. */
static const char *put_row(const struct table *table, const struct place *places, const char *cell)
{
	const struct place *place = places, *end = places + table->count;
	char *p = out_room(table->out);

	for (; place < end; place++) {
		uint16_t length;

		memcpy(&length, cell, sizeof(length));
		p = put_cell(p, place, table_text((char *)cell), length);
		cell += sizeof(length) + length;
	}
	*p++ = '\n';
	out_done(table->out, p);
	return cell;
}

static void write_blanks(struct out *out, size_t count)
{
	static const char blanks[] = "                                ";
	size_t piece;

	for (; count; count -= piece) {
		piece = count < sizeof(blanks) - 1 ? count : sizeof(blanks) - 1;
		out_write(out, blanks, piece);
	}
}

/* Any row. */
static const char *write_row(const struct table *table, const struct place *places, const char *cell)
{
	unsigned int i;

	for (i = 0; i < table->count; i++) {
		const struct place *place = &places[i];
		size_t filled, blanks;
		uint16_t length;

		memcpy(&length, cell, sizeof(length));
		cell += sizeof(length);
		filled = place->left + length;
		blanks = place->width > filled ? place->width - filled : 0;
		write_blanks(table->out, place->left + (place->right ? blanks : 0));
		out_write(table->out, cell, length);
		write_blanks(table->out, place->right ? 0 : blanks);
		cell += length;
	}
	out_write(table->out, "\n", 1);
	return cell;
}

void table_flush(struct table *table, unsigned int part)
{
	struct table_part *rows = &table->parts[part];
	const char *cell = rows->data, *end;
	struct place places[TABLE_COLUMNS];
	size_t widest;

	if (!rows->used)
		return;
	end = rows->data + rows->used;
	widest = lay_out(table, places);
	while (cell < end && !table->out->error)
		cell = widest < OUT_LINE - 2 * COPY ? put_row(table, places, cell) :
						      write_row(table, places, cell);
	rows->used = 0;
}
