/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces: records name them by inode, ip(8) by the name of a file. */
#ifndef TCPTRACE_NETNS_H
#define TCPTRACE_NETNS_H

#include <stdint.h>

/* The one that this process is in; 0: that cannot be told. */
uint32_t netns_own(void);

/* Goes into one that "ip netns" knows. Returns 0 or -errno. */
int netns_enter(const char *name);

/*
 * Calls `visit` with this thread in each one that a process is in or that is mounted, our own first, until it returns
 * what is not 0, and returns that; or -errno. Then the thread is where it was.
 */
int netns_each(int (*visit)(void *arg), void *arg);

#endif
