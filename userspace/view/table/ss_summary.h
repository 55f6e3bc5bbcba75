/* SPDX-License-Identifier: GPL-2.0-only */
/* ss -s: how many sockets there are. */
#ifndef TCPTRACE_SS_SUMMARY_H
#define TCPTRACE_SS_SUMMARY_H

#include "base/out.h"
#include "source/source.h"

/* Of this host, as the kernel counts them for the network namespace. Returns 0 or -errno. */
int ss_summary_kernel(struct out *out);

/* Of a source: as many TCP sockets as its snapshot has. Returns 0 or what source_snapshot() returned. */
int ss_summary_source(struct source *source, struct out *out);

#endif
