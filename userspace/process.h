/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process holds a socket, found by its inode in /proc/PID/fd. That costs a readlink() for
 * each descriptor of the host, so it is asked once, for many sockets.
 */
#ifndef TCPTRACE_PROCESS_H
#define TCPTRACE_PROCESS_H

#include <stdint.h>

#include "model.h"

struct processes;

/* NULL: no memory. */
struct processes *processes_new(void);
void processes_free(struct processes *processes);

/* A socket to look for. Returns 0 or -ENOMEM. */
int processes_want(struct processes *processes, uint64_t inode);

/* But for tests. */
#define PROC	"/proc"
/* Looks through `proc`. What may not be read is passed over. */
void processes_scan(struct processes *processes, const char *proc);

/* After the scan: a process that holds it, or NULL. */
const struct owner *processes_find(const struct processes *processes, uint64_t inode);

#endif
