/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/tcptrace: events, sockets, status. Who may open them: rights.h. */
#ifndef TCPTRACE_PROCFS_H
#define TCPTRACE_PROCFS_H

int tcptrace_procfs_init(void);
void tcptrace_procfs_exit(void);

#endif
