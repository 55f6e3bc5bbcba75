/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ss prints behind the addresses: processes, timers, memory and so on. Words are separated by the blank
 * before each; what begins with a line break and a tabulator is a line of its own.
 */
#ifndef TCPTRACE_SS_DETAILS_H
#define TCPTRACE_SS_DETAILS_H

#include <stdbool.h>

#include "base/table.h"
#include "host/process.h"
#include "host/sockdiag.h"
#include "model/model.h"
#include "view/table/ss_row.h"

/* Which of them. */
struct ss_wanted {
	bool processes, timers, extended, memory, info, tos, cgroup, options;
	bool one_line;
	bool exact;		/* rates to the last bit */
};

struct ss_details {
	const struct ss_wanted *wanted;
	const struct processes *processes;	/* NULL: not asked for */
	const struct sockdiag *diag;		/* NULL: the row alone is to say it */
	size_t used;
	char text[TABLE_CELL_MAX + 1];
};

/* The extensions that sock_diag has to be asked for. */
uint8_t ss_details_extensions(const struct ss_wanted *wanted);

/* Fills details->text, without a NUL. */
void ss_details_fill(struct ss_details *details, const struct ss_row *row);

/*
 * Appends what the model knows of the time until `time`: how long in its state, the peaks of its queues, how long
 * bytes waited to be read. `followed` as of endpoint_read_delay().
 */
void ss_details_history(struct ss_details *details, const struct endpoint *ep, uint64_t time, bool followed);

/* Appends to the text; what is too much is cut. */
__attribute__((format(printf, 2, 3)))
void ss_say(struct ss_details *details, const char *format, ...);

/* ss_info.c: what -i prints of a socket. */
void ss_info_fill(struct ss_details *details, const struct inet_diag_msg *head,
		  const struct sockdiag_attributes *attributes);

#endif
