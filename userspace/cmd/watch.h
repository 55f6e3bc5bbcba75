/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of watch share:
 *
 *   watch.c		the command line, the source, the end
 *   watch_show.c	what is shown of an end, and in which form
 *   watch_once.c	--once: the sockets that are there
 *   watch_live.c	what was there, and then each event
 */
#ifndef TCPTRACE_CMD_WATCH_H
#define TCPTRACE_CMD_WATCH_H

#include "ahead.h"
#include "filter.h"
#include "model.h"
#include "options.h"
#include "out.h"
#include "source.h"
#include "stop.h"
#include "timeline.h"

#define PROC	"/proc"

struct watch_arguments {
	struct options options;
	struct stop stop;
	char **words;			/* of the filter */
	int word_count;
	unsigned long long max_ends;
	bool once, absolute, explain, processes;
};

struct watch {
	const struct watch_arguments *arguments;
	struct stop stop;
	struct filter *filter;
	uint32_t states;		/* bit 1 << state: asked for */
	uint8_t any_state;		/* one of these, for tuples alone */
	struct source *source;
	struct ahead ahead;
	struct model *model;
	struct timeline timeline;
	uint64_t steps;			/* shown */
	uint64_t last;			/* time of the last record */
	struct out out;
};

/* watch_show.c; `watch` of watch_wanted() is a struct watch, for the model. */
bool watch_wanted(const struct tcptrace_record *record, void *watch);
bool watch_shows_state(const struct watch *watch, uint8_t state);
void watch_show_headers(struct watch *watch, bool sockets);
void watch_show_socket(struct watch *watch, const struct end *end, uint64_t time);
void watch_show_verdict(struct watch *watch, const struct end *end);

/* Each returns 0 or -errno. */
int watch_once(struct watch *watch);
int watch_live(struct watch *watch);
/* Says the verdicts of ends that were over at `time` and waited for a RST. */
void watch_settle(struct watch *watch, uint64_t time);

#endif
