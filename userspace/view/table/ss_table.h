/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of ss: its columns, and a socket as one of its rows. */
#ifndef TCPTRACE_SS_TABLE_H
#define TCPTRACE_SS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/table.h"
#include "view/table/ss_row.h"

#define SS_COLUMNS	9

struct ss_table {
	struct table table;
	struct table_column columns[SS_COLUMNS];	/* those that are shown */
	/* Of the last row of each part, the length of its details: ss does not count those of the very last one. */
	uint16_t uncounted[TABLE_PARTS];
	bool netid;		/* the column is shown */
	bool state;
	bool numeric;		/* no names of services */
	bool hosts;		/* names of hosts */
};

/* The fields from `netid` on are the caller's to set before. */
void ss_table_init(struct ss_table *ss, unsigned int screen, struct out *out);

/* `details`: what stands behind the addresses. */
void ss_table_row(struct ss_table *ss, const struct ss_row *row, const char *details, size_t length);

void ss_table_flush(struct ss_table *ss);

/* Prints what is kept where that is much already: the memory stays bounded, and widths begin anew as in ss. */
void ss_table_trim(struct ss_table *ss);

#endif
