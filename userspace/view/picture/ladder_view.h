/* SPDX-License-Identifier: GPL-2.0-only */
/* A ladder in each of its forms. */
#ifndef TCPTRACE_LADDER_VIEW_H
#define TCPTRACE_LADDER_VIEW_H

#include <stdio.h>

#include "base/canvas.h"
#include "base/out.h"
#include "base/term.h"
#include "tally/ladder.h"

/* What an arrow is about, as a colour. */
enum canvas_colour ladder_colour(const struct message *message);

struct ladder_text {
	struct out *out;
	struct term term;
	int64_t realtime;		/* what makes a record's time the wall clock's, ns */
	bool absolute;			/* sequence numbers as on the wire */
	const struct ladder *last;	/* whose heading was printed last, NULL: it is gone */
	bool begun;			/* one was printed */
};

void ladder_text_init(struct ladder_text *text, struct out *out, int64_t realtime, bool absolute);
/* The first `count` messages; false: no memory. */
bool ladder_text(struct ladder_text *text, const struct ladder *ladder, uint32_t count);
/* It is removed next: another one may come to lie where it was. */
void ladder_text_forget(struct ladder_text *text, const struct ladder *ladder);
/* How it ended, behind its last message. */
void ladder_text_verdict(struct ladder_text *text, const struct ladder *ladder);

/* All of them, one below the other, at most `most` messages of each. Returns 0 or -errno. */
int ladder_svg(FILE *file, const struct ladders *ladders, int64_t realtime, bool absolute, uint32_t most);

/* The first `count` messages, one object each. */
void ladder_json(struct out *out, const struct ladder *ladder, uint32_t count, bool absolute);

#endif
