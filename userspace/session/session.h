/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of each record: source -> filter -> model -> view. A command says what its view is and has
 * it told; the source, the bootstrap and the end are the same for all.
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
	struct stop stop;		/* .count: for the view */
	unsigned long long max_endpoints;
	bool processes;
};

/* The common options, those of options_argp included, and the filter; its input is a struct session_arguments. */
extern const struct argp session_argp;
/* For commands that have no other child. */
extern const struct argp_child session_children[];

struct session {
	const struct session_arguments *arguments;
	const struct session_view *view;
	void *arg;			/* of the view's functions */
	struct filter *filter;
	uint32_t states;		/* bit 1 << state: asked for */
	uint8_t any_state;		/* one of these, for tuples alone */
	bool by_process;		/* the filter asks for processes: the model has endpoints that are not shown */
	struct source *source;
	struct fin_lookahead lookahead;
	struct model *model;
	struct bootstrap *bootstrap;	/* NULL: all that was there is known */
	struct out out;
	uint64_t start;			/* of what is followed: its first event, or now */
	uint64_t last;			/* time of the last record */
	uint64_t due;			/* of the next tick */
	struct stop stop;
	bool stop_requested;			/* the view has seen what it wanted */
};

/* What a view is told; what it does not want to hear is NULL. The first argument is session->arg. */
struct session_view {
	/* How much is recorded, unless --level says otherwise, without and with a filter. OFF: sockets, no events. */
	enum tcptrace_level level, level_filtered;

	/* All endpoints are in the model, whatever the filter; the view asks session_wants(). */
	bool all;

	/* snapshot() is told of what is there, and that is all: no endpoints, no events. */
	bool snapshot_only;

	/* Prints the last line. */
	summary_print *summary;

	/* A table that is to end with its last row: the summary is printed only where something was lost. */
	bool no_summary;

	/* Standard output is for a program: the summary goes to standard error. */
	bool summary_apart;

	/* Before anything is read. Returns 0, or an exit status and has said why. */
	int (*begin)(void *arg, struct session *session);
	/* The record of a socket that was there, before anything else is known. */
	void (*snapshot)(void *arg, const struct tcptrace_record *record);
	/* An endpoint that was there, whatever its state; then: those were all. */
	void (*socket)(void *arg, const struct endpoint *ep);
	void (*bootstrapped)(void *arg);
	void (*step)(void *arg, const struct step *step);
	/* A record of type LOST: here something is missing. */
	void (*lost)(void *arg, const struct tcptrace_record *record);
	void (*verdict)(void *arg, const struct endpoint *ep);
	/* It is `time`, by the records or the clock. Returns when to call again, UINT64_MAX: never. */
	uint64_t (*tick)(void *arg, uint64_t time);
	/* At the end, before the summary. */
	void (*end)(void *arg, uint64_t time);
};

/* Returns the exit status. `arg` is the view's. */
int session_run(const struct session_arguments *arguments, const struct session_view *view, void *arg);

/* The view wants its tick at `time` at the latest. */
static inline void session_tick_by(struct session *session, uint64_t time)
{
	if (session->due > time)
		session->due = time;
}

/* Does the filter ask for endpoints in this state? */
static inline bool session_wants_state(const struct session *session, uint8_t state)
{
	return session->states & 1u << state;
}

/* Does the filter fit this endpoint of the model, whatever its state? */
bool session_wants(const struct session *session, const struct endpoint *ep);
/* The same of a copy of an endpoint, `ifindex` being its device. */
bool session_wants_copy(const struct session *session, const struct endpoint *ep, uint32_t ifindex);
/* Does another filter fit it, with its state? */
bool session_fits(const struct session *session, const struct filter *filter, const struct endpoint *ep);

#endif
