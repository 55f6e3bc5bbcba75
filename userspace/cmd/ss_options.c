// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/safe_text.h"
#include "cmd/ss_options.h"
#include "record/names.h"

enum { KEY_TOS = 0x200, KEY_CGROUP, KEY_SOCKOPT, KEY_HISTORY, KEY_TIPC, KEY_VSOCK, KEY_XDP, KEY_TIPCINFO };

#define HISTORY_DEFAULT	1000000000ull

#define DISPLAY	1
#define ALSO	2
#define OURS	3

static const struct argp_option entries[] = {
	{ "tcp", 't', NULL, 0, "TCP sockets (the only ones shown here); without it there is a Netid column",
	  DISPLAY },
	{ "all", 'a', NULL, 0, "Sockets in all states", DISPLAY },
	{ "listening", 'l', NULL, 0, "Listeners", DISPLAY },
	{ "family", 'f', "FAMILY", 0, "inet or inet6", DISPLAY },
	{ "query", 'A', "TABLES", 0, "tcp, inet or all: the same here, except for the Netid column", DISPLAY },
	{ "socket", 'A', NULL, OPTION_ALIAS, NULL, DISPLAY },
	{ "filter", 'F', "FILE", 0, "Read the filter from a file, - for standard input", DISPLAY },
	{ "net", 'N', "NAME", 0, "Sockets of another network namespace, named as in ip netns", DISPLAY },
	{ "summary", 's', NULL, 0, "Numbers of sockets", DISPLAY },
	{ "processes", 'p', NULL, 0, "Processes that hold the socket", ALSO },
	{ "options", 'o', NULL, 0, "Timers", ALSO },
	{ "extended", 'e', NULL, 0, "Owner, inode, cookie, mark, cgroup, and timers", ALSO },
	{ "memory", 'm', NULL, 0, "Socket memory", ALSO },
	{ "info", 'i', NULL, 0, "Internal TCP information", ALSO },
	{ "tos", KEY_TOS, NULL, 0, "Type of service and priority", ALSO },
	{ "cgroup", KEY_CGROUP, NULL, 0, "Control group", ALSO },
	{ "inet-sockopt", KEY_SOCKOPT, NULL, 0, "Socket options", ALSO },
	{ "bpf", 'b', NULL, 0, "Timers; TCP sockets have no filter to show", ALSO },
	{ "resolve", 'r', NULL, 0, "Resolve host names", ALSO },
	{ "oneline", 'O', NULL, 0, "One line for each socket", ALSO },
	{ "history", KEY_HISTORY, "SECONDS", OPTION_ARG_OPTIONAL,
	  "Watch for SECONDS (1), or a whole recording, then print the sockets with their time in state, "
	  "peak queues and read delay", OURS },
	{ "help", 'h', NULL, OPTION_HIDDEN, NULL, OURS },
	{ NULL, 'v', NULL, OPTION_HIDDEN, NULL, OURS },

	/* Supported by ss, but not here. */
	{ "udp", 'u', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "raw", 'w', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "unix", 'x', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "dccp", 'd', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "sctp", 'S', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "mptcp", 'M', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "packet", '0', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "tipc", KEY_TIPC, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "vsock", KEY_VSOCK, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "xdp", KEY_XDP, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "tipcinfo", KEY_TIPCINFO, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "events", 'E', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "kill", 'K', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "diag", 'D', "FILE", OPTION_HIDDEN, NULL, 0 },
	{ "threads", 'T', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "context", 'Z', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "contexts", 'z', NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 }
};

static const struct {
	int key;
	const char *option, *answer;
} refused[] = {
	{ 'u', "-u, --udp", NULL },
	{ 'w', "-w, --raw", NULL },
	{ 'x', "-x, --unix", NULL },
	{ 'd', "-d, --dccp", NULL },
	{ 'S', "-S, --sctp", NULL },
	{ 'M', "-M, --mptcp", NULL },
	{ '0', "-0, --packet", NULL },
	{ KEY_TIPC, "--tipc", NULL },
	{ KEY_VSOCK, "--vsock", NULL },
	{ KEY_XDP, "--xdp", NULL },
	{ KEY_TIPCINFO, "--tipcinfo", NULL },
	{ 'E', "-E, --events", "tcptrace-ctl watch shows when each socket ends, and everything before" },
	{ 'K', "-K, --kill", "tcptrace only observes; use ss" },
	{ 'D', "-D, --diag", "use tcptrace-ctl record" },
	{ 'T', "-T, --threads", "threads are not shown; -p shows processes" },
	{ 'Z', "-Z, --context", "SELinux contexts are not shown; use ss" },
	{ 'z', "-z, --contexts", "SELinux contexts are not shown; use ss" },
};

static error_t refuse(int key, struct argp_state *state)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].key == key)
			argp_failure(state, SS_EXIT_USAGE, 0, "%s: %s", refused[i].option,
				     refused[i].answer ? refused[i].answer :
							 "tcptrace sees TCP only; use ss for the others");
	return ARGP_ERR_UNKNOWN;
}

struct parsing {
	struct ss_options *options;
	const char *file;		/* -F; its words follow those of the command line */
	int other;			/* the last option that selected another table than TCP's; 0: none */
};

/*
 * A table of ss that has nothing of TCP. Beside TCP's, as in -tulpn, which everyone types, it is left out, and that is
 * said; alone it is refused. Which of the two it is, is known at the end.
 */
static bool is_other_table(int key)
{
	return (key > 0 && key < 0x80 && strchr("uwxdSM0", key)) || key == KEY_TIPC || key == KEY_VSOCK || key == KEY_XDP;
}

static error_t other_table(int key, struct argp_state *state, struct parsing *parsing)
{
	if (!is_other_table(key))
		return refuse(key, state);
	parsing->other = key;
	return 0;
}

static void end_tables(struct argp_state *state, const struct parsing *parsing)
{
	struct ss_options *options = parsing->options;

	if (!parsing->other)
		return;
	if (!options->tables)
		refuse(parsing->other, state);
	/* ss shows the column as soon as there is more than one table. */
	options->tcp = false;
	warnx(OPTIONS_TCP_ONLY);
}

static void add_word(struct argp_state *state, struct ss_options *options, char *word)
{
	if (!array_reserve(options->words, options->word_room, (size_t)options->word_count + 1))
		argp_failure(state, EXIT_FAILURE, ENOMEM, "the filter");
	options->words[options->word_count++] = word;
}

static void set_tables(struct argp_state *state, struct ss_options *options, char *tables)
{
	static char *const known[] = { "tcp", "inet", "all", NULL };
	char *text = tables, *name;

	options->tcp = true;
	options->tables = true;
	while (*text) {
		int table = getsubopt(&text, known, &name);

		if (table < 0)
			argp_failure(state, SS_EXIT_USAGE, 0, "-A %s: tcptrace sees TCP only: tcp, inet or all", safe_string(name));
		if (table > 0)
			options->tcp = false;
	}
}

static void set_family(struct argp_state *state, struct ss_options *options, const char *family)
{
	if (strcmp(family, "inet") && strcmp(family, "inet6"))
		argp_failure(state, SS_EXIT_USAGE, 0, "-f %s: not an address family of TCP; choose inet or inet6", safe_string(family));
	options->options.last_family = strcmp(family, "inet") ? AF_INET6 : AF_INET;
}

/* A line that starts with # is a comment. The memory is kept until the program ends. */
static void read_filter(struct argp_state *state, struct ss_options *options, const char *name)
{
	FILE *file = strcmp(name, "-") ? fopen(name, "r") : stdin;
	char *line = NULL;
	size_t room = 0;

	if (!file)
		argp_failure(state, SS_EXIT_USAGE, errno, "-F %s", safe_string(name));
	while (getline(&line, &room, file) >= 0) {
		if (*line == '#') {
			free(line);
		} else {
			add_word(state, options, line);
		}
		line = NULL;
		room = 0;
	}
	free(line);
	if (file != stdin)
		fclose(file);
}

static error_t parse_details(int key, struct ss_wanted *wanted)
{
	switch (key) {
	case 'p':
		wanted->processes = true;
		return 0;
	case 'e':
		wanted->extended = true;
		/* fallthrough */
	case 'b':
	case 'o':
		wanted->timers = true;
		return 0;
	case 'm':
		wanted->memory = true;
		return 0;
	case 'i':
		wanted->info = true;
		return 0;
	case 'O':
		wanted->one_line = true;
		return 0;
	case KEY_TOS:
		wanted->tos = true;
		return 0;
	case KEY_CGROUP:
		wanted->cgroup = true;
		return 0;
	case KEY_SOCKOPT:
		wanted->options = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct parsing *parsing = state->input;
	struct ss_options *options = parsing->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->options;
		return 0;
	case 't':
		options->tcp = true;
		options->tables = true;
		return 0;
	case 'a':
		options->states = ~0u;
		return 0;
	case 'l':
		options->states = 1u << TCPTRACE_S_LISTEN | 1u << TCPTRACE_S_CLOSE;
		return 0;
	case 'A':
		set_tables(state, options, text);
		return 0;
	case 'f':
		set_family(state, options, text);
		return 0;
	case 'F':
		if (parsing->file)
			argp_failure(state, SS_EXIT_USAGE, 0, "-F %s: a filter file was already given", safe_string(text));
		parsing->file = text;
		return 0;
	case 'N':
		options->netns = text;
		return 0;
	case 'r':
		options->hosts = true;
		return 0;
	case 's':
		options->summary = true;
		return 0;
	case KEY_HISTORY:
		options->history = true;
		options->duration = text ? options_seconds(state, "--history", text) : HISTORY_DEFAULT;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case 'v':
		puts(argp_program_version);
		exit(EXIT_SUCCESS);
	case ARGP_KEY_ARG:
		add_word(state, options, text);
		return 0;
	case ARGP_KEY_END:
		if (parsing->file)
			read_filter(state, options, parsing->file);
		end_tables(state, parsing);
		return 0;
	}
	if (!parse_details(key, &options->wanted))
		return 0;
	return other_table(key, state, parsing);
}

static const struct argp_child children[] = {
	{ &options_view_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = entries,
	.parser = parse,
	.args_doc = "[FILTER]",
	.doc = "Shows TCP sockets as ss(8) does: its options, columns, widths, filters and exit statuses."
	       "\vFILTER := [ state STATE | exclude STATE ]... [ EXPRESSION ], or a port. and, or, and adjacent "
	       "conditions have equal precedence and are evaluated from left to right, as in ss.",
	.children = children,
};

void ss_options_parse(struct ss_options *options, int argc, char *argv[])
{
	struct parsing parsing = { .options = options };

	argp_err_exit_status = SS_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &parsing);
	if (options->summary && options->options.json)
		errx(SS_EXIT_USAGE, "-s has no JSON output: omit it or --json");
	/* If there are several, ss uses the last one. */
	options->options.family = options->options.last_family;
	if (options->options.family)
		options->tables = true;
}
