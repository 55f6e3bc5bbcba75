// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/screen.h"
#include "filter/filter.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "view/table/top.h"
#include "view/text/timeline.h"

/* In the order of the cells in fill(); the rank says which are hidden first if there is no room. */
enum {
	C_LOCAL, C_PEER, C_STATE, C_RECVQ, C_RECVQ_PEAK, C_SENDQ, C_SENDQ_PEAK, C_IN, C_OUT, C_DELAY, C_RCV_WND,
	C_SND_WND, C_RETRANS, C_PROCESS
};

static const struct column table[] = {
	[C_LOCAL] = { .title = "LOCAL", .width = 15 },
	[C_PEER] = { .title = "PEER", .width = 15, .rank = 1 },
	[C_STATE] = { .title = "STATE", .width = 11, .rank = 5 },
	[C_RECVQ] = { .title = "Recv-Q", .width = 7, .right = true, .rank = 2 },
	[C_RECVQ_PEAK] = { .title = "PEAK", .width = 7, .right = true, .rank = 8 },
	[C_SENDQ] = { .title = "Send-Q", .width = 7, .right = true, .rank = 2 },
	[C_SENDQ_PEAK] = { .title = "PEAK", .width = 7, .right = true, .rank = 8 },
	[C_IN] = { .title = "IN/s", .width = 5, .right = true, .rank = 3 },
	[C_OUT] = { .title = "OUT/s", .width = 5, .right = true, .rank = 3 },
	[C_DELAY] = { .title = "DELAY", .width = 7, .right = true, .rank = 6 },
	[C_RCV_WND] = { .title = "RCV-WND", .width = 7, .right = true, .rank = 9 },
	[C_SND_WND] = { .title = "SND-WND", .width = 7, .right = true, .rank = 9 },
	[C_RETRANS] = { .title = "RETR", .width = 4, .right = true, .rank = 7 },
	[C_PROCESS] = { .title = "PROCESS", .rank = 4 },
};

/* By enum busy_sort: the column of the sort key is never hidden. */
static const uint8_t sort_column[] = {
	[BUSY_RATE] = C_IN, [BUSY_IN] = C_IN, [BUSY_OUT] = C_OUT, [BUSY_RECVQ] = C_RECVQ, [BUSY_SENDQ] = C_SENDQ,
	[BUSY_DELAY] = C_DELAY, [BUSY_RETRANS] = C_RETRANS,
};

void top_init(struct top *top, struct session *session, enum busy_sort sort)
{
	top->session = session;
	top->sort = sort;
	top->rate = UNKNOWN;
	columns_init(&top->columns, table, sizeof(table) / sizeof(table[0]));
}

void top_free(struct top *top)
{
	busy_free(&top->busy);
	filter_free(top->filter);
}

static bool match(const struct endpoint *ep, void *arg)
{
	const struct top *top = arg;

	return session_wants_state(top->session, ep->state) &&
	       (!top->filter || session_fits(top->session, top->filter, ep));
}

int top_look(struct top *top, uint64_t time)
{
	uint64_t last = top->busy.time;
	int error = busy_look(&top->busy, top->session->model, time);

	top->rate = last && time > last ? busy_rate(top->changes, time - last) : UNKNOWN;
	top->changes = 0;
	return error;
}

/* Without memory for all rows, those that fit. */
size_t top_choose(struct top *top, size_t rows)
{
	busy_choose(&top->busy, top->session->model, match, top, top->sort, top->reverse);
	return rows < top->busy.count ? rows : top->busy.count;
}

/* ---- lines ---- */

static char *put_short_or_dash(char *p, uint64_t value)
{
	return value == UNKNOWN ? put_u64_or_dash(p, value) : put_short(p, value);
}

static char *put_window(char *p, const struct endpoint *ep, uint32_t window)
{
	bool has = ep->kind == TCPTRACE_K_FULL && ep->state != TCPTRACE_S_LISTEN;

	return put_u64_or_dash(p, has ? window : UNKNOWN);
}

static void fill(struct row *row, const struct busy_row *busy)
{
	const struct endpoint *ep = busy->ep;
	char *p = row_begin(row);

	p = row_cell(row, put_local(p, zone_at(ep->zone), ep->family, ep->saddr, ep->sport));
	p = row_cell(row, ep->state == TCPTRACE_S_LISTEN ? put_text(p, "*") :
		     record_put_endpoint(p, ep->family, ep->daddr, ep->dport));
	p = row_cell(row, put_string(p, state_name(ep->state)));
	p = row_cell(row, put_u64(p, endpoint_recvq(ep)));
	p = row_cell(row, put_u64(p, ep->recvq_peak));
	p = row_cell(row, put_u64(p, endpoint_sendq(ep)));
	p = row_cell(row, put_u64(p, ep->sendq_peak));
	p = row_cell(row, put_short_or_dash(p, busy->in));
	p = row_cell(row, put_short_or_dash(p, busy->out));
	p = row_cell(row, put_duration_or_dash(p, busy->delay));
	p = row_cell(row, put_window(p, ep, ep->rcv_wnd));
	p = row_cell(row, put_window(p, ep, ep->snd_wnd));
	p = row_cell(row, put_u64(p, ep->retransmits));
	p = put_process_ref(p, ep->owner);
	row_cell(row, p);
}

/* "09:02:38.189344  40000 sockets, 812 changes/s, by Recv-Q" */
static char *put_summary(char *p, struct top *top)
{
	struct tcptrace_lost lost;

	source_losses(top->session->source, &lost);
	p = put_clock(p, &top->clock, top->busy.time + top->session->source->realtime);
	/* Seconds are precise enough. */
	p -= 7;
	p = put_text(p, "  ");
	p = put_count(p, top->busy.count, "socket");
	p = put_text(p, ", ");
	p = put_short_or_dash(p, top->rate);
	p = put_text(p, " changes/s, ");
	if (lost.overwritten + lost.nested) {
		p = put_u64(p, lost.overwritten + lost.nested);
		p = put_text(p, " LOST, ");
	}
	if (lost.missed) {
		p = put_u64(p, lost.missed);
		p = put_text(p, " MISSED, ");
	}
	p = put_text(p, "by ");
	p = put_string(p, busy_sort_name(top->sort));
	if (top->reverse)
		p = put_text(p, ", least first");
	if (top->paused)
		p = put_text(p, ", PAUSED");
	if (top->over)
		p = put_text(p, ", end of the recording");
	return p;
}

static void widen(struct top *top, size_t rows)
{
	struct row row;
	size_t i;

	for (i = 0; i < rows; i++) {
		fill(&row, &top->busy.rows[i]);
		columns_widen(&top->columns, &row);
	}
}

void top_print(struct top *top, struct out *out, size_t rows, bool heading)
{
	struct row row;
	size_t i;
	char *p;

	widen(top, rows);
	if (heading) {
		p = put_summary(out_room(out), top);
		*p++ = '\n';
		p = columns_put_titles(p, &top->columns);
		*p++ = '\n';
		out_done(out, p);
	}
	for (i = 0; i < rows; i++) {
		fill(&row, &top->busy.rows[i]);
		p = columns_put(out_room(out), &top->columns, &row);
		*p++ = '\n';
		out_done(out, p);
	}
}

/* ---- the screen ---- */

/* The longest variant that fits. */
static const char *keys(int width)
{
	static const char *const texts[] = {
		("q quit  / filter  space pause  sort: t rate  i in  o out  r Recv-Q  s Send-Q  d delay  x retr  "
		 "R reverse"),
		"q quit  / filter  space pause  sort: tio bytes  r Recv-Q  s Send-Q  d  x  R",
		"q quit / filter  sort: tio rs d x R",
		"q / tio rs d x R",
		"q",
	};
	size_t i;

	for (i = 0; i + 1 < sizeof(texts) / sizeof(texts[0]); i++)
		if (strlen(texts[i]) <= (size_t)width)
			break;
	return texts[i];
}

static void draw_footer(const struct top *top)
{
	char line[512];
	const char *text = keys(screen_columns());

	if (top->typing) {
		snprintf(line, sizeof(line), "filter: %.*s_", (int)top->length, top->text);
		text = line;
	} else if (top->error[0]) {
		text = top->error;
	}
	screen_line(screen_lines() - 1, text, strlen(text), SCREEN_REVERSE);
}

void top_draw(struct top *top)
{
	int room = screen_lines() - 3, i;
	size_t rows = top_choose(top, room < 0 ? 0 : room);
	char line[OUT_LINE], *p;
	struct row row;

	widen(top, rows);
	columns_fit(&top->columns, screen_columns(), sort_column[top->sort]);
	screen_erase();
	p = put_summary(line, top);
	screen_line(0, line, p - line, SCREEN_PLAIN);
	p = columns_put_titles(line, &top->columns);
	screen_line(1, line, p - line, SCREEN_REVERSE);
	for (i = 0; i < (int)rows; i++) {
		fill(&row, &top->busy.rows[i]);
		p = columns_put(line, &top->columns, &row);
		screen_line(2 + i, line, p - line, SCREEN_PLAIN);
	}
	draw_footer(top);
	screen_show();
}

/* ---- keys ---- */

/* The typed text becomes the filter; an empty text: none. */
static void take_filter(struct top *top)
{
	char *words[] = { top->text };
	struct filter *filter = NULL;

	top->text[top->length] = '\0';
	if (top->length && filter_parse(1, words, 0, &filter, top->error, sizeof(top->error)))
		return;
	filter_free(top->filter);
	top->filter = filter;
}

static void type(struct top *top, int key)
{
	switch (key) {
	case SCREEN_ENTER:
		top->typing = false;
		take_filter(top);
		break;
	case SCREEN_ESCAPE:
		top->typing = false;
		break;
	case SCREEN_BACKSPACE:
		top->length -= top->length > 0;
		break;
	default:
		if (key >= ' ' && key < 127 && top->length + 1 < sizeof(top->text))
			top->text[top->length++] = key;
	}
}

bool top_key(struct top *top, int key)
{
	int sort;

	top->error[0] = '\0';
	if (top->typing) {
		type(top, key);
	} else if (key == 'q') {
		return false;
	} else if (key == '/') {
		top->typing = true;
		top->length = 0;
	} else if (key == ' ') {
		top->paused = !top->paused;
	} else if (key == 'R') {
		top->reverse = !top->reverse;
	} else {
		sort = busy_sort_of_key(key);
		if (sort >= 0)
			top->sort = sort;
	}
	return true;
}
