/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every TCP socket of every namespace now, as records of type SNAPSHOT: one walk
 * over the tables that inet_diag and /proc/net/tcp walk, a bucket at a time.
 */
#ifndef TCPTRACE_SNAPSHOT_H
#define TCPTRACE_SNAPSHOT_H

#include <linux/fs.h>
#include <linux/types.h>

struct tcptrace_snapshot;

/* A walk that starts at the beginning. NULL: no memory. May sleep. */
struct tcptrace_snapshot *tcptrace_snapshot_open(void);
void tcptrace_snapshot_close(struct tcptrace_snapshot *snapshot);

/*
 * The body of read(2): whole records only, as many as fit into `size`. 0 at the end; -EINVAL where
 * not one fits; -EFAULT; -ENOMEM; -EINTR. One reader at a time.
 */
ssize_t tcptrace_snapshot_read(struct tcptrace_snapshot *snapshot, char __user *to, size_t size);

#endif
