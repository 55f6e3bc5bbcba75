/* SPDX-License-Identifier: GPL-2.0-only */
/* From a source into the model, what commands that follow records have in common. */
#ifndef TCPTRACE_FOLLOW_H
#define TCPTRACE_FOLLOW_H

#include "seed.h"
#include "source.h"

/*
 * Takes the snapshot and what came meanwhile, until the model is in the state that was when it began. Then
 * come seed_next() and seed_replay(). Returns 0 or -errno.
 */
int follow_begin(struct source *source, struct seed *seed);

/*
 * Keeps a model and shows nothing: from a snapshot until CLOCK_MONOTONIC `deadline`, a signal, or, of a
 * recording, its end. *last: the time up to which the model knows. Returns 0 or -errno.
 */
int follow_quietly(struct source *source, struct model *model, uint64_t deadline, uint64_t *last);

uint64_t follow_now(void);

#endif
