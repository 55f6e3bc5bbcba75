/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading and attaching the BPF programs. */
#ifndef TCPTRACE_BPF_LOAD_H
#define TCPTRACE_BPF_LOAD_H

#include "source/bpf/shared.h"
#include "source/source.h"
#include "tcptrace.skel.h"

/* BTF trampolines (fentry, fexit), or kprobes on kernels without these; kprobes are slower. */
enum attaching { BY_TRAMPOLINE, BY_KPROBE };

/*
 * Loads what `request` needs, without attaching it. Returns 0 and *skeleton, to be destroyed with
 * tcptrace_bpf__destroy(); or -errno, and the reason in `error`.
 */
int load_programs(const struct source_request *request, enum attaching how, struct tcptrace_bpf **skeleton,
		  char *error, size_t error_size);

/* Attaches the loaded probes. 0, or -errno and the reason in `error`. */
int attach_probes(struct tcptrace_bpf *skeleton, char *error, size_t error_size);

/* Hits for which no program ran because one was already running on their CPU, as far as this kernel counts them. */
uint64_t probes_missed(struct tcptrace_bpf *skeleton);

#endif
