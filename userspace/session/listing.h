/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands have in common that list sockets of one network namespace: ss, netstat. */
#ifndef TCPTRACE_LISTING_H
#define TCPTRACE_LISTING_H

#include "base/out.h"
#include "filter/filter.h"
#include "model/model.h"
#include "session/options.h"
#include "session/summary.h"
#include "source/source.h"

struct listing {
	const struct options *options;
	summary_print *summary;
	struct filter *filter;
	uint32_t states;	/* bit 1 << state */
	bool everything;	/* the filter fits all of them */
	uint32_t netns;		/* 0: all, which is what a recording has */
	struct source *source;
	uint64_t last;		/* time of the youngest record */
	struct out out;		/* its buffer is large: not for a stack */
};

/* Parses the filter and adds the family. 0, or the exit status: the reason was said. */
int listing_parse(struct listing *listing, int count, char *const words[]);

/* Before all that follows: standard output, signals, and the namespace that is named. 0, or -1: the reason was said. */
int listing_begin(struct listing *listing, const char *netns);

/* Opens the source, for what the filter fits. Returns 0, or -errno for listing_close(), and has said why. */
int listing_open(struct listing *listing, enum tcptrace_level level);

bool listing_shows(struct listing *listing, const struct tcptrace_record *record);
/* The same of an endpoint of a recording's model. */
bool listing_shows_endpoint(const struct listing *listing, const struct model *model, const struct endpoint *ep);

/* True where there is no sense in going on: Ctrl-C, or nobody reads. */
bool listing_over(const struct listing *listing);

/* Ends the output, says what went wrong, closes all. `error`: as source_snapshot() returns. Returns the exit status. */
int listing_close(struct listing *listing, int error);

#endif
