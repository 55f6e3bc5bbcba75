// SPDX-License-Identifier: GPL-2.0-only
/* ss: the table of ss(8), from any source. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/signals.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/ss_options.h"
#include "host/proc.h"
#include "record/record.h"
#include "session/listing.h"
#include "session/session.h"
#include "view/json/json.h"
#include "view/print_summary.h"
#include "view/table/ss_details.h"
#include "view/table/ss_summary.h"
#include "view/table/ss_table.h"

/* The default of ss -t: no listeners, and only full sockets. */
#define STATES_DEFAULT	(~(1u << TCPTRACE_S_LISTEN | 1u << TCPTRACE_S_CLOSE | 1u << TCPTRACE_S_TIME_WAIT | \
			   1u << TCPTRACE_S_SYN_RECV))

struct ss {
	struct ss_options options;
	struct listing listing;
	struct source *source;		/* the listing's, or with --history the session's; */
	struct out *out;		/* the same */
	const struct model *model;	/* --history */
	struct processes *processes;
	struct sockdiag *diag;
	bool detailed;
	bool stopped;			/* Ctrl-C has ended --history, and the table is being printed */
	bool failed;
	struct ss_details details;
	struct ss_table table;
};

/* ---- rows ---- */

static void show_json(struct ss *ss, const struct tcptrace_record *record, const struct endpoint *known)
{
	const struct process *owner = ss->processes ? processes_find(ss->processes, record_inode(record)) : NULL;
	struct endpoint ep;

	if (known)
		endpoint_copy(&ep, known);
	else
		endpoint_from_snapshot(&ep, record);
	if (owner)
		process_ref_set(&ep.owner, owner->pid, owner->comm);
	if (known)
		json_history(ss->out, &ep, record->time, ss->source->live);
	else
		json_socket(ss->out, &ep, record->time);
	endpoint_release(&ep);
}

/* `known` is from the model, NULL: unknown there. */
static inline void show_row(struct ss *ss, const struct ss_row *row, const struct endpoint *known, uint64_t time)
{
	if (ss->detailed)
		ss_details_fill(&ss->details, row);
	if (known)
		ss_details_history(&ss->details, known, time, ss->source->live);
	ss_table_row(&ss->table, row, ss->details.text, ss->details.used);
	ss_table_trim(&ss->table);
}

static void show_socket(struct ss *ss, const struct tcptrace_record *record, const struct endpoint *known)
{
	if (ss->options.options.json) {
		show_json(ss, record, known);
	} else {
		const struct ss_row row = ss_row_of_record(record);

		show_row(ss, &row, known, record->time);
	}
}

static void show_endpoint(struct ss *ss, const struct endpoint *ep, uint64_t time)
{
	const struct ss_row row = ss_row_of_endpoint(ep);

	if (ss->options.options.json)
		json_history(ss->out, ep, time, ss->source->live);
	else
		show_row(ss, &row, ep, time);
}

static int on_socket(const struct tcptrace_record *record, void *arg)
{
	struct ss *ss = arg;

	if (listing_shows(&ss->listing, record))
		show_socket(ss, record, ss->model ? model_find(ss->model, record->cookie) : NULL);
	return ss->out->error || (signals_stop() && !ss->stopped) ? SOURCE_STOP : SOURCE_MORE;
}

/* A recording has no snapshot at its end: the model is shown instead. */
static void show_model(struct ss *ss, uint64_t time)
{
	const struct endpoint *ep;
	uint32_t place = 0;

	while (!ss->out->error && (ep = model_next(ss->model, &place)))
		if (listing_shows_endpoint(&ss->listing, ep))
			show_endpoint(ss, ep, time);
}

/* ---- what records do not contain ---- */

/* Reports what was requested and cannot be shown. */
static void leave_out(const struct ss_wanted *wanted, bool processes, const char *of)
{
	const struct {
		bool wanted;
		const char *what;
	} options[] = {
		{ wanted->processes && processes, "-p" },
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
		warnx("not in %s, left out: %s", of, list);
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

/* If sock_diag does not answer, its data is missing; everything else is shown. */
static void ask_sockdiag(struct ss *ss)
{
	const struct sockdiag_request request = {
		.states = ss->listing.states,
		.extensions = ss_details_extensions(&ss->options.wanted),
	};
	int error = sockdiag_open(&ss->diag, &request);

	if (error)
		warnx("sock_diag: %s: fields that records do not carry are left out", strerror(-error));
}

static int ask(struct ss *ss)
{
	const struct ss_wanted *wanted = &ss->options.wanted;
	bool diag = wanted->timers || wanted->extended || wanted->memory || wanted->info || wanted->tos ||
		    wanted->cgroup || wanted->options;

	ss->detailed = diag || wanted->processes || ss->options.history;
	ss->details.wanted = wanted;
	if (!ss->source->live) {
		leave_out(wanted, true, "a recording");
		return 0;
	}
	if (ss->options.options.json)
		leave_out(wanted, false, "objects");
	if (wanted->processes && ask_proc(ss))
		return -ENOMEM;
	if (diag && !ss->options.options.json)
		ask_sockdiag(ss);
	ss->details.processes = ss->processes;
	ss->details.diag = ss->diag;
	return 0;
}

/* ---- the table ---- */

static void begin_table(struct ss *ss)
{
	struct term term;

	term_init(&term, STDOUT_FILENO);
	ss->table.netid = !ss->options.tcp;
	ss->table.state = ss->listing.states & (ss->listing.states - 1);
	ss->table.numeric = ss->options.options.numeric;
	ss->table.hosts = ss->options.hosts;
	ss->options.wanted.exact = ss->options.options.numeric;
	ss_table_init(&ss->table, term.said, ss->out);
	if (!ss->options.options.no_header && !ss->options.options.json)
		table_headings(&ss->table.table);
}

static int end_table(struct ss *ss, int error)
{
	ss_table_flush(&ss->table);
	return error ? error : ss->table.table.error;
}

static int show_table(struct ss *ss)
{
	int error = listing_open(&ss->listing, TCPTRACE_L_OFF);

	if (error)
		return error;
	ss->source = ss->listing.source;
	ss->out = &ss->listing.out;
	error = ask(ss);
	if (error)
		return error;
	begin_table(ss);
	return end_table(ss, source_snapshot(ss->source, on_socket, ss));
}

/* ---- --history: a view that shows nothing before its end ---- */

static int begin_history(void *arg, struct session *session)
{
	struct ss *ss = arg;

	ss->source = session->source;
	ss->out = &session->out;
	ss->model = session->model;
	return 0;
}

static void end_history(void *arg, uint64_t time)
{
	struct ss *ss = arg;
	/* What is queried from the kernel has to be of the same moment as the table. */
	int error = ask(ss);

	ss->stopped = signals_stop();
	begin_table(ss);
	if (!error && ss->source->live)
		error = source_snapshot(ss->source, on_socket, ss);
	else if (!error)
		show_model(ss, time);
	error = end_table(ss, error);
	if (error >= 0)
		return;
	ss->failed = true;
	warnx("%s", error == -ENOMEM && !ss->source->error[0] ? "out of memory" : ss->source->error);
}

static const struct session_view view_history = {
	.summary = print_summary,
	.level = TCPTRACE_L_QUEUE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.no_summary = true,
	.begin = begin_history,
	.end = end_history,
};

static int show_history(struct ss *ss)
{
	const struct session_arguments arguments = {
		.options = ss->options.options,
		.stop.duration = source_is_live(ss->options.options.source) ? ss->options.duration : 0,
		.processes = ss->options.wanted.processes,
		.words = ss->options.words,
		.word_count = ss->options.word_count,
	};
	int status = session_run(&arguments, &view_history, ss);

	return status ? status : ss->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- -s ---- */

/* Both return the exit status. The kernel's own counts, before our own sockets are among them. */
static int summarize_host(struct ss *ss)
{
	int error = ss_summary_kernel(&ss->listing.out);

	if (error)
		warnx("/proc/net: %s", strerror(-error));
	return out_close(&ss->listing.out) && !error ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A recording is read once for this, and again for a table, which then reports its errors. */
static int summarize_recording(struct ss *ss, bool alone)
{
	struct listing *listing = &ss->listing;
	int error = listing_open(listing, TCPTRACE_L_OFF);

	if (error)
		return exit_status_of(error);
	error = ss_summary_source(listing->source, &listing->out);
	out_flush(&listing->out);
	if (!error && alone && !listing_over(listing))
		error = source_verify(listing->source);
	if (error)
		warnx("%s", listing->source->error);
	source_close(listing->source);
	listing->source = NULL;
	if (!out_close(&listing->out))
		return EXIT_FAILURE;
	return error ? exit_status_of(error) : EXIT_SUCCESS;
}

/* ---- beginning and end ---- */

static int show(struct ss *ss)
{
	const char *source = ss->options.options.source;
	/* Only the summary, unless tables or a filter were given as well. */
	bool table = !ss->options.summary || ss->options.tables || ss->options.word_count;
	int status;

	if (table && ss->options.summary && source && !strcmp(source, "-")) {
		warnx("-s and a table read the recording twice: name a file instead of standard input");
		return EXIT_FAILURE;
	}
	if (listing_begin(&ss->listing, ss->options.netns))
		return EXIT_FAILURE;
	if (ss->options.summary) {
		status = source_is_live(source) ? summarize_host(ss) : summarize_recording(ss, !table);
		if (status || !table)
			return status;
	}
	status = ss->options.history ? show_history(ss) : listing_close(&ss->listing, show_table(ss));
	table_exit(&ss->table.table);
	processes_free(ss->processes);
	sockdiag_close(ss->diag);
	return status;
}

/* State words override options. */
static int parse_filter(struct ss *ss)
{
	struct ss_options *options = &ss->options;
	int status;

	ss->listing.options = &options->options;
	ss->listing.summary = print_summary;
	status = listing_parse(&ss->listing, options->word_count, options->words, options->options.family);
	if (!status && !filter_has_states(ss->listing.filter))
		ss->listing.states &= options->states ? options->states : STATES_DEFAULT;
	return status;
}

static int run(int argc, char *argv[])
{
	/* Static: with its buffers it is too large for some stacks; and there is only one. */
	static struct ss ss;
	int status;

	ss_options_parse(&ss.options, argc, argv);
	status = parse_filter(&ss);
	if (status)
		return status;
	if (!ss.listing.states) {
		warnx("no state is left to show");
		return EXIT_SUCCESS;
	}
	status = show(&ss);
	free(ss.options.words);
	return status;
}

const struct command cmd_ss = {
	.name = "ss",
	.summary = "the table of ss(8): its options, columns and filters",
	.run = run,
};
