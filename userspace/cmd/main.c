// SPDX-License-Identifier: GPL-2.0-only
/* tcptrace-ctl: finds the command and runs it. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "base/term.h"
#include "base/write_all.h"
#include "cmd/cmd.h"
#include "filter/filter.h"
#include "session/options.h"
#include "version.h"

static const struct command *const commands[] = {
	&cmd_watch,
	&cmd_listen,
	&cmd_life,
	&cmd_ports,
	&cmd_top,
	&cmd_ladder,
	&cmd_window,
	&cmd_states,
	&cmd_ss,
	&cmd_netstat,
	&cmd_record,
	&cmd_export,
	&cmd_load,
	&cmd_unload,
	&cmd_status,
	&cmd_doctor,
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

const char *argp_program_version = "tcptrace-ctl " TCPTRACE_VERSION;

struct arguments {
	int command;	/* its index in argv, 0: none */
};

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (!find(text))
			argp_failure(state, EXIT_USAGE, 0, "%s: no such command; --help lists them", safe_string(text));
		arguments->command = state->next - 1;
		state->next = state->argc;	/* the rest belongs to the command */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EXIT_USAGE, 0, "no command given; --help lists them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Prints the list of commands from the table, after the options. */
static char *help(int key, const char *text, void *input)
{
	size_t size, i;
	char *out;
	FILE *file;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	file = open_memstream(&out, &size);
	if (!file)
		return NULL;
	fputs("Commands:\n", file);
	for (i = 0; i < COUNT; i++)
		fprintf(file, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`tcptrace-ctl COMMAND --help' describes each command.", file);
	fclose(file);
	return out;
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Shows what TCP does inside this host, as it happens.\v ",
	.help_filter = help,
};

/* Also if argp ends the program. The output must have been written: a full disk must not look like success. */
static void close_output(int status, void *unused)
{
	(void)unused;
	if ((!ferror(stdout) && !fflush(stdout)) || errno == EPIPE)
		return;
	warn("standard output");
	_exit(status ? status : EXIT_FAILURE);
}

static void open_output(void)
{
	/* If the reader of our pipe has gone, we end quietly, even if our parent ignores SIGPIPE. */
	signal(SIGPIPE, SIG_DFL);
	stdout = write_all_stream(STDOUT_FILENO) ?: stdout;
	stderr = write_all_stream(STDERR_FILENO) ?: stderr;
	on_exit(close_output, NULL);
}

/* getopt(3) prints an invalid option unchanged, so words that could do harm are rejected first. */
static void check_options(char *const *word)
{
	for (; *word && strcmp(*word, "--"); word++) {
		size_t length = strcspn(*word, "=");
		char *name = **word == '-' ? strndup(*word, length) : NULL;

		if (name && strcmp(name, safe_string(name)))
			errx(EXIT_USAGE, "%s: no such option; give a value as a separate word; --help lists the options",
			     safe_string(name));
		free(name);
	}
}

int main(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	const struct command *command;
	char name[64];

	open_output();
	filter_allow_hosts();
	argp_err_exit_status = EXIT_USAGE;
	check_options(argv + 1);
	if (isatty(STDOUT_FILENO) && !term_utf8())
		safe_text_ascii();
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);

	command = find(argv[arguments.command]);
	argv += arguments.command;
	argc -= arguments.command;
	snprintf(name, sizeof(name), "tcptrace-ctl %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}
