/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often endpoints changed from one state to another, and how long they stayed, in constant memory. A duration is
 * counted in a bucket, of which each power of two has several, so a quantile is exact to 3 %.
 */
#ifndef TCPTRACE_TRANSITIONS_H
#define TCPTRACE_TRANSITIONS_H

#include <stdint.h>

#include "model/model.h"

#define STAY_PARTS_BITS	4
#define STAY_PARTS	((64 - STAY_PARTS_BITS + 1) << STAY_PARTS_BITS)

struct transitions {
	uint64_t taken[TCPTRACE_STATE_MAX + 1][TCPTRACE_STATE_MAX + 1];	/* from, to */
	uint64_t stays[TCPTRACE_STATE_MAX + 1][STAY_PARTS];
	uint64_t stayed[TCPTRACE_STATE_MAX + 1];	/* number of `stays` */
	uint64_t now[TCPTRACE_STATE_MAX + 1];		/* endpoints in each state */
};

void transitions_step(struct transitions *transitions, const struct step *step);
/* Counts the endpoints in each state. */
void transitions_now(struct transitions *transitions, const struct model *model);

/* The duration in ns below which `percent` of the stays in a state were; UNKNOWN: nobody has left it. */
uint64_t transitions_stay(const struct transitions *transitions, unsigned int state, unsigned int percent);

#endif
