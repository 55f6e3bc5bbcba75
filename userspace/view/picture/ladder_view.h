/* SPDX-License-Identifier: GPL-2.0-only */
/* The forms of a ladder. */
#ifndef TCPTRACE_LADDER_VIEW_H
#define TCPTRACE_LADDER_VIEW_H

#include <stdio.h>

#include "base/canvas.h"
#include "base/out.h"
#include "base/term.h"
#include "tally/ladder.h"

/* The colour of an arrow, by its kind. */
enum canvas_colour ladder_colour(const struct message *message);

struct ladder_text {
	struct out *out;
	struct term term;
	int64_t realtime;		/* added to a record's time gives the wall clock, ns */
	bool absolute;			/* sequence numbers as on the wire */
	const struct ladder *last;	/* the one whose heading was printed last, NULL: it was removed */
	bool begun;			/* one was printed */
};

void ladder_text_init(struct ladder_text *text, struct out *out, int64_t realtime, bool absolute);
/* The first `count` messages; false: no memory. */
bool ladder_text(struct ladder_text *text, const struct ladder *ladder, uint32_t count);
/* It is removed next; another one may get its address. */
void ladder_text_forget(struct ladder_text *text, const struct ladder *ladder);
/* The verdict, after its last message. */
void ladder_text_verdict(struct ladder_text *text, const struct ladder *ladder);

/* All of them, one below the other, with at most `most` messages each. Returns 0 or -errno. */
int ladder_svg(FILE *file, const struct ladders *ladders, int64_t realtime, bool absolute, uint32_t most);

/* The first `count` messages, one object each. */
void ladder_json(struct out *out, const struct ladder *ladder, uint32_t count, bool absolute);

#endif
