/* SPDX-License-Identifier: GPL-2.0-only */
/* When a command that follows events stops by itself: --duration and --count. */
#ifndef TCPTRACE_STOP_H
#define TCPTRACE_STOP_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "source/source.h"

struct stop {
	unsigned long long duration;	/* ns, 0: until Ctrl-C */
	unsigned long long count;	/* 0: any number */
	uint64_t deadline;		/* CLOCK_MONOTONIC, 0: none */
};

/* --duration, and --count of events; the input of each is a struct stop. */
extern const struct argp stop_argp;
extern const struct argp stop_count_argp;

/* Starts the time: now, or with a recording's first event. */
void stop_begin(struct stop *stop, const struct source *source);
/* Stops after what has happened by now. */
void stop_here(struct stop *stop);

static inline bool stop_over(const struct stop *stop, uint64_t time)
{
	return stop->deadline && time >= stop->deadline;
}

/* For an idle source: true if the time is over and no event from before that will follow. */
static inline bool stop_reached(const struct stop *stop, const struct source *source)
{
	return stop->deadline && source_complete_until(source) >= stop->deadline;
}

/* True if a record of that time is the first one too late. */
static inline bool stop_too_late(struct stop *stop, const struct source *source, uint64_t time)
{
	if (stop->duration && !stop->deadline && !source->live)
		stop->deadline = time + stop->duration;
	return stop_over(stop, time);
}

/* The time to wait until a deadline, in ms, at most `most` unless that is negative. */
int stop_until(uint64_t time, uint64_t deadline, int most);
/* The same until the time is over, and then until stop_reached() may be true. */
int stop_timeout(const struct stop *stop, uint64_t time, int most);

#endif
