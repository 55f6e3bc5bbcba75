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
 * What most lines of an endpoint have in common, formatted once. One entry for each recent endpoint, by cookie; if two
 * share an entry, each formats it again.
 */
#define TIMELINE_KNOWN_BITS	9

struct timeline_known {
	uint64_t cookie;	/* 0: empty */
	uint32_t layout;	/* widths and role with which `endpoints` was formatted */
	uint32_t pid;
	char comm[TCPTRACE_COMM_LEN];	/* of which `process` was formatted */
	uint8_t endpoints_length, process_length;
	char process[32];	/* "client/1001"; its length is 0 if it does not fit */
	char endpoints[192];		/* "127.0.0.1:45678 > 127.0.0.1:9090 ", with its colour */
};

struct timeline {
	struct out *out;
	struct term term;
	int64_t realtime;	/* added to a record's time gives the wall clock, ns */
	bool absolute;		/* sequence numbers as on the wire */
	bool segments;		/* level segment: each segment has a row of its own */
	bool narrow;		/* a terminal on which a line does not fit */
	struct put_clock clock;
	unsigned int local_width, peer_width;	/* grow with the widest so far */
	struct timeline_known known[1 << TIMELINE_KNOWN_BITS];
	struct {
		uint8_t length;		/* 0: not formatted yet */
		char text[31];		/* "recv SYN,ACK" */
	} flags[2][256];
	char changes[TCPTRACE_STATE_MAX + 1][TCPTRACE_STATE_MAX + 1][TIMELINE_CHANGE + 1];
};

void timeline_init(struct timeline *timeline, struct out *out, const struct term *term,
		   int64_t realtime, bool absolute);

/* An existing socket, preceded by the heading of their table. */
void timeline_socket_header(struct timeline *timeline);
void timeline_socket(struct timeline *timeline, const struct endpoint *ep);

void timeline_header(struct timeline *timeline);
void timeline_step(struct timeline *timeline, const struct step *step);
void timeline_verdict(struct timeline *timeline, const struct endpoint *ep, const struct endpoint *peer);

/* timeline_explain.c: what the step means, in plain words, below its line. */
void timeline_explain(struct timeline *timeline, const struct step *step);

/* A LOST record: records are missing here. */
void timeline_hole(struct timeline *timeline, const struct tcptrace_record *record);
/* The last line. */
void timeline_summary(struct out *out, const struct summary *summary);

#endif
