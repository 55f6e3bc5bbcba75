/* SPDX-License-Identifier: GPL-2.0-only */
/* When a command that follows records ends by itself: --duration and --count. */
#ifndef TCPTRACE_STOP_H
#define TCPTRACE_STOP_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "source.h"

struct stop {
	unsigned long long duration;	/* ns, 0: until Ctrl-C */
	unsigned long long count;	/* 0: any number */
	uint64_t deadline;		/* CLOCK_MONOTONIC, 0: none */
};

/* Its input is a struct stop. */
extern const struct argp stop_argp;

/* CLOCK_MONOTONIC, as records have it. */
uint64_t stop_now(void);

/* Time begins: now, or with a recording's first event. */
void stop_begin(struct stop *stop, const struct source *source);
/* True where this record is the first one too late. */
bool stop_too_late(struct stop *stop, const struct source *source, uint64_t time);
/* Ends with what has happened by now. */
void stop_here(struct stop *stop);

static inline bool stop_over(const struct stop *stop, uint64_t time)
{
	return stop->deadline && time >= stop->deadline;
}

/* How long there is to wait, at most `most` ms where that is not below 0. */
int stop_timeout(const struct stop *stop, uint64_t time, int most);

#endif
