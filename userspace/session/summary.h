/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_SUMMARY_H
#define TCPTRACE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "source/source.h"

/* What the last line of a view says. */
struct summary {
	const char *source;		/* its name, or NULL */
	struct tcptrace_lost lost;
	uint64_t full;			/* records of endpoints that did not fit into the model */
	uint64_t time;			/* of the end */
};

/* The view's function that prints one, as text or as an object. */
typedef void summary_print(struct out *out, const struct summary *summary, bool json);

#endif
