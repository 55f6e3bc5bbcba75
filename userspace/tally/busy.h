/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoints of a model sorted by activity: each update compares with the previous one. */
#ifndef TCPTRACE_BUSY_H
#define TCPTRACE_BUSY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* The sort keys: the letter that selects one, the word for --sort, and its title. */
#define BUSY_SORTS(X)						\
	X(RATE,		't', "rate",	"bytes in and out")	\
	X(IN,		'i', "in",	"bytes in")		\
	X(OUT,		'o', "out",	"bytes out")		\
	X(RECVQ,	'r', "recvq",	"Recv-Q")		\
	X(SENDQ,	's', "sendq",	"Send-Q")		\
	X(DELAY,	'd', "delay",	"read delay")		\
	X(RETRANS,	'x', "retrans",	"retransmissions")

#define BUSY_ENUM(name, key, word, text)	BUSY_##name,
enum busy_sort { BUSY_SORTS(BUSY_ENUM) };

/* -1: none. */
int busy_sort_of_key(int key);
int busy_sort_of_word(const char *word);
const char *busy_sort_name(enum busy_sort sort);

struct busy_row {
	const struct endpoint *ep;	/* valid until the model changes */
	uint64_t in, out;	/* bytes per second, UNKNOWN: it did not exist at the previous update */
	uint64_t delay;		/* how long bytes wait to be read, UNKNOWN: none did, or it is not known */
	uint64_t key;		/* the sort key */
};

/* An endpoint as of the previous update. */
struct busy_endpoint {
	uint64_t cookie;
	uint64_t bytes_in, bytes_out;
	uint64_t in, out;		/* as in struct busy_row */
};

struct busy {
	struct busy_row *rows;		/* the busiest first */
	size_t count, room;
	struct busy_endpoint *endpoints;		/* by place in the model */
	size_t endpoint_room;
	uint64_t time;			/* of the previous update, 0: none yet */
};

typedef bool (*busy_match)(const struct endpoint *ep, void *arg);

/* `count` in `ns` as a rate per second; neither is 0. Never UNKNOWN. */
uint64_t busy_rate(uint64_t count, uint64_t ns);

/* Updates the rates, at `time`. Returns 0 or -ENOMEM. */
int busy_look(struct busy *busy, const struct model *model, uint64_t time);
/* The endpoints that `match` as they are now, with the rates of the last update, sorted. Returns 0 or -ENOMEM. */
int busy_choose(struct busy *busy, const struct model *model, busy_match match, void *arg, enum busy_sort sort,
		bool reverse);
void busy_free(struct busy *busy);

#endif
