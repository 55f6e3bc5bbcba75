/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of every command that reads a source and prints: what is left to be said, and the exit status. */
#ifndef TCPTRACE_CONCLUDE_H
#define TCPTRACE_CONCLUDE_H

#include <stdbool.h>

#include "base/out.h"
#include "source/source.h"

/*
 * Once all is printed: reads the rest of a recording for its damages, says what went wrong, and closes the output.
 * `error`: -errno, or 0; above 0: nobody wanted more. `lossy`: that records were lost is to be the status.
 */
int conclude(struct source *source, struct out *out, int error, bool lossy);

#endif
