/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes in /proc. Each may end at any moment: then it has no name and nothing open. */
#ifndef TCPTRACE_PROC_H
#define TCPTRACE_PROC_H

#include <dirent.h>
#include <stddef.h>

#define PROC	"/proc"

/* The folder of the next process, by its name in `proc`; NULL: no more. Valid until the next call. */
const char *proc_next(DIR *proc);

/* How it calls itself: any bytes, and a NUL; all else of `comm` is 0. `proc`: a descriptor of that folder. */
void proc_comm(int proc, const char *pid, char *comm, size_t size);

#endif
