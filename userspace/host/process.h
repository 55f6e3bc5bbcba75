/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process holds a socket, found by its inode in /proc/PID/fd. This takes a readlink() for each descriptor of the
 * host, so it is done once for many sockets.
 */
#ifndef TCPTRACE_PROCESS_H
#define TCPTRACE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "record/process_ref.h"

struct processes;

/* A socket held by a process: one entry for each descriptor. */
struct process_socket {
	uint64_t inode;
	struct process owner;	/* pid 0: not found yet */
	unsigned int fd;
	unsigned int order;	/* in which the descriptors were found */
};

/* NULL: no memory. */
struct processes *processes_new(void);
void processes_free(struct processes *processes);

/* Adds a socket to look for. Returns 0 or -ENOMEM. */
int processes_want(struct processes *processes, uint64_t inode);

/* Looks for all sockets, with all their holders, instead. */
void processes_want_all(struct processes *processes);

/* Scans `proc`, which is PROC except in tests. Unreadable entries are skipped. */
void processes_scan(struct processes *processes, const char *proc);

/* After the scan: a process that holds the socket, or NULL. */
const struct process *processes_find(const struct processes *processes, uint64_t inode);

/* After processes_want_all() and the scan: *count holders, in the order of /proc. */
const struct process_socket *processes_find_all(const struct processes *processes, uint64_t inode, size_t *count);

#endif
