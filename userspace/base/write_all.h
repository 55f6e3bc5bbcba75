/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * write(2) as if the descriptor were blocking. Another process that shares the open file description may have set
 * O_NONBLOCK (ssh and node do so with a terminal or a pipe); that must not lose output.
 */
#ifndef TCPTRACE_WRITE_ALL_H
#define TCPTRACE_WRITE_ALL_H

#include <stddef.h>
#include <stdio.h>

/* Waits for room, continues after a signal or a short write. Returns 0 or -errno. Async-signal-safe. */
int write_all(int fd, const void *data, size_t size);

/*
 * A stream for stdout and stderr that uses it: stdio's own treats EAGAIN as an error. It has no descriptor for
 * fileno(). It is buffered as stdio would do for `fd`. NULL: no memory.
 */
FILE *write_all_stream(int fd);

#endif
