/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces: records name them by inode, ip(8) by the name of a file. */
#ifndef TCPTRACE_NETNS_H
#define TCPTRACE_NETNS_H

#include <stdint.h>

/* The namespace of this process; 0: unknown. */
uint32_t netns_own(void);

/* Enters a namespace by its name in "ip netns". Returns 0 or -errno. */
int netns_enter(const char *name);

/*
 * Enters the namespace with this inode, if a process is in it or it is mounted, and sets *own for netns_return().
 * Returns 0; -ENOENT: it was not found; or -errno.
 */
int netns_visit(uint32_t inode, int *own);
/* Ends the program if it cannot return: everything it would show would be another namespace's. */
void netns_return(int own);

/*
 * Calls `visit` with this thread in each namespace that a process is in or that is mounted, our own first. Stops when
 * it returns non-zero, and returns that; or -errno. Afterwards the thread is in its original namespace.
 */
int netns_each(int (*visit)(void *arg), void *arg);

#endif
