/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether this kernel allows BPF to read its memory. */
#ifndef TCPTRACE_BPF_ALLOWED_H
#define TCPTRACE_BPF_ALLOWED_H

#include <stdbool.h>

/* The kernel's type information, if it has any. */
#define BTF_FILE	"/sys/kernel/btf/vmlinux"

/* True if the kernel is locked down for confidentiality; false also if that is unknown. */
bool bpf_locked_out(void);

#endif
