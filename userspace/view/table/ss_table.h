/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of ss: its columns, and a socket as one row. */
#ifndef TCPTRACE_SS_TABLE_H
#define TCPTRACE_SS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/table.h"
#include "view/table/ss_row.h"

#define SS_COLUMNS	9

struct ss_table {
	struct table table;
	struct table_column columns[SS_COLUMNS];	/* the visible ones */
	/* The length of the details in the last row of each part: ss does not count those of the very last row. */
	uint16_t uncounted[TABLE_PARTS];
	bool netid;		/* the column is shown */
	bool state;
	bool numeric;		/* no service names */
	bool hosts;		/* host names */
};

/* The caller sets the fields from `netid` on first. */
void ss_table_init(struct ss_table *ss, unsigned int screen, struct out *out);

/* `details`: what follows the addresses. */
void ss_table_row(struct ss_table *ss, const struct ss_row *row, const char *details, size_t length);

void ss_table_flush(struct ss_table *ss);

/* Prints the stored rows if they are many: memory stays bounded, and widths are computed anew as in ss. */
void ss_table_trim(struct ss_table *ss);

#endif
