/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands share that list the sockets of one network namespace: ss, netstat. */
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
	bool everything;	/* the filter matches all of them */
	uint32_t netns;		/* 0: all, as in a recording */
	struct source *source;
	uint64_t last;		/* time of the latest record */
	struct out out;		/* its buffer is large: not for the stack */
};

/* Parses the filter and adds the family. 0, or the exit status after printing an error. */
int listing_parse(struct listing *listing, int count, char *const words[], int family);

/* To be called first: sets up standard output, signals, and the named namespace. 0, or -1 after printing an error. */
int listing_begin(struct listing *listing, const char *netns);

/* Opens the source with the filter. Returns 0, or -errno for listing_close() after printing an error. */
int listing_open(struct listing *listing, enum tcptrace_level level);

bool listing_shows(struct listing *listing, const struct tcptrace_record *record);
/* The same for an endpoint of a recording's model. */
bool listing_shows_endpoint(const struct listing *listing, const struct endpoint *ep);

/* True if continuing is pointless: Ctrl-C, or nobody reads. */
bool listing_over(const struct listing *listing);

/*
 * Ends the output, reports errors, and closes everything. `error`: as returned by source_snapshot(). Returns the exit
 * status.
 */
int listing_close(struct listing *listing, int error);

#endif
