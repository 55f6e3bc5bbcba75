// SPDX-License-Identifier: GPL-2.0-only
/* life: one line for each connection that has ended. */
#include <unistd.h>

#include "base/columns.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "model/verdict.h"
#include "record/device.h"
#include "record/record.h"
#include "session/session.h"
#include "view/json/json.h"
#include "view/print_summary.h"
#include "view/text/timeline.h"

#define ENDPOINT_WIDTH	15	/* "127.0.0.1:45678" */

struct life {
	struct session_arguments arguments;
	struct session *session;
	struct columns columns;
	struct put_clock clock;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	(void)text;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp argp = {
	.parser = parse,
	.doc = "Shows one line for each connection when it has ended or is only in TIME_WAIT, until Ctrl-C."
	       "\vREQS counts requests: how often data in one direction was answered in the other. A connection with "
	       "more than one request is long, otherwise it is short. This needs level queue, which is the default "
	       "if a filter is given. A loopback connection has two endpoints, and so two lines.",
	.children = session_children,
};

/* ---- a line ---- */

/* The rank says what is hidden on a narrow terminal: not who, how long, how much and why. */
static const struct column table[] = {
	{ .title = "TIME", .width = PUT_CLOCK_WIDTH, .rank = 2 },
	{ .title = "DURATION", .right = true },
	{ .title = "HANDSHAKE", .right = true, .rank = 3 },
	{ .title = "LOCAL", .width = ENDPOINT_WIDTH },
	{ .title = "" , .width = 1 },
	{ .title = "PEER", .width = ENDPOINT_WIDTH },
	{ .title = "IN", .right = true, .width = 6 },
	{ .title = "OUT", .right = true, .width = 6 },
	{ .title = "REQS", .right = true, .rank = 1 },
	{ .title = "KIND", .width = 5, .rank = 1 },
	{ .title = "RETR", .right = true, .rank = 4 },
	{ .title = "VERDICT", .width = 19 },
	{ .title = "PROCESS" },
};

static char *put_lasted(char *p, const struct verdict *verdict)
{
	if (verdict->whole)
		return put_duration(p, verdict->duration);
	*p++ = '>';
	return put_duration(p, verdict->seen);
}

static char *put_out(char *p, const struct verdict *verdict)
{
	if (verdict->syn_unknown)
		*p++ = '~';
	return put_u64_or_dash(p, verdict->bytes_out);
}

/* "reset by remote, unread" */
static char *put_verdict(char *p, const struct verdict *verdict)
{
	const char *side = verdict_side(verdict->closed_by);
	const char *why = verdict_why(verdict->why);

	p = put_string(p, verdict_how(verdict->how));
	if (side && verdict->closed_by != SIDE_BOTH) {
		p = put_text(p, " by ");
		p = put_string(p, side);
	}
	if (!why && verdict->how == HOW_RESET)
		why = verdict_reset_reason(verdict->reset_reason);
	if (why) {
		p = put_text(p, ", ");
		p = put_string(p, why);
	}
	return p;
}

static void fill(struct row *row, struct life *life, const struct endpoint *ep)
{
	struct verdict verdict;
	const char *kind;
	char *p = row_begin(row);

	verdict_of(ep, &verdict);
	kind = verdict_lasting(verdict.lasting);
	p = row_cell(row, put_clock(p, &life->clock, ep->since + life->session->source->realtime));
	p = row_cell(row, put_lasted(p, &verdict));
	p = row_cell(row, put_duration_or_dash(p, verdict.handshake));
	p = row_cell(row, put_local(p, zone_at(ep->zone), ep->family, ep->saddr, ep->sport));
	*p = ep->flags & EP_ACTIVE ? '>' : ep->flags & EP_PASSIVE ? '<' : '-';
	p = row_cell(row, p + 1);
	p = row_cell(row, record_put_endpoint(p, ep->family, ep->daddr, ep->dport));
	p = row_cell(row, put_u64_or_dash(p, verdict.bytes_in));
	p = row_cell(row, put_out(p, &verdict));
	p = row_cell(row, put_u64_or_dash(p, verdict.requests));
	p = row_cell(row, put_string(p, kind ? kind : "-"));
	p = row_cell(row, put_u64(p, verdict.retransmits));
	p = row_cell(row, put_verdict(p, &verdict));
	p = put_process_ref(p, ep->owner);
	row_cell(row, p);
}

/* ---- the view ---- */

static void put_titles(struct life *life)
{
	char *p = columns_put_titles(out_room(&life->session->out), &life->columns);

	*p++ = '\n';
	out_done(&life->session->out, p);
}

static int begin(void *arg, struct session *session)
{
	struct life *life = arg;
	const struct options *options = &life->arguments.options;
	struct term term;

	life->session = session;
	term_init(&term, STDOUT_FILENO);
	columns_init(&life->columns, table, sizeof(table) / sizeof(table[0]));
	columns_fit(&life->columns, term.width, 0);
	if (!options->json && !options->no_header && !options->quiet)
		put_titles(life);
	return 0;
}

static void verdict(void *arg, const struct endpoint *ep)
{
	struct life *life = arg;
	struct out *out = &life->session->out;
	struct row row;
	char *p;

	if (life->arguments.options.json) {
		json_verdict(out, ep, model_peer(life->session->model, ep));
		return;
	}
	fill(&row, life, ep);
	columns_widen(&life->columns, &row);
	p = columns_put(out_room(out), &life->columns, &row);
	*p++ = '\n';
	out_done(out, p);
}

static const struct session_view view = {
	.summary = print_summary,
	.level = TCPTRACE_L_LIFE,
	.level_filtered = TCPTRACE_L_QUEUE,
	.begin = begin,
	.verdict = verdict,
};

static int run(int argc, char *argv[])
{
	struct life life = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &life.arguments);
	return session_run(&life.arguments, &view, &life);
}

const struct command cmd_life = {
	.name = "life",
	.summary = "one line for each connection that has ended",
	.run = run,
};
