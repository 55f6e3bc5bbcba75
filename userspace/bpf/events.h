/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader's side of the BPF ring buffer: its records in order of time, and what found no room in it. */
#ifndef TCPTRACE_BPF_EVENTS_H
#define TCPTRACE_BPF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tcptrace.h"

struct events;

/*
 * Reads the maps of these descriptors, which stay the caller's. `sleeping` is the program's variable, `types` has a
 * bit for each type wanted. Returns 0 or -errno.
 */
int events_open(int buffer, int cpus, uint32_t *sleeping, uint32_t types, struct events **events);
void events_close(struct events *events);

/* As source_next(), source_complete_until() and source_wait(). */
int events_next(struct events *events, const struct tcptrace_record **record);
uint64_t events_complete_until(const struct events *events);
int events_wait(struct events *events, int timeout_ms);

/* All but `missed`. */
void events_losses(const struct events *events, struct tcptrace_lost *lost);

#endif
