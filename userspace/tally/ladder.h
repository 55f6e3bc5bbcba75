/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections as ladders: each segment is one message between two endpoints, put together from what the records of
 * either endpoint say of it. Messages come from records of type SEGMENT where there are such; else from the changes
 * that a segment caused, or that sent one (inferred_segment.h).
 *
 *   ladder.c		which ladder a step belongs to, and what its messages say
 *   ladder_messages.c	which message a record belongs to
 *   ladder_text.c	for terminals
 *   ladder_svg.c	as a picture
 *   json_ladder.c	as objects
 */
#ifndef TCPTRACE_LADDER_H
#define TCPTRACE_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "model/inferred_segment.h"
#include "model/model.h"

/* The two sides: who connected is on the left, as far as that is known. */
enum { LADDER_LEFT, LADDER_RIGHT, LADDER_SIDES };

/* What kind of record has told of a segment, at one endpoint. */
enum {
	MESSAGE_CHANGE	= 1 << 0,	/* what it caused */
	MESSAGE_SEGMENT	= 1 << 1,	/* itself */
};

#define MESSAGE_STATES	2	/* that one endpoint may enter by one segment: FIN_WAIT2 and TIME_WAIT */

struct message {
	uint64_t at[LADDER_SIDES];	/* when it was there; 0: not seen */
	uint64_t stamp;			/* of its record at the receiving endpoint, see struct tcptrace_record */
	struct inferred_segment segment;	/* absolute numbers; of an arrow */
	uint8_t from;			/* the side that sent it, or where `note` was done */
	uint8_t seen[LADDER_SIDES];	/* MESSAGE_ */
	uint8_t states[LADDER_SIDES][MESSAGE_STATES];	/* entered by it, 0: none */
	bool arrow;			/* else something that happened at one endpoint */
	bool retransmission;		/* sent before */
	char note[46];
};

/* An endpoint on this host. */
struct ladder_endpoint {
	uint64_t cookie;	/* 0: not on this host, or not yet */
	struct ladder *ladder;
};

struct ladder {
	struct ladder *next, **link;		/* created later; what points here */
	struct ladder_endpoint endpoint[LADDER_SIDES];
	uint8_t address[LADDER_SIDES][TCPTRACE_ADDR_LEN];
	uint16_t port[LADDER_SIDES];
	uint32_t netns;
	uint8_t family;
	struct process owner[LADDER_SIDES];

	uint8_t first[LADDER_SIDES];		/* state before the first message, 0: not known */
	uint8_t state[LADDER_SIDES];
	uint32_t initial[LADDER_SIDES];		/* sequence number, */
	bool has_initial[LADDER_SIDES];		/* where it is known */
	uint32_t sent[LADDER_SIDES];		/* up to here, */
	bool has_sent[LADDER_SIDES];
	bool over[LADDER_SIDES], judged[LADDER_SIDES];
	bool segments;				/* there are records of type SEGMENT */
	bool lossy;				/* records were lost */

	bool has_verdict, has_closer, said;	/* by ladder_say_verdict() */
	uint8_t how;				/* enum how */
	uint8_t why;				/* of a reset, these three as of struct verdict */
	uint16_t reset_reason;
	uint32_t unread;
	bool closer[LADDER_SIDES];
	uint32_t held[LADDER_SIDES];		/* TIME_WAIT, ms */

	uint64_t start;				/* time of the first message */
	uint64_t drawn;				/* messages that are gone */
	struct message *messages;
	uint32_t count;
	size_t room;
};

struct ladders {
	struct ladder *first, **last;
	struct map endpoints;		/* struct ladder_endpoint, by cookie */
	uint64_t messages;			/* held, of all */
	uint64_t dropped;		/* there was no memory for them */
};

void ladders_init(struct ladders *ladders);
void ladders_exit(struct ladders *ladders);

/* Returns the ladder that has changed; NULL: none has. */
struct ladder *ladders_step(struct ladders *ladders, const struct step *step);
struct ladder *ladders_verdict(struct ladders *ladders, const struct endpoint *ep);
void ladders_remove(struct ladders *ladders, struct ladder *ladder);

/* How many messages, from the first one on, will not change any more, it being `time`. */
uint32_t ladder_settled(const struct ladder *ladder, uint64_t time);
/* Forgets so many. */
void ladder_forget(struct ladders *ladders, struct ladder *ladder, uint32_t count);
/* Forgets all behind the first `count`. */
void ladder_cut(struct ladders *ladders, struct ladder *ladder, uint32_t count);
/* Both endpoints, as far as they are on this host, are over. */
bool ladder_over(const struct ladder *ladder);
/* True once: the verdict of each of them is there, all messages are drawn and forgotten, and now it is to be said. */
bool ladder_say_verdict(struct ladder *ladder);

/* When the message was first seen. */
uint64_t message_time(const struct message *message);
/* The states of both endpoints behind it, where it entered any. */
void message_states(const struct message *message, uint8_t states[LADDER_SIDES]);
/* It left and did not arrive, although the other endpoint is here and its segments are seen. */
bool message_lost(const struct ladder *ladder, const struct message *message);
/* A sequence number of one side, relative to its initial one; negative before that. False where that is not known. */
bool ladder_relative(const struct ladder *ladder, unsigned int side, uint32_t number, int64_t *relative);

/* "PSH,ACK seq=1 len=5 ack=1 win=512": as many parts as fit into `columns`. NUL-terminated. */
#define MESSAGE_LABEL	160
void message_label(const struct ladder *ladder, const struct message *message, bool absolute, unsigned int columns,
		   char label[MESSAGE_LABEL]);
/* "127.0.0.1:9090", "nc/149" or empty; both NUL-terminated. */
#define LADDER_NAME	96
void ladder_name(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME]);
void ladder_process(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME]);
/* "four-way close, begun by 127.0.0.1:47226; TIME_WAIT is held on the left for 60 s"; empty where it is not over. */
void ladder_verdict(const struct ladder *ladder, char text[MESSAGE_LABEL]);

/* ladder_messages.c: what one step adds. `side` is where it was. Returns whether anything did. */
bool ladder_add(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step);

/* What happens at one place, in order of time: messages are drawn by these. */
struct moment {
	uint64_t time;
	const struct message *message;
	uint8_t side;		/* where it is seen */
	bool leaves, arrives;	/* of an arrow: both where nothing lies between */
};

/* Of the first `count` messages, at most two of each; `split`: always two where both endpoints saw it. Returns how many. */
uint32_t ladder_moments(const struct ladder *ladder, uint32_t count, bool split, struct moment *moments);

#endif
