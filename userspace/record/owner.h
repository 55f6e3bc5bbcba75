/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes, as of when they acted. Many ends share a few of them, so an end has a number of four bytes, and a process
 * is remembered as long as an end has its number. 0 is a process that nobody knows.
 */
#ifndef TCPTRACE_OWNER_H
#define TCPTRACE_OWNER_H

#include <stdint.h>

#include "base/safe_text.h"
#include "tcptrace.h"

struct owner {
	uint32_t pid;			/* 0: unknown */
	char comm[TCPTRACE_COMM_LEN];
};

/* Puts this process in the place of the one whose number is `*number`. */
void owner_set(uint32_t *number, uint32_t pid, const char comm[TCPTRACE_COMM_LEN]);
/* The same with the process of another number. */
void owner_share(uint32_t *number, uint32_t other);
/* Its number is 0 then. */
void owner_drop(uint32_t *number);

/* Never NULL. Valid as long as somebody has the number. */
const struct owner *owner_at(uint32_t number);

/* "client/1001", the name by safe_text.h; with room for what put_*() leave behind. Returns behind it. */
#define OWNER_PROCESS_MAX	(SAFE_TEXT_GROWTH * TCPTRACE_COMM_LEN + 16)
char *owner_put_process(char *p, uint32_t pid, const char *comm);
/* The process of this number, nothing where nobody knows it. */
char *owner_put(char *p, uint32_t number);

#endif
