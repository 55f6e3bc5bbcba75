/* SPDX-License-Identifier: GPL-2.0-only */
/* What of this kernel decides whether its memory can be read by BPF. */
#ifndef TCPTRACE_BPF_ALLOWED_H
#define TCPTRACE_BPF_ALLOWED_H

#include <stdbool.h>

/* The kernel's type information, where it has any. */
#define BTF_FILE	"/sys/kernel/btf/vmlinux"

/* Locked down for confidentiality: no. False too where that cannot be seen. */
bool bpf_locked_out(void);

#endif
