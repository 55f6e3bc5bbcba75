/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process holds a socket, found by its inode in /proc/PID/fd. That costs a readlink() for
 * each descriptor of the host, so it is asked once, for many sockets.
 */
#ifndef TCPTRACE_PROCESS_H
#define TCPTRACE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "record/process_ref.h"

struct processes;

/* A socket as it is held by a process: one for each of its descriptors. */
struct process_socket {
	uint64_t inode;
	struct process owner;	/* pid 0: not found yet */
	unsigned int fd;
	unsigned int order;	/* in which they were found */
};

/* NULL: no memory. */
struct processes *processes_new(void);
void processes_free(struct processes *processes);

/* A socket to look for. Returns 0 or -ENOMEM. */
int processes_want(struct processes *processes, uint64_t inode);

/* All sockets there are, with all that hold them, in place of some. */
void processes_want_all(struct processes *processes);

/* Looks through `proc`, which is PROC but for tests. What may not be read is passed over. */
void processes_scan(struct processes *processes, const char *proc);

/* After the scan: a process that holds it, or NULL. */
const struct process *processes_find(const struct processes *processes, uint64_t inode);

/* After processes_want_all() and the scan: those that hold it, *count of them, in the order of /proc. */
const struct process_socket *processes_find_all(const struct processes *processes, uint64_t inode, size_t *count);

#endif
