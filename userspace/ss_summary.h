/* SPDX-License-Identifier: GPL-2.0-only */
/* ss -s: how many sockets there are. */
#ifndef TCPTRACE_SS_SUMMARY_H
#define TCPTRACE_SS_SUMMARY_H

#include "out.h"
#include "source.h"

/*
 * Of this host, as the kernel counts them for the network namespace; of a recording, as many TCP sockets
 * as its snapshot has. Returns 0 or -errno; the reason is in source->error.
 */
int ss_summary(struct source *source, struct out *out);

#endif
