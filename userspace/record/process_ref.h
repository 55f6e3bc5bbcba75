/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes, as of when they acted. Many endpoints share a few of them. So an endpoint keeps a number of four bytes,
 * and a process is remembered as long as somebody keeps its number.
 */
#ifndef TCPTRACE_PROCESS_REF_H
#define TCPTRACE_PROCESS_REF_H

#include <stdint.h>

#include "base/safe_text.h"
#include "tcptrace.h"

struct process {
	uint32_t pid;			/* 0: unknown */
	char comm[TCPTRACE_COMM_LEN];
};

typedef uint32_t process_ref;		/* 0: an unknown process */

/* *ref then refers to this process; what it referred to before is dropped. */
void process_ref_set(process_ref *ref, uint32_t pid, const char comm[TCPTRACE_COMM_LEN]);
/* The same with the process of another reference. */
void process_ref_share(process_ref *ref, process_ref other);
/* *ref is 0 then. */
void process_ref_drop(process_ref *ref);

/* Never NULL. Valid as long as somebody keeps the reference. */
const struct process *process_at(process_ref ref);

/* "client/1001", the name by safe_text.h; with room for what put_*() leave behind. Returns the position behind it. */
#define PROCESS_TEXT_MAX	(SAFE_TEXT_GROWTH * TCPTRACE_COMM_LEN + 16)
char *put_process(char *p, uint32_t pid, const char *comm);
/* Nothing if the process is unknown. */
char *put_process_ref(char *p, process_ref ref);

#endif
