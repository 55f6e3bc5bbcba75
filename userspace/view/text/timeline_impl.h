/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the timeline share; not for other folders:
 *
 *   timeline.c		lines: their columns, sockets, losses
 *   timeline_what.c	what happened in a step: the segment, the call, the data
 *   timeline_segment.c	what is remarkable about a segment
 *   timeline_loss.c	retransmissions, refusals, probes
 *   timeline_verdict.c	what there is to say when an endpoint has ended
 *   timeline_explain.c	a step in plain words
 *
 * Each timeline_put_*() appends to p and returns where the line continues.
 */
#ifndef TCPTRACE_TIMELINE_IMPL_H
#define TCPTRACE_TIMELINE_IMPL_H

#include "view/text/timeline.h"

#define TIMELINE_SINCE	8	/* "+12.3us" and a blank */

static inline char *timeline_put_time(char *p, struct timeline *timeline, uint64_t time)
{
	p = put_clock(p, &timeline->clock, time + timeline->realtime);
	*p++ = ' ';
	return p;
}

/* '>' it connected, '<' the peer connected to it. */
static inline char timeline_role(uint32_t flags)
{
	return flags & EP_ACTIVE ? '>' : flags & EP_PASSIVE ? '<' : '-';
}

/*
 * Breaks the line from `line` to `end` if it is too long for the terminal: before `what` (NULL: no preferred place),
 * then between words. Returns the new end.
 */
char *timeline_fit_long(const struct timeline *timeline, char *line, const char *what, char *end);

static inline char *timeline_fit(const struct timeline *timeline, char *line, const char *what, char *end)
{
	return timeline->narrow ? timeline_fit_long(timeline, line, what, end) : end;
}

/* timeline.c: both endpoints as in the columns of a step */
char *timeline_put_endpoints(char *p, struct timeline *timeline, const struct endpoint *ep);

/* timeline_what.c */
char *timeline_put_what(char *p, struct timeline *timeline, const struct step *step);
/* A sequence number of this endpoint (`out`) or of its peer; "?" if the initial one was not seen. */
char *timeline_put_number(char *p, const struct timeline *timeline, const struct step *step, bool out,
			  uint32_t number);

/* timeline_segment.c: what is remarkable about a segment, besides its header */
char *timeline_put_segment(char *p, const struct timeline *timeline, const struct step *step);

/* timeline_loss.c: retransmissions and their reasons, what a listener refused, probes */
char *timeline_put_retransmit(char *p, const struct timeline *timeline, const struct step *step);
char *timeline_put_drop(char *p, const struct timeline *timeline, const struct step *step);
char *timeline_put_probe(char *p, const struct tcptrace_record *record);
/* "SYN queue 3, accept queue 2/1": a listener's, at that time */
char *timeline_put_queues(char *p, const struct tcptrace_listen *listen);

#endif
