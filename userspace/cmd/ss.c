// SPDX-License-Identifier: GPL-2.0-only
/* ss: the table of ss(8), from the module or a recording. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "filter.h"
#include "follow.h"
#include "json.h"
#include "netns.h"
#include "record.h"
#include "signals.h"
#include "source.h"
#include "ss_details.h"
#include "ss_options.h"
#include "ss_summary.h"
#include "ss_table.h"
#include "term.h"

#define PROC	"/proc"

/* What ss -t shows: neither listeners nor what has no full socket. */
#define STATES_DEFAULT	(~(1u << TCPTRACE_S_LISTEN | 1u << TCPTRACE_S_CLOSE | 1u << TCPTRACE_S_TIME_WAIT | \
			   1u << TCPTRACE_S_SYN_RECV))
#define STATES_ALL	((2u << TCPTRACE_STATE_MAX) - 2)

struct ss {
	struct ss_options options;
	struct filter *filter;
	uint32_t states;		/* bit 1 << state */
	bool everything;		/* the filter fits all of them */
	uint32_t netns;			/* 0: all */
	struct source *source;
	struct processes *processes;
	struct sockdiag *diag;
	struct model *model;		/* --history */
	bool detailed;
	bool stopped;			/* Ctrl-C ended the watching, and what was there is shown */
	struct ss_details details;
	struct ss_table table;
	struct out out;
};

/* ---- what is shown ---- */

static bool shows(const struct ss *ss, const struct tcptrace_record *record)
{
	const struct filter_subject subject = {
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.state = record->new_state,
		.kind = record->kind,
		.ifindex = record->ifindex,
	};

	return ss->states & 1u << record->new_state && (!ss->netns || record->netns == ss->netns) &&
	       (ss->everything || filter_match(ss->filter, &subject));
}

static void show_json(struct ss *ss, const struct tcptrace_record *record, const struct end *known)
{
	const struct owner *owner = ss->processes ? processes_find(ss->processes, record_inode(record)) : NULL;
	struct end end;

	if (known) {
		json_history(&ss->out, known, record->time);
		return;
	}
	end_from_snapshot(&end, record);
	if (owner)
		end.owner = *owner;
	json_socket(&ss->out, &end, record->time);
}

static void show(struct ss *ss, const struct tcptrace_record *record, const struct end *known)
{
	if (ss->options.options.json) {
		show_json(ss, record, known);
		return;
	}
	if (ss->detailed)
		ss_details_fill(&ss->details, record);
	if (known)
		ss_details_history(&ss->details, known, record->time);
	ss_table_row(&ss->table, record, ss->details.text, ss->details.used);
	ss_table_trim(&ss->table);
}

static int on_socket(const struct tcptrace_record *record, void *arg)
{
	struct ss *ss = arg;

	if (shows(ss, record))
		show(ss, record, ss->model ? model_find(ss->model, record->cookie) : NULL);
	return ss->out.error || (signals_stop() && !ss->stopped) ? -EINTR : 0;
}

/* A recording has no snapshot of its end: what the model has is what is there. */
static void show_model(struct ss *ss, uint64_t time)
{
	struct tcptrace_record record;
	const struct end *end;
	uint32_t place = 0;

	while (!ss->out.error && (end = model_next(ss->model, &place))) {
		end_to_snapshot(end, time, &record);
		if (shows(ss, &record))
			show(ss, &record, end);
	}
}

static int show_history(struct ss *ss)
{
	const struct model_options options = { 0 };
	uint64_t last;
	int error;

	ss->model = model_new(&options);
	if (!ss->model)
		return -ENOMEM;
	error = follow_quietly(ss->source, ss->model, follow_now() + ss->options.duration, &last);
	if (error)
		return error;
	if (!ss->source->live) {
		show_model(ss, last);
		return 0;
	}
	ss->stopped = signals_stop();
	return source_snapshot(ss->source, on_socket, ss);
}

/* ---- what records do not carry ---- */

/* Says what a recording has not. */
static void leave_out(const struct ss_wanted *wanted)
{
	const struct {
		bool wanted;
		const char *what;
	} options[] = {
		{ wanted->processes, "-p" },
		{ wanted->memory, "-m" },
		{ wanted->info, "-i" },
		{ wanted->timers, "timers other than TIME_WAIT's" },
		{ wanted->extended, "marks and cgroups of -e" },
		{ wanted->tos, "--tos" },
		{ wanted->cgroup, "--cgroup" },
		{ wanted->options, "--inet-sockopt" },
	};
	char list[256] = "";
	size_t i, used = 0;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].wanted)
			used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", options[i].what);
	if (used)
		warnx("not in a recording, left out: %s", list);
}

static int ask_proc(struct ss *ss)
{
	ss->processes = processes_new();
	if (!ss->processes)
		return -ENOMEM;
	processes_want_all(ss->processes);
	processes_scan(ss->processes, PROC);
	return 0;
}

/* Where sock_diag does not answer, what only it knows is missing; all else is shown. */
static void ask_sockdiag(struct ss *ss)
{
	const struct sockdiag_request request = {
		.states = ss->states,
		.extensions = ss_details_extensions(&ss->options.wanted),
	};
	int error = sockdiag_open(&ss->diag, &request);

	if (error)
		warnx("sock_diag: %s: what the records do not carry is left out", strerror(-error));
}

static int ask(struct ss *ss)
{
	const struct ss_wanted *wanted = &ss->options.wanted;
	bool diag = wanted->timers || wanted->extended || wanted->memory || wanted->info || wanted->tos ||
		    wanted->cgroup || wanted->options;

	ss->detailed = diag || wanted->processes || ss->options.history;
	ss->details.wanted = wanted;
	if (!ss->source->live) {
		leave_out(wanted);
		return 0;
	}
	if (wanted->processes && ask_proc(ss))
		return -ENOMEM;
	if (diag && !ss->options.options.json)
		ask_sockdiag(ss);
	ss->details.processes = ss->processes;
	ss->details.diag = ss->diag;
	return 0;
}

/* ---- beginning and end ---- */

static void begin_table(struct ss *ss)
{
	struct term term;

	term_init(&term, STDOUT_FILENO);
	ss->table.netid = !ss->options.tcp;
	ss->table.state = ss->states & (ss->states - 1);
	ss->table.numeric = ss->options.options.numeric;
	ss->table.hosts = ss->options.hosts;
	ss->options.wanted.exact = ss->options.options.numeric;
	ss_table_init(&ss->table, term.said, &ss->out);
	if (!ss->options.options.no_header && !ss->options.options.json)
		table_headings(&ss->table.table);
}

static int finish(struct ss *ss, int error)
{
	struct tcptrace_lost lost = { 0 };

	ss_table_flush(&ss->table);
	if (!error)
		error = ss->table.table.error;
	source_losses(ss->source, &lost);
	if (ss->options.options.json)
		json_lost(&ss->out, &lost, 0, follow_now());
	out_flush(&ss->out);
	if (error == -ENOMEM && !ss->source->error[0])
		warnx("out of memory");
	else if (error && error != -EINTR)
		warnx("%s", ss->source->error);
	if (ss->out.error && ss->out.error != -EPIPE) {
		errno = -ss->out.error;
		warn("standard output");
		return EXIT_FAILURE;
	}
	if (error && error != -EINTR)
		return EXIT_FAILURE;
	return ss->options.options.fail_on_loss && lost.overwritten + lost.nested + lost.missed + lost.unknown ?
	       EXIT_LOST : EXIT_SUCCESS;
}

static int show_table(struct ss *ss)
{
	begin_table(ss);
	return ss->options.history ? show_history(ss) : source_snapshot(ss->source, on_socket, ss);
}

static int run_source(struct ss *ss)
{
	/* The summary alone, unless tables or a filter were named as well. */
	bool alone = ss->options.summary && !ss->options.tables && !ss->options.word_count;
	int error;

	out_init(&ss->out, STDOUT_FILENO);
	error = ask(ss);
	if (!error && ss->options.summary)
		error = ss_summary(ss->source, &ss->out);
	if (!error && !alone)
		error = show_table(ss);
	error = finish(ss, error);
	table_exit(&ss->table.table);
	processes_free(ss->processes);
	sockdiag_close(ss->diag);
	model_free(ss->model);
	return error;
}

static int open_source(struct ss *ss)
{
	struct source_request request = { .level = ss->options.history ? TCPTRACE_L_QUEUE : TCPTRACE_L_OFF };
	char error[256];
	int failed;

	if (source_open(ss->options.options.source, &request, &ss->source, error, sizeof(error))) {
		warnx("%s", error);
		return -1;
	}
	if (!ss->source->live) {
		if (ss->options.netns)
			warnx("-N %s: not with a recording, which has the sockets of all namespaces", ss->options.netns);
		return ss->options.netns ? -1 : 0;
	}
	failed = ss->options.netns ? netns_enter(ss->options.netns) : 0;
	if (failed)
		warnx("-N %s: %s", ss->options.netns, strerror(-failed));
	ss->netns = netns_own();
	return failed;
}

static int parse_filter(struct ss *ss)
{
	struct ss_options *options = &ss->options;
	char error[256];
	int status = filter_parse(options->word_count, options->words, &ss->filter, error, sizeof(error));

	if (status) {
		warnx("%s", error);
		return status;
	}
	if (options->options.family)
		filter_set_family(ss->filter, options->options.family);
	ss->states = (options->states ? options->states : STATES_DEFAULT) & STATES_ALL;
	if (filter_has_states(ss->filter))
		ss->states = filter_states(ss->filter);
	ss->everything = filter_is_empty(ss->filter) && !options->options.family;
	return 0;
}

static int run(int argc, char *argv[])
{
	/* Too large for some stacks, with its buffers; and there is one only. */
	static struct ss ss;
	int status;

	ss_options_parse(&ss.options, argc, argv);
	status = parse_filter(&ss);
	if (status)
		return status;
	if (!ss.states) {
		warnx("no state is left to show");
		return EXIT_SUCCESS;
	}
	signals_catch();
	status = EXIT_FAILURE;
	if (!open_source(&ss))
		status = run_source(&ss);
	source_close(ss.source);
	filter_free(ss.filter);
	free(ss.options.words);
	return status;
}

const struct command cmd_ss = {
	.name = "ss",
	.summary = "the table of ss(8): its options, columns and filters",
	.run = run,
};
