/* SPDX-License-Identifier: GPL-2.0-only */
/* The options that commands have in common, as children for their argp, and the exit statuses. */
#ifndef TCPTRACE_OPTIONS_H
#define TCPTRACE_OPTIONS_H

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tcptrace.h"

/* Beside EXIT_SUCCESS and EXIT_FAILURE; a bad filter ends with its enum filter_error, as in ss. */
enum {
	EXIT_USAGE = 2,		/* an option or argument that cannot be understood */
	EXIT_LOST = 3,		/* --fail-on-loss, and records were lost */
	EXIT_DAMAGED = 4,	/* a recording is not whole: what is, was shown */
};

/* Of a source that could not be opened, or not be read to its end. */
static inline int exit_status_of(int error)
{
	return error == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILURE;
}

struct options {
	const char *source;		/* NULL: not given */
	enum tcptrace_level level;	/* TCPTRACE_L_OFF: not given, the command decides */
	int family;			/* AF_INET, AF_INET6; 0: both */
	int last_family;		/* which of -4 and -6 came last; 0: neither did */
	bool json;
	bool fail_on_loss;
	bool numeric;
	bool no_header;
	bool quiet;
};

/*
 * For commands that follow records. The parser of the command hands its struct options down:
 *
 *	static const struct argp_child children[] = { { &options_argp, 0, NULL, 0 }, { 0 } };
 *	...
 *	case ARGP_KEY_INIT:
 *		state->child_inputs[0] = &arguments->options;
 */
extern const struct argp options_argp;

/* For commands that show what is there: the same without --level. */
extern const struct argp options_view_argp;

/* For commands that print something about the module: --json, -H, -n, -q alone. */
extern const struct argp options_output_argp;

/* The same for those that take no arguments either. */
extern const struct argp options_alone_argp;

/* A whole number from 1 on. Ends the program with a line about `what` where `text` is none. */
unsigned long long options_count(struct argp_state *state, const char *what, const char *text);

/* Seconds, fractions allowed, as ns; above 0. Ends the program as options_count() does. */
unsigned long long options_seconds(struct argp_state *state, const char *what, const char *text);

#endif
