/* SPDX-License-Identifier: GPL-2.0-only */
/* Cookies on kernels where a tracing program cannot assign them (before 5.12). */
#ifndef TCPTRACE_BPF_COOKIES_H
#define TCPTRACE_BPF_COOKIES_H

#include "source/bpf/shared.h"
#include "tcptrace.skel.h"

/* From now on each new socket and each request gets one. 0 or -errno. */
int cookies_attach(struct tcptrace_bpf *skeleton);

/* Assigns one to each TCP socket of this network namespace: for netns_each(). 0 or -errno. */
int cookies_make(void *unused);

#endif
