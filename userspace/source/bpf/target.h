/* SPDX-License-Identifier: GPL-2.0-only */
/* Which function of the kernel a program is attached to by a trampoline. */
#ifndef TCPTRACE_BPF_TARGET_H
#define TCPTRACE_BPF_TARGET_H

#include <bpf/libbpf.h>

/* Before an object is opened. Returns 0 or -errno. */
int targets_begin(void);

/* Before it is loaded; one that kernel_has(). */
void target_set(const struct bpf_program *program, const char *function);

#endif
