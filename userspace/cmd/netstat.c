// SPDX-License-Identifier: GPL-2.0-only
/* netstat: the table of netstat(8), from any source. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/safe_text.h"
#include "base/signals.h"
#include "cmd/cmd.h"
#include "host/proc.h"
#include "record/record.h"
#include "session/listing.h"
#include "session/options.h"
#include "view/json/json.h"
#include "view/print_summary.h"
#include "view/table/netstat_table.h"

#define REPEAT_MS	1000
#define NETSTAT_EXIT_USAGE	3	/* as in netstat */

enum { KEY_HOSTS = 0x200, KEY_PORTS, KEY_USERS, KEY_INET, KEY_INET6, KEY_OTHERS };

struct netstat {
	struct options options;
	bool continuous;
	bool tcp;
	int other;			/* the last option that selected other sockets than TCP's; 0: none did */
	int words;
	char **word;
	struct listing listing;
	struct processes *processes;
	struct sockdiag *diag;
	struct netstat_table table;
};

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{ "tcp", 't', NULL, 0, "TCP sockets (the only ones shown here)", 1 },
	{ "all", 'a', NULL, 0, "Listeners, too", 1 },
	{ "listening", 'l', NULL, 0, "Only listeners", 1 },
	{ "protocol", 'A', "FAMILY", 0, "inet or inet6; also --inet, --inet6", 1 },
	{ "inet", KEY_INET, NULL, OPTION_HIDDEN, NULL, 1 },
	{ "inet6", KEY_INET6, NULL, OPTION_HIDDEN, NULL, 1 },
	{ "extend", 'e', NULL, 0, "Users and inodes", 2 },
	{ "programs", 'p', NULL, 0, "Processes that hold the socket", 2 },
	{ "timers", 'o', NULL, 0, "Timers", 2 },
	{ "wide", 'W', NULL, 0, "Do not truncate addresses", 2 },
	{ "notrim", 'T', NULL, OPTION_HIDDEN, NULL, 2 },
	{ "continuous", 'c', NULL, 0, "Repeat every second", 2 },
	{ "numeric-hosts", KEY_HOSTS, NULL, 0, "Do not resolve host names", 2 },
	{ "numeric-ports", KEY_PORTS, NULL, 0, "Do not resolve service names", 2 },
	{ "numeric-users", KEY_USERS, NULL, 0, "Do not resolve user names", 2 },
	{ "help", 'h', NULL, OPTION_HIDDEN, NULL, 2 },
	/* Without effect on sockets, as in netstat. */
	{ "verbose", 'v', NULL, OPTION_HIDDEN, NULL, 2 },
	{ "symbolic", 'N', NULL, OPTION_HIDDEN, NULL, 2 },
	{ "fib", 'F', NULL, OPTION_HIDDEN, NULL, 2 },
	{ "cache", 'C', NULL, OPTION_HIDDEN, NULL, 2 },

	/* Supported by netstat, but not here. */
	{ "udp", 'u', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "udplite", 'U', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "sctp", 'S', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "raw", 'w', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "unix", 'x', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "route", 'r', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "interfaces", 'i', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "groups", 'g', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "statistics", 's', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "masquerade", 'M', NULL, OPTION_HIDDEN, NULL, 0 },
	{ "context", 'Z', NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 }
};

static error_t refuse(int key, struct argp_state *state)
{
	if (!strchr("uUSwxrigsMZ", key))
		return ARGP_ERR_UNKNOWN;
	argp_failure(state, NETSTAT_EXIT_USAGE, 0, "-%c: tcptrace shows TCP sockets only; use netstat for the others", key);
	return 0;
}

static void add_family(struct argp_state *state, struct netstat *netstat, const char *family)
{
	int number = !strcmp(family, "inet") ? AF_INET : !strcmp(family, "inet6") ? AF_INET6 : 0;

	if (!number)
		argp_failure(state, EXIT_FAILURE, 0, "-A %s: not an address family of TCP; choose inet or inet6", safe_string(family));
	/* Both together mean both, as with -4 and -6. */
	netstat->options.family = netstat->options.family && netstat->options.family != number ? 0 : number;
}

static error_t parse_shape(int key, struct netstat_table *table)
{
	switch (key) {
	case 'a':
		table->all = true;
		return 0;
	case 'l':
		table->listening = true;
		return 0;
	case 'e':
		table->extended = true;
		return 0;
	case 'p':
		table->programs = true;
		return 0;
	case 'o':
		table->timers = true;
		return 0;
	case 'W':
	case 'T':
		table->wide = true;
		return 0;
	case KEY_HOSTS:
		table->numeric_hosts = true;
		return 0;
	case KEY_PORTS:
		table->numeric_ports = true;
		return 0;
	case KEY_USERS:
		table->numeric_users = true;
		return 0;
	case 'v':
	case 'N':
	case 'F':
	case 'C':
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct netstat *netstat = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &netstat->options;
		return 0;
	case 'A':
		add_family(state, netstat, text);
		return 0;
	case KEY_INET:
		add_family(state, netstat, "inet");
		return 0;
	case KEY_INET6:
		add_family(state, netstat, "inet6");
		return 0;
	case 'c':
		netstat->continuous = true;
		return 0;
	case 't':
		netstat->tcp = true;
		return 0;
	/* Beside -t, as in -tulpn, they are left out, and that is said; alone they are refused. */
	case 'u':
	case 'U':
	case 'S':
	case 'w':
	case 'x':
		netstat->other = key;
		return 0;
	case ARGP_KEY_END:
		if (netstat->other && !netstat->tcp)
			refuse(netstat->other, state);
		if (netstat->other)
			warnx(OPTIONS_TCP_ONLY);
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_ARGS:
		netstat->word = state->argv + state->next;
		netstat->words = state->argc - state->next;
		return 0;
	}
	if (key > 0 && !parse_shape(key, &netstat->table))
		return 0;
	return key > 0 && key < 0x80 ? refuse(key, state) : ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = {
	{ &options_view_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.doc = "Shows TCP sockets as netstat(8) does: its options, columns, widths and exit statuses."
	       "\vFILTER is a port, or an expression as in ss.",
	.children = children,
};

/* ---- the table ---- */

static void show_json(struct netstat *netstat, const struct tcptrace_record *record)
{
	const struct process *owner = NULL;
	struct endpoint ep;

	endpoint_from_snapshot(&ep, record);
	if (netstat->processes)
		owner = processes_find(netstat->processes, record_inode(record));
	if (owner)
		process_ref_set(&ep.owner, owner->pid, owner->comm);
	json_socket(&netstat->listing.out, &ep, record->time);
	endpoint_release(&ep);
}

static int on_socket(const struct tcptrace_record *record, void *arg)
{
	struct netstat *netstat = arg;
	int error = 0;

	if (listing_shows(&netstat->listing, record)) {
		if (netstat->options.json)
			show_json(netstat, record);
		else
			error = netstat_table_row(&netstat->table, record);
	}
	return error || !listing_over(&netstat->listing) ? error : SOURCE_STOP;
}

/* What records do not contain: the processes of the sockets, and their timers. */
static int ask(struct netstat *netstat)
{
	const struct sockdiag_request request = {
		.states = (2u << TCPTRACE_STATE_MAX) - 2,
		.extensions = netstat->table.timers ? 1 << (INET_DIAG_INFO - 1) : 0,
	};
	int error;

	if (netstat->table.programs) {
		netstat->processes = processes_new();
		if (!netstat->processes)
			return -ENOMEM;
		processes_want_all(netstat->processes);
		processes_scan(netstat->processes, PROC);
	}
	if (!netstat->options.json && (netstat->table.timers || netstat->table.extended)) {
		error = sockdiag_open(&netstat->diag, &request);
		if (error)
			warnx("sock_diag: %s: fields that records do not carry are left out", strerror(-error));
	}
	netstat->table.processes = netstat->processes;
	netstat->table.diag = netstat->diag;
	return 0;
}

static void forget(struct netstat *netstat)
{
	processes_free(netstat->processes);
	sockdiag_close(netstat->diag);
	netstat->processes = NULL;
	netstat->diag = NULL;
}

static int show(struct netstat *netstat)
{
	int error = netstat->listing.source->live ? ask(netstat) : 0;

	if (!netstat->options.json && !netstat->options.no_header)
		netstat_table_headings(&netstat->table);
	if (!error)
		error = source_snapshot(netstat->listing.source, on_socket, netstat);
	netstat_table_end(&netstat->table);
	forget(netstat);
	out_flush(&netstat->listing.out);
	return error;
}

/* Reports what was requested and cannot be shown. */
static void leave_out(const struct netstat *netstat)
{
	const struct netstat_table *table = &netstat->table;
	bool recorded = !netstat->listing.source->live;

	if (recorded && table->programs)
		warnx("not in a recording, left out: -p");
	if (netstat->options.json) {
		if (table->timers || table->extended)
			warnx("not in JSON, left out: -o and -e");
		return;
	}
	if (recorded && table->timers)
		warnx("not in a recording, left out: timers other than TIME_WAIT's");
	if (recorded && table->extended)
		warnx("not in a recording, left out: users of half-open connections");
}

/* A recording is shown once: it does not change. */
static int show_each_second(struct netstat *netstat)
{
	int error;

	leave_out(netstat);
	error = show(netstat);

	while (!error && netstat->continuous && netstat->listing.source->live && !netstat->listing.out.error &&
	       signals_poll(NULL, 0, REPEAT_MS) != -EINTR)
		error = show(netstat);
	return error;
}

static int run(int argc, char *argv[])
{
	/* Static: with its buffer it is too large for some stacks; and there is only one. */
	static struct netstat netstat;
	struct listing *listing = &netstat.listing;
	int status, error;

	argp_err_exit_status = NETSTAT_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &netstat);
	if (netstat.options.numeric)
		netstat.table.numeric_hosts = netstat.table.numeric_ports = netstat.table.numeric_users = true;
	netstat.table.out = &listing->out;
	listing->options = &netstat.options;
	listing->summary = print_summary;
	status = listing_parse(listing, netstat.words, netstat.word, netstat.options.family);
	if (status)
		return status;
	if (listing_begin(listing, NULL))
		return EXIT_FAILURE;
	error = listing_open(listing, TCPTRACE_L_OFF);
	if (!error)
		error = show_each_second(&netstat);
	return listing_close(listing, error);
}

const struct command cmd_netstat = {
	.name = "netstat",
	.summary = "the table of netstat(8): its options and columns",
	.run = run,
};
