/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sliding window of a connection as bars over the sequence numbers of one direction:
 *
 *	sent      ████▓▓▓▒▒▒░░░│····	acknowledged, sent, written and waiting, may be sent | may not
 *	received  ███████▒▒▒▒░░│····	read, received and not read, free |
 *
 * The scale is a page of as many bytes as a power of two, at least twice the largest window so far. While
 * data goes, the window moves to the right; where it has reached the middle, the page is turned by half.
 */
#ifndef TCPTRACE_BARS_H
#define TCPTRACE_BARS_H

#include "base/canvas.h"
#include "model/model.h"

/* One direction: its sender's figures, its receiver's; each only where that endpoint is on this host. */
struct bars {
	bool has_sender, has_receiver;
	/* Sequence numbers from the connection's beginning, as far as that is known. */
	uint32_t una, nxt, write, edge;		/* oldest not acknowledged, next, end of what is written, of the window */
	uint32_t copied, rcv, rcv_edge;		/* next to be read, next expected, end of the window */
};

/* `sender`, `receiver`: NULL where it is not here. False: it has no queues to show. */
bool bars_of(struct bars *bars, const struct endpoint *sender, const struct endpoint *receiver);

/* The bytes of the largest window: for the scale. */
uint32_t bars_window(const struct bars *bars);

/* Each from column x on, so many columns wide. `window`: the largest so far. */
void bars_sender(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window);
void bars_receiver(struct canvas *canvas, int x, int width, int y, const struct bars *bars, uint32_t window);

/* What the characters mean, from column x of line y on; takes two lines. */
void bars_legend(struct canvas *canvas, int x, int y);

#endif
