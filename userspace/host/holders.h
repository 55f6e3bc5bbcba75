/* SPDX-License-Identifier: GPL-2.0-only */
/* Who keeps the module in the kernel: processes that have one of its files open or mapped. */
#ifndef TCPTRACE_HOLDERS_H
#define TCPTRACE_HOLDERS_H

#include <stddef.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	char comm[64];	/* as it calls itself: any bytes */
};

/* Fills up to `max` of `holders`; returns how many there are. Without root only one's own are seen. */
size_t holders_find(struct holder *holders, size_t max);

#endif
