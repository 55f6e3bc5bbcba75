// SPDX-License-Identifier: GPL-2.0-only
#include "view/picture/bars.h"

#define DONE		"█"	/* acknowledged; read */
#define FLIGHT		"▓"
#define WAITS		"▒"	/* written; received */
#define FREE		"░"
#define EDGE		"│"
#define BEYOND		"·"

#define WINDOW_MOST	(1u << 30)	/* RFC 7323: 65535 << 14; a damaged recording may have more */

static bool has_queues(const struct endpoint *ep)
{
	return ep && ep->kind == TCPTRACE_K_FULL && ep->state != TCPTRACE_S_LISTEN &&
	       ep->state != TCPTRACE_S_CLOSE && ep->state != TCPTRACE_S_SYN_SENT;
}

bool bars_of(struct bars *bars, const struct endpoint *sender, const struct endpoint *receiver)
{
	uint32_t first = 0;

	*bars = (struct bars){ .has_sender = has_queues(sender), .has_receiver = has_queues(receiver) };
	if (bars->has_sender && sender->flags & EP_ISS)
		first = sender->iss;
	else if (bars->has_receiver && receiver->flags & EP_IRS)
		first = receiver->irs;
	if (bars->has_sender) {
		bars->una = sender->snd_una - first;
		bars->nxt = sender->snd_nxt - first;
		bars->write = sender->write_seq - first;
		bars->edge = bars->una + sender->snd_wnd;
	}
	if (bars->has_receiver) {
		bars->rcv = receiver->rcv_nxt - first;
		bars->copied = bars->rcv - endpoint_recvq(receiver);
		bars->rcv_edge = bars->rcv + receiver->rcv_wnd;
	}
	return bars->has_sender || bars->has_receiver;
}

uint32_t bars_window(const struct bars *bars)
{
	uint32_t sender = bars->edge - bars->una, receiver = bars->rcv_edge - bars->copied;

	if (bars->write - bars->una > sender)
		sender = bars->write - bars->una;
	if (receiver > sender)
		sender = receiver;
	return sender < WINDOW_MOST ? sender : WINDOW_MOST;
}

/* ---- drawing ---- */

struct scale {
	int x, width;
	uint32_t from;		/* the sequence number at x */
	uint64_t page;		/* bytes from there to the right edge */
};

static struct scale scale_of(const struct bars *bars, int x, int width, uint32_t window)
{
	uint32_t first = bars->has_sender ? bars->una : bars->copied;
	struct scale scale = { .x = x, .width = width, .page = 1024 };

	if (bars->has_sender && bars->has_receiver && (int32_t)(bars->copied - first) < 0)
		first = bars->copied;
	while (scale.page < 2ull * window)
		scale.page *= 2;
	scale.from = first - first % (uint32_t)(scale.page / 2);
	return scale;
}

static int column_of(const struct scale *scale, uint32_t number)
{
	int64_t behind = (int32_t)(number - scale->from);
	int64_t column = behind * scale->width / (int64_t)scale->page;

	if (column < 0)
		return scale->x;
	return scale->x + (column < scale->width ? column : scale->width);
}

/* Draws from *x to `number`: at least one column if there is anything, none if there is nothing. */
static void draw_part(struct canvas *canvas, const struct scale *scale, int *x, int y, uint32_t from, uint32_t number,
		      enum canvas_colour colour, const char *character)
{
	int end = column_of(scale, number), limit = scale->x + scale->width;

	if ((int32_t)(number - from) <= 0)
		return;
	if (end <= *x)
		end = *x + 1;
	if (end > limit)
		end = limit;
	canvas_fill(canvas, *x, end, y, colour, character);
	*x = end;
}

/* What lies beyond, and the edge of the window, which waiting data may exceed: at `x` or further right. */
static void draw_rest(struct canvas *canvas, const struct scale *scale, int x, int edge, int y)
{
	canvas_fill(canvas, x, scale->x + scale->width, y, CANVAS_DIM, BEYOND);
	if (edge < scale->x + scale->width)
		canvas_text(canvas, edge, y, CANVAS_BOLD, EDGE);
}

void bars_sender(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window)
{
	struct scale scale = scale_of(bars, x, width, window);
	bool waits = (int32_t)(bars->write - bars->nxt) > 0;
	int edge = column_of(&scale, bars->edge);

	if (!bars->has_sender)
		return;
	draw_part(canvas, &scale, &x, y, scale.from, bars->una, CANVAS_DIM, DONE);
	draw_part(canvas, &scale, &x, y, bars->una, bars->nxt, CANVAS_YELLOW, FLIGHT);
	if (edge < x)
		edge = x;
	draw_part(canvas, &scale, &x, y, bars->nxt, bars->write, CANVAS_MAGENTA, WAITS);
	draw_part(canvas, &scale, &x, y, waits ? bars->write : bars->nxt, bars->edge, CANVAS_GREEN, FREE);
	if ((int32_t)(bars->edge - bars->write) > 0)
		edge = x;
	draw_rest(canvas, &scale, x, edge, y);
}

void bars_receiver(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window)
{
	struct scale scale = scale_of(bars, x, width, window);

	if (!bars->has_receiver)
		return;
	draw_part(canvas, &scale, &x, y, scale.from, bars->copied, CANVAS_DIM, DONE);
	draw_part(canvas, &scale, &x, y, bars->copied, bars->rcv, CANVAS_BLUE, WAITS);
	draw_part(canvas, &scale, &x, y, bars->rcv, bars->rcv_edge, CANVAS_GREEN, FREE);
	draw_rest(canvas, &scale, x, x, y);
}

void bars_legend(struct canvas *canvas, int x, int y)
{
	static const struct {
		enum canvas_colour colour;
		const char *character, *word;
	} parts[2][5] = {
		{
			{ CANVAS_DIM, DONE, "acknowledged" }, { CANVAS_YELLOW, FLIGHT, "sent" },
			{ CANVAS_MAGENTA, WAITS, "waits to be sent" }, { CANVAS_GREEN, FREE, "may be sent" },
			{ CANVAS_BOLD, EDGE, "window edge" },
		}, {
			{ CANVAS_DIM, DONE, "read" }, { CANVAS_BLUE, WAITS, "received, not read" },
			{ CANVAS_GREEN, FREE, "free" }, { CANVAS_BOLD, EDGE, "window edge" },
		},
	};
	static const char *const names[] = { "sender:   ", "receiver: " };
	unsigned int line, i;

	for (line = 0; line < 2; line++) {
		int at = canvas_text(canvas, x, y + line, CANVAS_DIM, names[line]);

		for (i = 0; i < 5 && parts[line][i].word; i++) {
			at = canvas_text(canvas, at, y + line, parts[line][i].colour, parts[line][i].character);
			at = canvas_text(canvas, at + 1, y + line, CANVAS_PLAIN, parts[line][i].word) + 2;
		}
	}
}
