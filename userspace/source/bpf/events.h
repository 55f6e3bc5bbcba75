/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader's side of the BPF ring buffer: its records in order of time, and what was lost because it was full. */
#ifndef TCPTRACE_BPF_EVENTS_H
#define TCPTRACE_BPF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tcptrace.h"

struct events;

struct events_request {
	int buffer, cpus;		/* descriptors of the maps, owned by the caller */
	uint32_t *sleeping;		/* the program's variable */
	uint32_t types;			/* one bit for each wanted type */
	uint64_t (*missed)(void *arg);	/* number of hits so far for which no program ran */
	void *arg;
};

/* Returns 0 or -errno. */
int events_open(const struct events_request *request, struct events **events);
void events_close(struct events *events);

/* As source_next(), source_complete_until() and source_wait(). */
int events_next(struct events *events, const struct tcptrace_record **record);
uint64_t events_complete_until(const struct events *events);
int events_wait(struct events *events, int timeout_ms);

/* As source_losses(), with `missed` as it is now. */
void events_losses(const struct events *events, struct tcptrace_lost *lost);

#endif
