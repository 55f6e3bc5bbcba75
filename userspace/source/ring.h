/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader's side of the rings in /proc/tcptrace/events: reads each CPU's ring and merges the records in order of
 * time. The writer never waits for a reader, so overwritten records are counted, and reported in their place.
 */
#ifndef TCPTRACE_USER_RING_H
#define TCPTRACE_USER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcptrace.h"

struct rings;

/*
 * Checks the first page of a mapping. `size` is the size that is mapped or, before the whole is mapped, the acceptable
 * maximum. Returns 0, or -errno and the reason in `error`.
 */
int rings_check(const struct tcptrace_map *map, size_t size, char *error, size_t error_size);

/*
 * Reads the mapping from now on: records that are already in the rings are skipped. `types` has a bit for each wanted
 * type. The caller keeps ownership of `base`, which must outlive the rings. Returns 0 or -errno.
 */
int rings_open(const void *base, size_t size, uint32_t types, struct rings **rings, char *error,
	       size_t error_size);

/* Returns SOURCE_RECORD, SOURCE_IDLE or -ENOMEM, as source_next() does. */
int rings_next(struct rings *rings, const struct tcptrace_record **record);

/*
 * True if there is something that cannot be returned yet because a writer is in the middle of a slot. poll() does not
 * wait for that, so the caller has to sleep for a moment.
 */
bool rings_stalled(const struct rings *rings);

/* Every older record was returned, once rings_next() has returned SOURCE_IDLE. */
uint64_t rings_complete_until(const struct rings *rings);

/* Adds the losses that the rings know of to *lost: all except `missed`. */
void rings_losses(const struct rings *rings, struct tcptrace_lost *lost);

void rings_close(struct rings *rings);

/* For tests, which have a time of their own: the clock of the records' timestamps. */
void rings_set_clock(struct rings *rings, uint64_t (*now)(void));

#endif
