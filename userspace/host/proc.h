/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes in /proc. Each may exit at any moment; then it has no name and no open files. */
#ifndef TCPTRACE_PROC_H
#define TCPTRACE_PROC_H

#include <dirent.h>
#include <stddef.h>

#define PROC	"/proc"

/* The next process's directory in `proc`; NULL: no more. Valid until the next call. */
const char *proc_next(DIR *proc);

/* The name of a process: any bytes, then a NUL; the rest of `comm` is 0. `proc`: a descriptor of its directory. */
void proc_comm(int proc, const char *pid, char *comm, size_t size);

#endif
