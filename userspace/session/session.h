/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of each record: source -> filter -> model -> view. A command describes its view, which is called; the source,
 * the bootstrap and the end are the same for all.
 *
 *	static const struct session_view view = { .level = ..., .step = ..., .tick = ... };
 *	...
 *	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
 *	return session_run(&arguments.session, &view, &command);
 */
#ifndef TCPTRACE_SESSION_H
#define TCPTRACE_SESSION_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "filter/filter.h"
#include "model/model.h"
#include "session/options.h"
#include "session/stop.h"
#include "session/summary.h"
#include "source/fin_lookahead.h"
#include "source/source.h"

struct bootstrap;

struct session_arguments {
	struct options options;
	char **words;			/* of the filter */
	int word_count;
	struct stop stop;		/* .count is for the view */
	unsigned long long max_endpoints;
	bool processes;
};

/* The common options, including options_argp, and the filter; its input is a struct session_arguments. */
extern const struct argp session_argp;
/* For commands without other children. */
extern const struct argp_child session_children[];

struct session {
	const struct session_arguments *arguments;
	const struct session_view *view;
	void *arg;			/* for the view's functions */
	struct filter *filter;
	uint32_t states;		/* bit 1 << state: selected */
	uint8_t any_state;		/* one of these, for tests of the tuple alone */
	bool by_process;		/* the filter has a process: the model also has endpoints that are not shown */
	struct source *source;
	struct fin_lookahead lookahead;
	struct model *model;
	struct bootstrap *bootstrap;	/* NULL: the bootstrap is finished */
	struct out out;
	uint64_t start;			/* of the events: the first event, or now */
	uint64_t last;			/* time of the last record */
	uint64_t due;			/* of the next tick */
	struct stop stop;
	bool stop_requested;			/* by the view */
};

/* The functions of a view; NULL: not needed. The first argument is session->arg. */
struct session_view {
	/* The level that is recorded, unless --level is given, without and with a filter. OFF: sockets, no events. */
	enum tcptrace_level level, level_filtered;

	/* The model has all endpoints, whatever the filter; the view calls session_wants(). */
	bool all;

	/* Only snapshot() is called: no endpoints, no events. */
	bool snapshot_only;

	/* Prints the last line. */
	summary_print *summary;

	/* For a table that ends with its last row: the summary is printed only if something was lost. */
	bool no_summary;

	/* Standard output is read by a program: the summary goes to standard error. */
	bool summary_apart;

	/* Before anything is read. Returns 0, or an exit status after printing an error. */
	int (*begin)(void *arg, struct session *session);
	/* The record of an existing socket, before anything else is known. */
	void (*snapshot)(void *arg, const struct tcptrace_record *record);
	/* An existing endpoint, in any state; then, after the last one, bootstrapped(). */
	void (*socket)(void *arg, const struct endpoint *ep);
	void (*bootstrapped)(void *arg);
	void (*step)(void *arg, const struct step *step);
	/* A record of type LOST: records are missing here. */
	void (*lost)(void *arg, const struct tcptrace_record *record);
	void (*verdict)(void *arg, const struct endpoint *ep);
	/* The time is `time`, according to the records or the clock. Returns when to call again, UINT64_MAX: never. */
	uint64_t (*tick)(void *arg, uint64_t time);
	/* At the end, before the summary. */
	void (*end)(void *arg, uint64_t time);
};

/* Returns the exit status. `arg` is passed to the view. */
int session_run(const struct session_arguments *arguments, const struct session_view *view, void *arg);

/* Requests a tick at `time` at the latest. */
static inline void session_tick_by(struct session *session, uint64_t time)
{
	if (session->due > time)
		session->due = time;
}

/* Does the filter select this state? */
static inline bool session_wants_state(const struct session *session, uint8_t state)
{
	return session->states & 1u << state;
}

/* Does the filter match this endpoint, whatever its state? */
bool session_wants(const struct session *session, const struct endpoint *ep);
/* Does another filter match it, including its state? */
bool session_fits(const struct session *session, const struct filter *filter, const struct endpoint *ep);

#endif
