/* SPDX-License-Identifier: GPL-2.0-only */
/* Of the kernel's type information what the programs read. */
#ifndef TCPTRACE_BPF_SUBSET_H
#define TCPTRACE_BPF_SUBSET_H

#include <bpf/libbpf.h>

/*
 * A file in memory for the type information that libbpf is to relocate by (bpf_object_open_opts.btf_custom_path), empty
 * as yet. Its path is left in `path`, of SUBSET_PATH bytes. Returns a descriptor, or -errno.
 */
#define SUBSET_PATH	32
int subset_open(char *path);

/* Writes the types of `kernel` that have the name of one of the object's, and what these are made of. 0 or -errno. */
int subset_write(int fd, const struct bpf_object *object, const struct btf *kernel);

#endif
