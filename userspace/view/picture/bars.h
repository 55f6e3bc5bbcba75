/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sliding window of a connection as bars over the sequence numbers of one direction:
 *
 *	sent      ████▓▓▓▒▒▒░░░│····	acknowledged, sent, written and waiting, may be sent | may not
 *	received  ███████▒▒▒▒░░│····	read, received and not read, free |
 *
 * The scale is a page whose size is a power of two, at least twice the largest window so far. As data is transferred,
 * the window moves to the right; when it has reached the middle, the page is moved by half its size.
 */
#ifndef TCPTRACE_BARS_H
#define TCPTRACE_BARS_H

#include "base/canvas.h"
#include "model/model.h"

/* One direction: the counters of its sender and its receiver, each only if that endpoint is on this host. */
struct bars {
	bool has_sender, has_receiver;
	/* Sequence numbers relative to the initial one, as far as that is known. */
	uint32_t una, nxt, write, edge;		/* oldest unacked, next, end of written data, of the window */
	uint32_t copied, rcv, rcv_edge;		/* next to be read, next expected, end of the window */
};

/* `sender`, `receiver`: NULL if not on this host. False: there are no queues to show. */
bool bars_of(struct bars *bars, const struct endpoint *sender, const struct endpoint *receiver);

/* The size of the largest window, for the scale. */
uint32_t bars_window(const struct bars *bars);

/* Each starts at column x and has that many columns. `window`: the largest so far. */
void bars_sender(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window);
void bars_receiver(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window);

/* The legend, from column x of line y on; takes two lines. */
void bars_legend(struct canvas *canvas, int x, int y);

#endif
