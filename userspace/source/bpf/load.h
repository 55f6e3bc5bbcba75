/* SPDX-License-Identifier: GPL-2.0-only */
/* Putting the BPF programs into the kernel, and attaching them. */
#ifndef TCPTRACE_BPF_LOAD_H
#define TCPTRACE_BPF_LOAD_H

#include "source/bpf/shared.h"
#include "source/source.h"
#include "tcptrace.skel.h"

/* BTF trampolines (fentry, fexit), or where the kernel has none of these kprobes, which cost more. */
enum attaching { BY_TRAMPOLINE, BY_KPROBE };

/*
 * Loads what `request` needs, attached to nothing yet. Returns 0 and *skeleton, to be destroyed with
 * tcptrace_bpf__destroy(); or -errno, and in `error` what is in the way.
 */
int load_programs(const struct source_request *request, enum attaching how, struct tcptrace_bpf **skeleton,
		  char *error, size_t error_size);

/* Attaches the probes that were loaded. 0, or -errno and the reason in `error`. */
int attach_probes(struct tcptrace_bpf *skeleton, char *error, size_t error_size);

/* Hits for which no program ran, because one was running on their CPU already: as far as this kernel tells. */
uint64_t probes_missed(struct tcptrace_bpf *skeleton);

#endif
