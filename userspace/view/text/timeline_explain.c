// SPDX-License-Identifier: GPL-2.0-only
#include "view/text/explain.h"
#include "view/text/timeline_impl.h"

#define INDENT	(PUT_CLOCK_WIDTH + 1 + TIMELINE_SINCE)

_Static_assert(INDENT + EXPLAIN_TEXT < OUT_LINE / 2, "no longer than what may be broken into lines");

void timeline_explain(struct timeline *timeline, const struct step *step)
{
	char *line = out_room(timeline->out);
	char *text = put_column(line, line + INDENT);
	char *end = explain_step(text, step, timeline->absolute);

	if (end == text)
		return;
	/* A sentence may be longer than the terminal is wide. */
	end = timeline_fit_long(timeline, line, NULL, end);
	*end++ = '\n';
	out_done(timeline->out, end);
}
