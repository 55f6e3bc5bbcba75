/* SPDX-License-Identifier: GPL-2.0-only */
/* The options that commands share, as children for their argp, and the exit statuses. */
#ifndef TCPTRACE_OPTIONS_H
#define TCPTRACE_OPTIONS_H

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tcptrace.h"

/* In addition to EXIT_SUCCESS and EXIT_FAILURE; a bad filter has its enum filter_error as status, as in ss. */
enum {
	EXIT_USAGE = 2,		/* an invalid option or argument */
	EXIT_LOST = 3,		/* --fail-on-loss, and records were lost */
	EXIT_DAMAGED = 4,	/* a recording is damaged: the intact part was shown */
};

/* For a command that was asked for other protocols' sockets beside TCP's. */
#define OPTIONS_TCP_ONLY	"tcptrace sees TCP only: sockets of other protocols are left out"

/* The status for a source that could not be opened, or not be read to its end. */
static inline int exit_status_of(int error)
{
	return error == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILURE;
}

struct options {
	const char *source;		/* NULL: not given */
	enum tcptrace_level level;	/* TCPTRACE_L_OFF: not given, the command decides */
	int family;			/* AF_INET, AF_INET6; 0: both */
	int last_family;		/* which of -4 and -6 was last; 0: neither */
	bool json;
	bool fail_on_loss;
	bool numeric;
	bool no_header;
	bool quiet;
};

/*
 * For commands that follow events. The parser of the command passes its struct options down:
 *
 *	static const struct argp_child children[] = { { &options_argp, 0, NULL, 0 }, { 0 } };
 *	...
 *	case ARGP_KEY_INIT:
 *		state->child_inputs[0] = &arguments->options;
 */
extern const struct argp options_argp;

/* For commands that show the current state: the same without --level. */
extern const struct argp options_view_argp;

/* For commands about the module: only --json, -H, -n and -q. */
extern const struct argp options_output_argp;

/* The same for commands without arguments. */
extern const struct argp options_alone_argp;

/* An integer from 1 on. Otherwise ends the program with an error about `what`. */
unsigned long long options_count(struct argp_state *state, const char *what, const char *text);

/* Seconds, with decimals, greater than 0; returned in ns. Errors as in options_count(). */
unsigned long long options_seconds(struct argp_state *state, const char *what, const char *text);

#endif
