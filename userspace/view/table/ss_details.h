/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ss prints after the addresses: processes, timers, memory and so on. Words are separated by the blank before
 * each; a part that starts with a newline and a tab is a line of its own.
 */
#ifndef TCPTRACE_SS_DETAILS_H
#define TCPTRACE_SS_DETAILS_H

#include <stdbool.h>

#include "base/table.h"
#include "host/process.h"
#include "host/sockdiag.h"
#include "model/model.h"
#include "view/table/ss_row.h"

/* Which parts. */
struct ss_wanted {
	bool processes, timers, extended, memory, info, tos, cgroup, options;
	bool one_line;
	bool exact;		/* rates without rounding */
};

struct ss_details {
	const struct ss_wanted *wanted;
	const struct processes *processes;	/* NULL: not requested */
	const struct sockdiag *diag;		/* NULL: only the row is used */
	size_t used;
	char text[TABLE_CELL_MAX + 1];
};

/* The sock_diag extensions that are needed. */
uint8_t ss_details_extensions(const struct ss_wanted *wanted);

/* Fills details->text, without a NUL. */
void ss_details_fill(struct ss_details *details, const struct ss_row *row);

/*
 * Appends what the model knows up to `time`: the time in its state, the peaks of its queues, how long bytes waited to
 * be read. `followed` as in endpoint_read_delay().
 */
void ss_details_history(struct ss_details *details, const struct endpoint *ep, uint64_t time, bool followed);

/* Appends to the text; the excess is cut. */
__attribute__((format(printf, 2, 3)))
void ss_say(struct ss_details *details, const char *format, ...);

/* ss_info.c: a name that the kernel has sent, after `before`, with what is not printable made harmless. */
void ss_say_name(struct ss_details *details, const char *before, const struct nlattr *attribute);

/* ss_upper.c: what lies on the socket, from INET_DIAG_ULP_INFO; NULL: nothing does. */
void ss_upper_fill(struct ss_details *details, const struct nlattr *attribute);

/* ss_info.c: the output of -i. */
void ss_info_fill(struct ss_details *details, const struct inet_diag_msg *head,
		  const struct sockdiag_attributes *attributes);

#endif
