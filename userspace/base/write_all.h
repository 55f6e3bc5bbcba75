/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * write(2) as if its descriptor were blocking. Whoever shares an open file description with us may have set
 * O_NONBLOCK on it (ssh and node do so with a terminal or a pipe): that is no reason to lose output.
 */
#ifndef TCPTRACE_WRITE_ALL_H
#define TCPTRACE_WRITE_ALL_H

#include <stddef.h>
#include <stdio.h>

/* Waits for room, goes on after a signal and after a short write. Returns 0 or -errno. Async-signal-safe. */
int write_all(int fd, const void *data, size_t size);

/*
 * A stream that writes so, for stdout and stderr: stdio's own takes EAGAIN for an error. It has no descriptor for
 * fileno(). Buffered as stdio has it for `fd`. NULL: no memory.
 */
FILE *write_all_stream(int fd);

#endif
