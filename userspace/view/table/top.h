/* SPDX-License-Identifier: GPL-2.0-only */
/* The content of top, and its keys. */
#ifndef TCPTRACE_TOP_H
#define TCPTRACE_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/columns.h"
#include "session/session.h"
#include "tally/busy.h"

struct top {
	struct session *session;
	struct busy busy;
	struct columns columns;
	struct put_clock clock;
	enum busy_sort sort;
	bool reverse, paused;
	bool over;		/* nothing more will happen */
	uint64_t changes;	/* steps since the last update */
	uint64_t rate;		/* per second, between the last two updates; UNKNOWN: there was only one */
	struct filter *filter;	/* typed; NULL: none */
	/* The filter while it is typed, and its error. */
	bool typing;
	char text[160];
	size_t length;
	char error[160];
};

void top_init(struct top *top, struct session *session, enum busy_sort sort);
void top_free(struct top *top);

/* Returns 0 or -ENOMEM. */
int top_look(struct top *top, uint64_t time);

/* Sorts the current rows; returns how many there are, at most `rows`. */
size_t top_choose(struct top *top, size_t rows);
/* The busiest as text, or on the whole screen. */
void top_print(struct top *top, struct out *out, size_t rows, bool heading);
void top_draw(struct top *top);

/* False: the key ends the program. */
bool top_key(struct top *top, int key);

#endif
