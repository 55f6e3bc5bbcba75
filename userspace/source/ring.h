/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader's side of the rings in /proc/tcptrace/events: takes records out of
 * each CPU's ring and puts them into one order of time. The writer never waits for
 * a reader, so what was overwritten is counted, and said in its place.
 */
#ifndef TCPTRACE_USER_RING_H
#define TCPTRACE_USER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcptrace.h"

struct rings;

/*
 * Checks what the first page of a mapping says. `size` is what is known to be mapped or, before the
 * whole is, what would be acceptable. Returns 0, or -errno and the reason in `error`.
 */
int rings_check(const struct tcptrace_map *map, size_t size, char *error, size_t error_size);

/*
 * Reads the mapping from now on: what is in the rings already is not handed out. `types` has a bit
 * for each type wanted. `base` stays the caller's and must outlive the rings. Returns 0 or -errno.
 */
int rings_open(const void *base, size_t size, uint32_t types, struct rings **rings, char *error,
	       size_t error_size);

/* Returns SOURCE_RECORD, SOURCE_IDLE or -ENOMEM, as source_next() does. */
int rings_next(struct rings *rings, const struct tcptrace_record **record);

/*
 * True where something is there that cannot be handed out yet, because a writer is in the
 * middle of a slot: polling would not wait for it, a short sleep does.
 */
bool rings_stalled(const struct rings *rings);

/* Every record older than this was handed out, once rings_next() has said SOURCE_IDLE. */
uint64_t rings_complete_until(const struct rings *rings);

/* Adds to *lost what these rings know of: all but `missed`. */
void rings_losses(const struct rings *rings, struct tcptrace_lost *lost);

void rings_close(struct rings *rings);

/* For tests, which make their own time: the clock that records are stamped with. */
void rings_set_clock(struct rings *rings, uint64_t (*now)(void));

#endif
