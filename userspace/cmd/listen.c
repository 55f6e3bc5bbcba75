// SPDX-License-Identifier: GPL-2.0-only
/* listen: each listener with its two queues, their peaks, and what was refused. */
#include "base/columns.h"
#include "cmd/cmd.h"
#include "record/device.h"
#include "record/record.h"
#include "session/session.h"
#include "tally/listeners.h"
#include "view/json/json_tables.h"
#include "view/print_summary.h"
#include "view/text/timeline.h"

#define NO_DROPS	"OVERFLOWS and DROPS: - since the module that recorded this does not record refusals\n"

enum { KEY_INTERVAL = 0x200, KEY_ONCE };

struct arguments {
	struct session_arguments session;
	unsigned long long interval;	/* ns, 0: at the beginning and at the end */
	bool once;
};

struct listen {
	struct arguments arguments;
	struct session *session;
	struct listeners listeners;
	struct columns columns;
	struct put_clock clock;
	bool drops;		/* they are recorded */
	bool printed;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->session;
		return 0;
	case KEY_INTERVAL:
		arguments->interval = options_seconds(state, "--interval", text);
		return 0;
	case KEY_ONCE:
		arguments->once = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "once", KEY_ONCE, NULL, 0, "Print the listeners once and exit", 0 },
	{ "interval", KEY_INTERVAL, "SECONDS", 0, "Print the table every SECONDS", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Shows each listener: its accept queue and SYN queue, now and at their peaks, and the longest wait for "
	       "accept(). The table is printed at once, and again on Ctrl-C with everything seen by "
	       "then."
	       "\vPeaks and counts start with the command or with the recording.",
	.children = session_children,
};

/* ---- text ---- */

static const struct column table[] = {
	{ .title = "LOCAL", .width = 15 },
	{ .title = "ACCEPT-Q", .right = true },
	{ .title = "PEAK", .right = true },
	{ .title = "MAX", .right = true, .width = 4 },
	{ .title = "SYN-Q", .right = true },
	{ .title = "PEAK", .right = true },
	{ .title = "ACCEPTED", .right = true },
	{ .title = "LONGEST", .right = true, .width = 8 },
	{ .title = "OVERFLOWS", .right = true },
	{ .title = "DROPS", .right = true },
	{ .title = "PROCESS" },
};

/* With a '+' if that connection is still waiting. */
static char *put_longest(char *p, const struct listener *listener)
{
	uint64_t longest = listener_longest(listener);

	p = put_duration_or_dash(p, longest);
	if (longest != UNKNOWN && longest == listener->waiting)
		*p++ = '+';
	return p;
}

/* A closed listener has no current value. */
static char *put_now(char *p, const struct listener *listener, uint32_t value)
{
	return put_u64_or_dash(p, listener_over(listener) ? UNKNOWN : value);
}

static void fill(struct row *row, const struct listen *listen, const struct listener *listener)
{
	const struct endpoint *ep = &listener->ep;
	char *p = row_begin(row);

	p = row_cell(row, put_local(p, zone_at(ep->zone), ep->family, ep->saddr, ep->sport));
	p = row_cell(row, put_now(p, listener, listener->queue));
	p = row_cell(row, put_u64(p, listener->queue_peak));
	p = row_cell(row, put_u64(p, listener->queue_max));
	p = row_cell(row, put_now(p, listener, listener->syn));
	p = row_cell(row, put_u64(p, listener->syn_peak));
	p = row_cell(row, put_u64(p, listener->accepted));
	p = row_cell(row, put_longest(p, listener));
	p = row_cell(row, put_u64_or_dash(p, listen->drops ? listener->overflows : UNKNOWN));
	p = row_cell(row, put_u64_or_dash(p, listen->drops ? listener->drops : UNKNOWN));
	p = put_process_ref(p, ep->owner);
	if (listener_over(listener))
		p = put_text(p, " (closed)");
	row_cell(row, p);
}

/* Tables after the first show their time. */
static void put_heading(struct listen *listen, uint64_t time)
{
	const struct options *options = &listen->arguments.session.options;
	struct out *out = &listen->session->out;
	char *p = out_room(out);

	if (options->no_header || options->quiet)
		return;
	if (listen->printed) {
		*p++ = '\n';
		p = put_clock(p, &listen->clock, time + listen->session->source->realtime);
		p = put_text(p, ", since ");
		p = put_duration(p, time - listen->session->start);
		*p++ = '\n';
	}
	p = columns_put_titles(p, &listen->columns);
	*p++ = '\n';
	out_done(out, p);
}

static bool shown(const struct listen *listen, const struct listener *listener)
{
	return session_wants(listen->session, &listener->ep);
}

static void print_table(struct listen *listen, uint64_t time)
{
	const struct listeners *listeners = &listen->listeners;
	struct row row;
	size_t i;

	for (i = 0; i < listeners->count; i++) {
		if (!shown(listen, listeners->all[i]))
			continue;
		fill(&row, listen, listeners->all[i]);
		columns_widen(&listen->columns, &row);
	}
	put_heading(listen, time);
	for (i = 0; i < listeners->count; i++) {
		char *p = out_room(&listen->session->out);

		if (!shown(listen, listeners->all[i]))
			continue;
		fill(&row, listen, listeners->all[i]);
		p = columns_put(p, &listen->columns, &row);
		*p++ = '\n';
		out_done(&listen->session->out, p);
	}
}

static void print(struct listen *listen, uint64_t time)
{
	size_t i;

	listeners_look(&listen->listeners, listen->session->model, time);
	if (!listen->arguments.session.options.json)
		print_table(listen, time);
	for (i = 0; i < listen->listeners.count && listen->arguments.session.options.json; i++)
		if (shown(listen, listen->listeners.all[i]))
			json_listener(&listen->session->out, listen->listeners.all[i], listen->drops, time);
	listen->printed = true;
}

/* ---- the view ---- */

static int begin(void *arg, struct session *session)
{
	struct listen *listen = arg;

	listen->session = session;
	listen->drops = source_tells_losses(session->source, TCPTRACE_L_QUEUE);
	columns_init(&listen->columns, table, sizeof(table) / sizeof(table[0]));
	return 0;
}

static void snapshot(void *arg, const struct tcptrace_record *record)
{
	struct listen *listen = arg;

	listeners_snapshot(&listen->listeners, record);
}

static void on_socket(void *arg, const struct endpoint *ep)
{
	struct listen *listen = arg;

	listeners_owner(&listen->listeners, ep);
}

static void bootstrapped(void *arg)
{
	struct listen *listen = arg;

	listen->session->stop_requested = listen->arguments.once;
}

static void step(void *arg, const struct step *step)
{
	struct listen *listen = arg;

	listeners_step(&listen->listeners, step);
}

/* The beginning of a recording shows nothing that its end does not. */
static uint64_t tick(void *arg, uint64_t time)
{
	struct listen *listen = arg;

	if (listen->session->source->live || listen->printed || time - listen->session->start)
		print(listen, time);
	return listen->arguments.interval ? time + listen->arguments.interval : UINT64_MAX;
}

static void end(void *arg, uint64_t time)
{
	struct listen *listen = arg;
	const struct session_arguments *arguments = &listen->arguments.session;

	if (!listen->arguments.once || !listen->printed)
		print(listen, time);
	listeners_say_forgotten(&listen->listeners);
	if (listen->session->source->types < RECORD_TYPES_WITH_LOSS && !arguments->options.json &&
	    !arguments->options.quiet)
		out_write(&listen->session->out, NO_DROPS, sizeof(NO_DROPS) - 1);
}

static const struct session_view view = {
	.summary = print_summary,
	.level = TCPTRACE_L_QUEUE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.begin = begin,
	.snapshot = snapshot,
	.socket = on_socket,
	.bootstrapped = bootstrapped,
	.step = step,
	.tick = tick,
	.end = end,
};

static int run(int argc, char *argv[])
{
	/* The process of a listener is the first question. */
	struct listen listen = { .arguments.session.processes = true };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &listen.arguments);
	status = session_run(&listen.arguments.session, &view, &listen);
	listeners_free(&listen.listeners);
	return status;
}

const struct command cmd_listen = {
	.name = "listen",
	.summary = "each listener: its queues, their peaks, waits for accept()",
	.run = run,
};
