/* SPDX-License-Identifier: GPL-2.0-only */
/* ss -s: the number of sockets. */
#ifndef TCPTRACE_SS_SUMMARY_H
#define TCPTRACE_SS_SUMMARY_H

#include "base/out.h"
#include "source/source.h"

/* From the kernel's own counters of the network namespace. Returns 0 or -errno. */
int ss_summary_kernel(struct out *out);

/* From a source: the number of TCP sockets in its snapshot. Returns 0 or what source_snapshot() returned. */
int ss_summary_source(struct source *source, struct out *out);

#endif
