// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/safe_text.h"
#include "record/level.h"
#include "session/options.h"

enum { KEY_SOURCE = 0x100, KEY_LEVEL, KEY_JSON, KEY_FAIL_ON_LOSS };

static error_t parse_output(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	(void)text;
	switch (key) {
	case KEY_JSON:
		options->json = true;
		return 0;
	case 'n':
		options->numeric = true;
		return 0;
	case 'H':
		options->no_header = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option output_options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print one JSON object per line", 0 },
	{ "numeric", 'n', NULL, 0, "Do not resolve service and host names", 0 },
	{ "no-header", 'H', NULL, 0, "Omit headings", 0 },
	{ "quiet", 'q', NULL, 0, "Omit progress and summary", 0 },
	{ 0 }
};

const struct argp options_output_argp = {
	.options = output_options,
	.parser = parse_output,
};

static error_t parse_alone(int key, char *text, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, EXIT_USAGE, 0, "%s: unexpected argument; only options are accepted", safe_string(text));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child alone_children[] = {
	{ &options_output_argp, 0, NULL, 0 },
	{ 0 }
};

const struct argp options_alone_argp = {
	.parser = parse_alone,
	.children = alone_children,
};

static enum tcptrace_level parse_level(struct argp_state *state, const char *text)
{
	int level = level_parse(text);

	if (level <= TCPTRACE_L_OFF)
		argp_failure(state, EXIT_USAGE, 0, "--level=%s: not a level; choose life, queue or segment", safe_string(text));
	return level;
}

static error_t parse_view(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options;
		return 0;
	case KEY_SOURCE:
		options->source = text;
		return 0;
	case KEY_FAIL_ON_LOSS:
		options->fail_on_loss = true;
		return 0;
	/* -4 and -6 together mean both. */
	case '4':
		options->family = options->family == AF_INET6 ? AF_UNSPEC : AF_INET;
		options->last_family = AF_INET;
		return 0;
	case '6':
		options->family = options->family == AF_INET ? AF_UNSPEC : AF_INET6;
		options->last_family = AF_INET6;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option view_options[] = {
	{ "source", KEY_SOURCE, "SOURCE", 0,
	  "Where records come from: module, bpf, a file made by record, - for standard input, "
	  "or auto (the default): the module if it is loaded, else bpf", 0 },
	{ "ipv4", '4', NULL, 0, "IPv4 sockets only", 0 },
	{ "ipv6", '6', NULL, 0, "IPv6 sockets only", 0 },
	{ "fail-on-loss", KEY_FAIL_ON_LOSS, NULL, 0, "Exit with status 3 if records were lost", 0 },
	{ 0 }
};

static const struct argp_child view_children[] = {
	{ &options_output_argp, 0, NULL, 0 },
	{ 0 }
};

const struct argp options_view_argp = {
	.options = view_options,
	.parser = parse_view,
	.children = view_children,
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options;
		return 0;
	case KEY_LEVEL:
		options->level = parse_level(state, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "level", KEY_LEVEL, "LEVEL", 0,
	  "What to record: life (what opens, changes and ends a connection), "
	  "queue (also what changes a queue) or segment (also each segment); "
	  "by default, what the command needs", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &options_view_argp, 0, NULL, 0 },
	{ 0 }
};

const struct argp options_argp = {
	.options = options,
	.parser = parse,
	.children = children,
};

unsigned long long options_count(struct argp_state *state, const char *what, const char *text)
{
	unsigned long long count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || !count)
		argp_failure(state, EXIT_USAGE, 0, "%s=%s: not a whole number of at least 1", what, safe_string(text));
	return count;
}

unsigned long long options_seconds(struct argp_state *state, const char *what, const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	/* A hundred years: anything longer does not fit into nanoseconds, and is a mistake. */
	if (!isdigit((unsigned char)*text) || *end || !isfinite(seconds) || seconds <= 0 ||
	    seconds > 100 * 365.25 * 86400)
		argp_failure(state, EXIT_USAGE, 0, "%s=%s: not a number of seconds greater than 0", what, safe_string(text));
	return seconds * 1e9;
}
