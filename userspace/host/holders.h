/* SPDX-License-Identifier: GPL-2.0-only */
/* What keeps the module in use: processes that have one of its files open or mapped. */
#ifndef TCPTRACE_HOLDERS_H
#define TCPTRACE_HOLDERS_H

#include <stddef.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	char comm[64];	/* may contain any bytes */
};

/* Fills at most `max` holders; returns how many there are. Without root only the user's own processes are seen. */
size_t holders_find(struct holder *holders, size_t max);

#endif
