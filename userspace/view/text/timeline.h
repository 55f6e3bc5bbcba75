/* SPDX-License-Identifier: GPL-2.0-only */
/* The model as text: sockets as a table, steps as a timeline, verdicts. */
#ifndef TCPTRACE_TIMELINE_H
#define TCPTRACE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "base/safe_text.h"
#include "base/term.h"
#include "model/model.h"
#include "model/verdict.h"
#include "session/summary.h"

#define TIMELINE_CHANGE	25	/* "ESTABLISHED -> CLOSE_WAIT" */

/*
 * What most lines of an endpoint have in common, made once. A place for each of the last endpoints, by cookie: two that
 * share one make each other's text anew.
 */
#define TIMELINE_KNOWN_BITS	9

struct timeline_known {
	uint64_t cookie;	/* 0: nothing */
	uint32_t layout;	/* widths and role that `endpoints` was made with */
	uint32_t pid;
	char comm[TCPTRACE_COMM_LEN];	/* that `process` was made of */
	uint8_t endpoints_length, process_length;
	char process[32];	/* "client/1001"; its length is 0 where there is no room for it */
	char endpoints[128];		/* "127.0.0.1:45678 > 127.0.0.1:9090 ", with its colour */
};

struct timeline {
	struct out *out;
	struct term term;
	int64_t realtime;	/* what makes a record's time the wall clock's, ns */
	bool absolute;		/* sequence numbers as on the wire */
	bool narrow;		/* a terminal on which a line would not fit */
	struct put_clock clock;
	unsigned int local_width, peer_width;	/* grow with the widest that came */
	struct timeline_known known[1 << TIMELINE_KNOWN_BITS];
	struct {
		uint8_t length;		/* 0: not made yet */
		char text[31];		/* "recv SYN,ACK" */
	} flags[2][256];
	char changes[TCPTRACE_STATE_MAX + 1][TCPTRACE_STATE_MAX + 1][TIMELINE_CHANGE + 1];
};

void timeline_init(struct timeline *timeline, struct out *out, const struct term *term,
		   int64_t realtime, bool absolute);

/* One socket that is there, and the heading of the table of these. */
void timeline_socket_header(struct timeline *timeline);
void timeline_socket(struct timeline *timeline, const struct endpoint *ep);

void timeline_header(struct timeline *timeline);
void timeline_step(struct timeline *timeline, const struct step *step);
void timeline_verdict(struct timeline *timeline, const struct endpoint *ep, const struct endpoint *peer);

/* Below its line: what the step means, in plain words. timeline_explain.c */
void timeline_explain(struct timeline *timeline, const struct step *step);

/* A LOST record: here the timeline has a hole. */
void timeline_hole(struct timeline *timeline, const struct tcptrace_record *record);
/* The last line. */
void timeline_summary(struct out *out, const struct summary *summary);

#endif
