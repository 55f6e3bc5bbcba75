/* SPDX-License-Identifier: GPL-2.0-only */
/* The snapshot by the socket iterator. It walks one network namespace, so each is entered in turn. */
#ifndef TCPTRACE_BPF_SOCKETS_H
#define TCPTRACE_BPF_SOCKETS_H

#include <bpf/libbpf.h>

#include "source/source.h"

/*
 * Passes each record of the program `snapshot` to `each`, until that returns non-zero, and returns it; or -errno.
 * Invalid records are counted in *unknown.
 */
int sockets_each(const struct bpf_program *snapshot, source_each each, void *arg, uint64_t *unknown);

#endif
