/* SPDX-License-Identifier: GPL-2.0-only */
/* The sources that source_open() chooses from. Each sets *source and returns 0, or -errno and the reason in `error`. */
#ifndef TCPTRACE_SOURCE_OPEN_H
#define TCPTRACE_SOURCE_OPEN_H

#include "source/source.h"

int source_module_open(const struct source_request *request, struct source **source, char *error,
		       size_t error_size);

int source_bpf_open(const struct source_request *request, struct source **source, char *error,
		    size_t error_size);

/* For a live source: fills in this host's name, kernel and clock offset, and has this host's devices named. */
void source_describe_host(struct source *source);

/* "-" is standard input. */
int source_file_open(const char *name, struct source **source, char *error, size_t error_size);

/* A descriptor, owned by the source from now on, even on failure. `name` is for messages. */
int source_file_open_fd(int fd, const char *name, struct source **source, char *error,
			size_t error_size);

#endif
