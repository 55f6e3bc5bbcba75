/* SPDX-License-Identifier: GPL-2.0-only */
/* A model that is kept for a while and shows nothing: of what a table of now tells the history. */
#ifndef TCPTRACE_HISTORY_H
#define TCPTRACE_HISTORY_H

#include <stdint.h>

#include "model.h"
#include "source.h"

/*
 * From a snapshot until CLOCK_MONOTONIC `deadline`, a signal, or, of a recording, its end. *last: the time up to
 * which the model knows. Returns 0 or -errno.
 */
int history_keep(struct source *source, struct model *model, uint64_t deadline, uint64_t *last);

#endif
