/* SPDX-License-Identifier: GPL-2.0-only */
/* The snapshot through the iterator: it walks one network namespace, so each is entered in turn. */
#ifndef TCPTRACE_BPF_SOCKETS_H
#define TCPTRACE_BPF_SOCKETS_H

#include <bpf/libbpf.h>

#include "source/source.h"

/*
 * Hands each record that `snapshot` writes to `each`, until that is not 0, and returns it; or -errno. What is
 * no sound record is counted in *unknown.
 */
int sockets_each(const struct bpf_program *snapshot, source_each each, void *arg, uint64_t *unknown);

#endif
