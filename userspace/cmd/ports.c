// SPDX-License-Identifier: GPL-2.0-only
/* ports: how many more connections this host can make to each peer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cmd.h"
#include "json.h"
#include "listing.h"
#include "ports.h"
#include "record.h"
#include "table.h"

enum { KEY_RANGE = 0x200 };

struct arguments {
	struct options options;
	struct ports_range range;
	bool given;		/* the range was */
	char **words;
	int word_count;
};

struct view {
	struct arguments arguments;
	struct listing listing;
	struct ports *ports;
};

static void parse_range(struct argp_state *state, struct ports_range *range, const char *text)
{
	unsigned int lowest, highest;
	char end;

	if (sscanf(text, "%u-%u%c", &lowest, &highest, &end) != 2 || !lowest || lowest > highest || highest > UINT16_MAX)
		argp_failure(state, EXIT_USAGE, 0, "--range=%s: not two ports, as in 32768-60999", text);
	range->lowest = lowest;
	range->highest = highest;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->options;
		return 0;
	case KEY_RANGE:
		parse_range(state, &arguments->range, text);
		arguments->given = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->words = state->argv + state->next;
		arguments->word_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "range", KEY_RANGE, "LOWEST-HIGHEST", 0,
	  "The ports that the kernel chooses from, in place of what net.ipv4.ip_local_port_range says (of a "
	  "recording: 32768-60999)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &options_view_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.doc = "Shows, for each peer that this host has connected to, how many ports of the ephemeral range that takes, "
	       "how many of these are in TIME_WAIT, and how many more connections to it there can be."
	       "\vFILTER is a port, or an expression as ss has it: 'dst 10.0.0.1:443'.",
	.children = children,
};

/* ---- text ---- */

static const struct table_column columns[] = {
	{ "SOURCE", false, false },
	{ "  DESTINATION", false, false },
	{ "  IN USE", false, true },
	{ "  TIME_WAIT", false, true },
	{ "  LEFT", false, true },
	{ "  REUSABLE", false, true },
};

#define COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static char *put_cell_number(struct table *table, unsigned int column, char *cell, uint32_t number)
{
	return table_cell(table, column, cell, put_u64(put_text(table_text(cell), "  "), number));
}

static void show_peer(const struct view *view, struct table *table, const struct ports_peer *peer)
{
	const struct ports_range *range = &view->arguments.range;
	char *p = table_row(table, 0);

	p = table_cell(table, 0, p, record_put_address(table_text(p), peer->family, peer->saddr));
	p = table_cell(table, 1, p, record_put_endpoint(put_text(table_text(p), "  "), peer->family, peer->daddr, peer->dport));
	p = put_cell_number(table, 2, p, peer->used);
	p = put_cell_number(table, 3, p, peer->timewait);
	p = put_cell_number(table, 4, p, ports_left(range, peer));
	p = range->known ? put_cell_number(table, 5, p, ports_reusable(range, peer)) :
			   table_cell(table, 5, p, put_text(table_text(p), "  -"));
	table_row_done(table, 0, p);
}

/* Why that many are left. */
static void show_range(struct view *view)
{
	const struct ports_range *range = &view->arguments.range;
	static const char *const reuse[] = { "never", "always", "over the loopback only" };
	char text[256];
	int length;

	length = snprintf(text, sizeof(text), "-- ports %u to %u: %u, %u of them reserved", range->lowest, range->highest,
			  range->highest - range->lowest + 1, range->reserved);
	if (range->known)
		length += snprintf(text + length, sizeof(text) - length, "; TIME_WAIT is reused after 1 s: %s",
				   !range->timestamps ? "never, tcp_timestamps is 0" : range->reuse < 3 ? reuse[range->reuse] : "?");
	text[length++] = '\n';
	out_write(&view->listing.out, text, length);
}

static int show_text(struct view *view)
{
	const struct ports_peer *peers;
	uint32_t count = ports_peers(view->ports, &peers), i;
	struct table table;

	table_init(&table, columns, COLUMNS, 0, &view->listing.out);
	if (!view->arguments.options.no_header && !view->arguments.options.quiet)
		table_headings(&table);
	for (i = 0; i < count; i++)
		show_peer(view, &table, &peers[i]);
	table_flush(&table, 0);
	table_exit(&table);
	if (!view->arguments.options.quiet)
		show_range(view);
	return table.error;
}

static int show_json(struct view *view)
{
	const struct ports_peer *peers;
	uint32_t count = ports_peers(view->ports, &peers), i;

	for (i = 0; i < count; i++)
		json_ports(&view->listing.out, &view->arguments.range, &peers[i]);
	return 0;
}

/* ---- what there is ---- */

static int on_socket(const struct tcptrace_record *record, void *arg)
{
	struct view *view = arg;
	int error = 0;

	/* Listeners say whose port it is, whatever the filter. */
	if (record_listens(record) ? !view->listing.netns || record->netns == view->listing.netns :
				     listing_shows(&view->listing, record))
		error = ports_add(view->ports, record);
	return error || !listing_over(&view->listing) ? error : -EINTR;
}

static int show(struct view *view)
{
	int error = listing_open(&view->listing, TCPTRACE_L_OFF);

	if (error)
		return error;
	view->ports = ports_new(&view->arguments.range);
	error = view->ports ? source_snapshot(view->listing.source, on_socket, view) : -ENOMEM;
	if (error)
		return error;
	return view->arguments.options.json ? show_json(view) : show_text(view);
}

static int run(int argc, char *argv[])
{
	/* Too large for some stacks, with its buffer; and there is one only. */
	static struct view view = { .arguments.range = { .lowest = 32768, .highest = 60999 } };
	struct ports_range range = { 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &view.arguments);
	view.listing.options = &view.arguments.options;
	status = listing_parse(&view.listing, view.arguments.word_count, view.arguments.words);
	if (status)
		return status;
	if (listing_begin(&view.listing, NULL))
		return EXIT_FAILURE;
	if (!view.arguments.given && source_is_module(view.arguments.options.source)) {
		ports_range_read(&range);
		if (range.known)
			view.arguments.range = range;
	}
	status = listing_close(&view.listing, show(&view));
	ports_free(view.ports);
	return status;
}

const struct command cmd_ports = {
	.name = "ports",
	.summary = "how many more connections this host can make to each peer",
	.run = run,
};
