/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of every command that reads a source and prints: the last messages, and the exit status. */
#ifndef TCPTRACE_CONCLUDE_H
#define TCPTRACE_CONCLUDE_H

#include <stdbool.h>

#include "base/out.h"
#include "source/source.h"

/*
 * After everything was printed: reads the rest of a recording to check it for damages, reports errors, and closes the
 * output. `error`: -errno or 0; positive: the output was not needed any more. `lossy`: lost records determine the
 * status.
 */
int conclude(struct source *source, struct out *out, int error, bool lossy);

#endif
