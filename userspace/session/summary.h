/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_SUMMARY_H
#define TCPTRACE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "source/source.h"

/* The content of a view's last line. */
struct summary {
	const char *source;		/* its name, or NULL */
	struct tcptrace_lost lost;
	uint64_t full;			/* records of endpoints that the model had no room for */
	uint64_t time;			/* of the end */
};

/* A view's function that prints it, as text or as an object. */
typedef void summary_print(struct out *out, const struct summary *summary, bool json);

#endif
