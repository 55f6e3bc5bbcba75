/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every TCP socket of every namespace at this moment, as records of type SNAPSHOT: a walk over the hash tables that
 * inet_diag and /proc/net/tcp walk, one bucket at a time.
 */
#ifndef TCPTRACE_SNAPSHOT_H
#define TCPTRACE_SNAPSHOT_H

#include <linux/fs.h>
#include <linux/types.h>

struct tcptrace_snapshot;

/* A new walk, at its beginning. NULL: out of memory. May sleep. */
struct tcptrace_snapshot *tcptrace_snapshot_open(void);
void tcptrace_snapshot_close(struct tcptrace_snapshot *snapshot);

/*
 * The body of read(2): whole records, as many as fit into `size`. Returns bytes; 0 at the end. -EINVAL: `size` is
 * less than one record; -EFAULT, -ENOMEM, -EINTR. One caller at a time. May sleep.
 */
ssize_t tcptrace_snapshot_read(struct tcptrace_snapshot *snapshot, char __user *to, size_t size);

#endif
