/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the kernel's type information that the programs need. */
#ifndef TCPTRACE_BPF_SUBSET_H
#define TCPTRACE_BPF_SUBSET_H

#include <bpf/libbpf.h>

/*
 * Creates an empty file in memory for the type information that libbpf relocates with
 * (bpf_object_open_opts.btf_custom_path). Its path is stored in `path`, of SUBSET_PATH bytes. Returns a descriptor, or
 * -errno.
 */
#define SUBSET_PATH	32
int subset_open(char *path);

/* Writes the types of `kernel` with the same names as the object's, and the types that they consist of. 0 or -errno. */
int subset_write(int fd, const struct bpf_object *object, const struct btf *kernel);

#endif
