/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel function that a program is attached to by a trampoline. */
#ifndef TCPTRACE_BPF_TARGET_H
#define TCPTRACE_BPF_TARGET_H

#include <bpf/libbpf.h>

/* To be called before an object is opened. Returns 0 or -errno. */
int targets_begin(void);

/* To be called before it is loaded; kernel_has() must be true for the function. */
void target_set(const struct bpf_program *program, const char *function);

#endif
