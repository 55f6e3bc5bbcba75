// SPDX-License-Identifier: GPL-2.0-only
/* export: events in formats that other programs read. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "cmd/cmd.h"
#include "cmd/watch.h"
#include "view/export/export.h"

#define INTERVAL_NS	15000000000ull

enum { KEY_FORMAT = 0x200, KEY_ABSOLUTE, KEY_TEXTFILE, KEY_INTERVAL };

/* The output of watch. */
static const struct export_format jsonl = { .name = "jsonl" };

static const struct export_format *const formats[] = {
	&jsonl,
	&export_pcapng,
	&export_perfetto,
	&export_prometheus,
};

#define FORMATS	"jsonl, pcapng, perfetto or prometheus"

static const struct export_format *parse_format(struct argp_state *state, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, text))
			return formats[i];
	argp_failure(state, EXIT_USAGE, 0, "--format=%s: no such format; choose " FORMATS, safe_string(text));
	return NULL;
}

/* Options of only one format. */
static void check(struct argp_state *state, const struct export_arguments *arguments)
{
	if (!arguments->format)
		argp_failure(state, EXIT_USAGE, 0, "no --format given; choose " FORMATS);
	else if (arguments->absolute && arguments->format != &jsonl)
		argp_failure(state, EXIT_USAGE, 0, "--absolute-seq is for --format=jsonl");
	else if ((arguments->textfile || arguments->interval) && arguments->format != &export_prometheus)
		argp_failure(state, EXIT_USAGE, 0, "--textfile and --interval are for --format=prometheus");
	else if (arguments->interval && !arguments->textfile)
		argp_failure(state, EXIT_USAGE, 0, "--interval needs --textfile");
	else if (arguments->session.options.json && arguments->format != &jsonl)
		argp_failure(state, EXIT_USAGE, 0, "--json is --format=jsonl");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct export_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->session;
		return 0;
	case KEY_FORMAT:
		arguments->format = parse_format(state, text);
		return 0;
	case KEY_ABSOLUTE:
		arguments->absolute = true;
		return 0;
	case KEY_TEXTFILE:
		arguments->textfile = text;
		return 0;
	case KEY_INTERVAL:
		arguments->interval = options_seconds(state, "--interval", text);
		return 0;
	case ARGP_KEY_END:
		check(state, arguments);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "jsonl (as watch --json), pcapng (for Wireshark), perfetto (for ui.perfetto.dev) or prometheus", 0 },
	{ "absolute-seq", KEY_ABSOLUTE, NULL, 0, "jsonl: print absolute sequence numbers", 0 },
	{ "textfile", KEY_TEXTFILE, "FILE", 0,
	  "prometheus: replace FILE periodically, until Ctrl-C; without it, print once at the end", 0 },
	{ "interval", KEY_INTERVAL, "SECONDS", 0, "prometheus: time between two replacements of the textfile (15)", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Prints events in a format that another program reads, until Ctrl-C or to the end of a recording. "
	       "Reports on standard error how many events there were and how many were lost."
	       "\v" FILTER_PROCESS_DOC,
	.children = session_children,
};

static int run_format(const struct export_arguments *arguments)
{
	struct export *export = calloc(1, arguments->format->size);
	int status;

	if (!export) {
		warnx("out of memory");
		return EXIT_FAILURE;
	}
	export->arguments = arguments;
	status = session_run(&arguments->session, arguments->format->view, export);
	if (export->error == -ENOMEM)
		warnx("out of memory: the output is incomplete");
	if (!status && export->error)
		status = EXIT_FAILURE;
	free(export);
	return status;
}

static int run(int argc, char *argv[])
{
	struct export_arguments arguments = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.format == &jsonl)
		return watch_export(&arguments.session, arguments.absolute);
	if (arguments.format->binary && isatty(STDOUT_FILENO)) {
		warnx("--format=%s: standard output is a terminal; redirect it to a file or a pipe", arguments.format->name);
		return EXIT_USAGE;
	}
	if (!arguments.interval)
		arguments.interval = INTERVAL_NS;
	arguments.session.processes |= arguments.format->processes;
	return run_format(&arguments);
}

const struct command cmd_export = {
	.name = "export",
	.summary = "export events for Wireshark, Perfetto, Prometheus or jq",
	.run = run,
};
