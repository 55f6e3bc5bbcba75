/* SPDX-License-Identifier: GPL-2.0-only */
/* Cookies on kernels where a tracing program may not make them (before 5.12). */
#ifndef TCPTRACE_BPF_COOKIES_H
#define TCPTRACE_BPF_COOKIES_H

#include "source/bpf/shared.h"
#include "tcptrace.skel.h"

/* From now on each new socket gets one, and each request. 0 or -errno. */
int cookies_attach(struct tcptrace_bpf *skeleton);

/* Each TCP socket of this network namespace gets one: for netns_each(). 0 or -errno. */
int cookies_make(void *unused);

#endif
