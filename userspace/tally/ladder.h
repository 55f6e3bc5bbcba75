/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections as ladders: each segment is one message between two endpoints, assembled from the records of both.
 * Messages come from records of type SEGMENT if there are any; otherwise from the changes that a segment caused or that
 * sent one (inferred_segment.h).
 *
 *   ladder.c		which ladder a step belongs to, and what its messages say
 *   ladder_messages.c	which message a record belongs to
 *   ladder_text.c		for terminals
 *   ladder_svg.c		as a picture
 *   json_ladder.c		as objects
 */
#ifndef TCPTRACE_LADDER_H
#define TCPTRACE_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "model/inferred_segment.h"
#include "model/model.h"
#include "record/device.h"

/* The two sides: the one that connected is on the left, if that is known. */
enum { LADDER_LEFT, LADDER_RIGHT, LADDER_SIDES };

/* The kinds of records that report a segment, at one endpoint. */
enum {
	MESSAGE_CHANGE	= 1 << 0,	/* a change that it caused */
	MESSAGE_SEGMENT	= 1 << 1,	/* itself */
};

#define MESSAGE_STATES	2	/* that one endpoint may enter by one segment: FIN_WAIT2 and TIME_WAIT */

struct message {
	uint64_t at[LADDER_SIDES];	/* when it was seen there; 0: not seen */
	uint64_t stamp;			/* of its record at the receiving endpoint, see struct tcptrace_record */
	struct inferred_segment segment;	/* absolute numbers; of an arrow */
	uint8_t from;			/* the side that sent it, or where `note` happened */
	uint8_t seen[LADDER_SIDES];	/* MESSAGE_ */
	uint8_t states[LADDER_SIDES][MESSAGE_STATES];	/* entered because of it, 0: none */
	bool arrow;			/* a segment; otherwise something that happened at one endpoint */
	bool retransmission;		/* it was sent before */
	char note[46];
};

/* An endpoint on this host. */
struct ladder_endpoint {
	uint64_t cookie;	/* 0: not on this host, or not yet */
	struct ladder *ladder;
};

struct ladder {
	struct ladder *next, **link;		/* created later; the pointer to this one */
	struct ladder_endpoint endpoint[LADDER_SIDES];
	uint8_t address[LADDER_SIDES][TCPTRACE_ADDR_LEN];
	uint16_t port[LADDER_SIDES];
	struct zone zone[LADDER_SIDES];		/* of an endpoint on this host; all 0: not on this host, or not yet */
	uint8_t family;
	struct process owner[LADDER_SIDES];

	uint8_t first[LADDER_SIDES];		/* state before the first message, 0: not known */
	uint8_t state[LADDER_SIDES];
	uint32_t initial[LADDER_SIDES];		/* sequence number */
	bool has_initial[LADDER_SIDES];		/* if it is known */
	uint32_t sent[LADDER_SIDES];		/* up to this sequence number */
	bool has_sent[LADDER_SIDES];
	bool over[LADDER_SIDES], judged[LADDER_SIDES];
	bool segments;				/* there are records of type SEGMENT */
	bool lossy;				/* records were lost */
	bool final;				/* no more records will come: ladders_end() */

	bool has_verdict, has_closer, said;	/* set by ladder_say_verdict() */
	uint8_t how;				/* enum how */
	uint8_t why;				/* of a reset; these three as in struct verdict */
	uint16_t reset_reason;
	uint32_t unread;
	bool closer[LADDER_SIDES];
	uint32_t held[LADDER_SIDES];		/* TIME_WAIT, ms */

	uint64_t start;				/* time of the first message */
	uint64_t drawn;				/* number of messages that were removed */
	struct message *messages;
	uint32_t count;
	size_t room;
};

struct ladders {
	struct ladder *first, **last;
	struct map endpoints;		/* struct ladder_endpoint, by cookie */
	uint64_t messages;			/* of all ladders */
	uint64_t dropped;		/* for want of memory */
};

void ladders_init(struct ladders *ladders);
void ladders_exit(struct ladders *ladders);

/* Returns the ladder that has changed; NULL: none. */
struct ladder *ladders_step(struct ladders *ladders, const struct step *step);
struct ladder *ladders_verdict(struct ladders *ladders, const struct endpoint *ep);
void ladders_remove(struct ladders *ladders, struct ladder *ladder);

/* No more records will come: verdicts are told even where the other endpoint has none. */
void ladders_end(struct ladders *ladders);

/* How many messages, from the first one on, are final at `time`. */
uint32_t ladder_settled(const struct ladder *ladder, uint64_t time);
/* Removes the first `count` messages. */
void ladder_forget(struct ladders *ladders, struct ladder *ladder, uint32_t count);
/* Removes all messages after the first `count`. */
void ladder_cut(struct ladders *ladders, struct ladder *ladder, uint32_t count);
/* All of its endpoints on this host have ended. */
bool ladder_over(const struct ladder *ladder);
/* True once: all verdicts are known, all messages were drawn and removed, and the verdict is to be printed. */
bool ladder_say_verdict(struct ladder *ladder);

/* When the message was first seen. */
uint64_t message_time(const struct message *message);
/* The states of both endpoints after it, if it changed them. */
void message_states(const struct message *message, uint8_t states[LADDER_SIDES]);
/* It was sent and not received, although the other endpoint is on this host and its segments are seen. */
bool message_lost(const struct ladder *ladder, const struct message *message);
/*
 * Both endpoints are on this host, but only this one saw it: the sender, and it is not known whether it arrived; or the
 * receiver, and the other endpoint did not send it. A segment's sender is seen at level segment only, that of a RST
 * always.
 */
bool message_half(const struct ladder *ladder, const struct message *message, unsigned int side);
/* A sequence number of one side, relative to its initial one; negative before that. False if that is unknown. */
bool ladder_relative(const struct ladder *ladder, unsigned int side, uint32_t number, int64_t *relative);

/* "PSH,ACK seq=1 len=5 ack=1 win=512": as many parts as fit into `columns`. NUL-terminated. */
#define MESSAGE_LABEL	160
void message_label(const struct ladder *ladder, const struct message *message, bool absolute, unsigned int columns,
		   char label[MESSAGE_LABEL]);
/* "127.0.0.1:9090", "nc/149" or empty; both NUL-terminated. */
#define LADDER_NAME	(LOCAL_TEXT_MAX + 1)
void ladder_name(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME]);
void ladder_process(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME]);
/* "four-way close, begun by 127.0.0.1:47226; TIME_WAIT is held on the left for 60 s"; empty if it has not ended. */
void ladder_verdict(const struct ladder *ladder, char text[MESSAGE_LABEL]);

/* ladder_messages.c: adds what one step shows. `side` is where it happened. Returns whether anything was added. */
bool ladder_add(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step);

/* An event at one place, in order of time: messages are drawn from these. */
struct moment {
	uint64_t time;
	const struct message *message;
	uint8_t side;		/* where it is seen */
	bool leaves, arrives;	/* of an arrow; both are true if nothing happens in between */
};

/* For the first `count` messages, at most two each; `split`: always two if both endpoints saw it. Returns how many. */
uint32_t ladder_moments(const struct ladder *ladder, uint32_t count, bool split, struct moment *moments);

#endif
