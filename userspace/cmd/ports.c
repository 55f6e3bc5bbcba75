// SPDX-License-Identifier: GPL-2.0-only
/* ports: how many more connections this host can make, and to which destinations. */
#include <err.h>
#include <stdio.h>

#include "base/columns.h"
#include "base/safe_text.h"
#include "cmd/cmd.h"
#include "host/netns.h"
#include "record/device.h"
#include "record/record.h"
#include "session/session.h"
#include "tally/ports.h"
#include "view/json/json_tables.h"
#include "view/print_summary.h"

#define ADDRESS_WIDTH	9	/* "127.0.0.1" */

enum { KEY_RANGE = 0x200 };

struct arguments {
	struct session_arguments session;
	struct port_settings range;	/* `low` is 0 if not given */
};

struct view {
	struct arguments arguments;
	struct session *session;
	struct ports ports;
	struct columns columns;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->session;
		return 0;
	case KEY_RANGE:
		if (!port_settings_parse(&arguments->range, text))
			argp_failure(state, EXIT_USAGE, 0, "--range=%s: not a range of ports, such as 32768-60999", safe_string(text));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "range", KEY_RANGE, "LOW-HIGH", 0,
	  "The range that connect() chooses from, instead of net.ipv4.ip_local_port_range; a recording does not "
	  "contain it", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Shows how many more connections this host can make to each destination, and exits: the ports that "
	       "connect() may choose, the ports in use for each source, destination and port, and those left."
	       "\vLEFT includes ports in TIME_WAIT that can be reused (REUSABLE). FILTER selects lines; "
	       "listeners always count.",
	.children = session_children,
};

/* ---- counting ---- */

static void settings(struct port_settings *settings, uint32_t netns, void *arg)
{
	const struct view *view = arg;
	const struct port_settings *range = &view->arguments.range;

	if (view->session->source->live) {
		port_settings_read(settings, netns);
	} else {
		*settings = (struct port_settings){
			.why = "a recording does not contain its host's settings; give the range with --range=LOW-HIGH",
		};
	}
	if (range->low) {
		settings->low = range->low;
		settings->high = range->high;
	}
}

static bool match(const struct endpoint *ep, void *arg)
{
	const struct view *view = arg;

	return session_wants(view->session, ep);
}

/* ---- text ---- */

static const struct column table[] = {
	{ .title = "SOURCE", .width = ADDRESS_WIDTH },
	{ .title = "DESTINATION", .width = ADDRESS_WIDTH + 6 },
	{ .title = "IN-USE", .right = true },
	{ .title = "TIME_WAIT", .right = true },
	{ .title = "SHARE", .right = true },
	{ .title = "REUSABLE", .right = true },
	{ .title = "LEFT", .right = true, .width = 6 },
};

static char *put_share(char *p, uint32_t part, uint32_t whole)
{
	p = put_u64(p, whole ? (part * 100ull + whole / 2) / whole : 0);
	*p++ = '%';
	return p;
}

static void fill(struct row *row, const struct port_space *space, const struct port_use *use)
{
	const struct port_settings *settings = &space->settings;
	char *p = row_begin(row);

	p = row_cell(row, put_local_address(p, &use->zone, use->family, use->saddr));
	p = row_cell(row, record_put_endpoint(p, use->family, use->daddr, use->dport));
	p = row_cell(row, put_u64(p, use->in_use));
	p = row_cell(row, put_u64(p, use->timewait));
	p = row_cell(row, put_share(p, use->timewait, use->in_use));
	p = row_cell(row, put_u64_or_dash(p, settings->known ? use->reusable : UNKNOWN));
	row_cell(row, put_u64_or_dash(p, settings->low ? port_use_left(space, use) : UNKNOWN));
}

/* The row for all unused destinations. */
static void fill_other(struct row *row, const struct port_space *space)
{
	char *p = row_begin(row);

	p = row_cell(row, put_text(p, "any"));
	p = row_cell(row, put_text(p, "any other"));
	p = row_cell(row, put_text(p, "0"));
	p = row_cell(row, put_text(p, "0"));
	p = row_cell(row, put_text(p, "0%"));
	p = row_cell(row, put_text(p, "0"));
	row_cell(row, put_u64(p, port_space_free(space)));
}

static void put_row(struct view *view, const struct row *row)
{
	char *p = columns_put(out_room(&view->session->out), &view->columns, row);

	*p++ = '\n';
	out_done(&view->session->out, p);
}

static const char *reuse(const struct port_settings *settings)
{
	if (!settings->tw_reuse)
		return "ports in TIME_WAIT are not reused";
	if (!settings->timestamps)
		return "ports in TIME_WAIT are not reused: that needs tcp_timestamps";
	return settings->tw_reuse == 1 ?
	       "ports in TIME_WAIT are reused after one second if the peer uses timestamps" :
	       "ports in TIME_WAIT are reused after one second, on loopback only";
}

static void put_space(struct view *view, const struct port_space *space)
{
	const struct port_settings *settings = &space->settings;
	char text[512];
	int size;

	size = snprintf(text, sizeof(text), "netns %u: ", space->netns);
	if (settings->low)
		size += snprintf(text + size, sizeof(text) - size,
				 "ports %u-%u, %u in all, %u reserved, %u held by bind()\n", settings->low,
				 settings->high, space->range, space->reserved_count, space->held_count);
	if (settings->known)
		size += snprintf(text + size, sizeof(text) - size, "  tcp_tw_reuse=%d tcp_timestamps=%d: %s\n",
				 settings->tw_reuse, settings->timestamps, reuse(settings));
	else
		size += snprintf(text + size, sizeof(text) - size, "%s-: %s\n", settings->low ? "  " : "",
				 settings->why);
	out_write(&view->session->out, text, size);
}

/* With its uses, from the first one on. Returns where those of the next one start. */
static size_t print_space(struct view *view, const struct port_space *space, size_t first)
{
	const struct options *options = &view->arguments.session.options;
	struct ports *ports = &view->ports;
	struct row row;
	size_t i;

	if (!options->no_header && !options->quiet) {
		char *p;

		put_space(view, space);
		p = columns_put_titles(out_room(&view->session->out), &view->columns);
		*p++ = '\n';
		out_done(&view->session->out, p);
	}
	for (i = first; i < ports->use_count && ports->uses[i]->zone.netns == space->netns; i++) {
		fill(&row, space, ports->uses[i]);
		put_row(view, &row);
	}
	if (!space->settings.low)
		return i;
	fill_other(&row, space);
	put_row(view, &row);
	return i;
}

static void print_text(struct view *view)
{
	struct ports *ports = &view->ports;
	struct row row;
	size_t i, use = 0;

	for (i = 0; i < ports->use_count; i++) {
		fill(&row, ports_space(ports, ports->uses[i]->zone.netns), ports->uses[i]);
		columns_widen(&view->columns, &row);
	}
	for (i = 0; i < ports->space_count; i++)
		use = print_space(view, &ports->spaces[i], use);
}

static void print_json(struct view *view, uint64_t time)
{
	const struct ports *ports = &view->ports;
	size_t i;

	for (i = 0; i < ports->use_count; i++)
		json_ports(&view->session->out, ports_space(ports, ports->uses[i]->zone.netns), ports->uses[i], time);
	for (i = 0; i < ports->space_count; i++)
		json_ports(&view->session->out, &ports->spaces[i], NULL, time);
}

/* ---- the view ---- */

static int begin(void *arg, struct session *session)
{
	struct view *view = arg;

	view->session = session;
	columns_init(&view->columns, table, sizeof(table) / sizeof(table[0]));
	return 0;
}

/* The current state; for a recording, the state at its end. */
static void bootstrapped(void *arg)
{
	struct view *view = arg;

	view->session->stop_requested = view->session->source->live;
}

static void end(void *arg, uint64_t time)
{
	struct view *view = arg;
	int error = 0;

	if (view->session->source->live)
		error = ports_add(&view->ports, netns_own());
	if (!error)
		error = ports_count(&view->ports, view->session->model, settings, match, view);
	if (error)
		warnx("out of memory: the table is incomplete");
	if (view->arguments.session.options.json)
		print_json(view, time);
	else
		print_text(view);
}

static const struct session_view session_view = {
	.summary = print_summary,
	.level = TCPTRACE_L_OFF,
	.level_filtered = TCPTRACE_L_OFF,
	.all = true,
	.begin = begin,
	.bootstrapped = bootstrapped,
	.end = end,
};

static int run(int argc, char *argv[])
{
	struct view view = { 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &view.arguments);
	status = session_run(&view.arguments.session, &session_view, &view);
	ports_free(&view.ports);
	return status;
}

const struct command cmd_ports = {
	.name = "ports",
	.summary = "how many more connections this host can make to each peer",
	.run = run,
};
