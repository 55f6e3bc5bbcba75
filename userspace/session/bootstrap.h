/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sockets that existed before the first event: none twice, none missing.
 *
 * The source keeps events from before the snapshot. The snapshot takes a while. The time of a socket's record is taken
 * after its fields were read; the time of an event, before its change. So for each socket, compared with its events:
 *
 *   an event after its record	the record shows the state before the event: nothing to do
 *   an event before its record	the record may show the state before or after it. The event wins: the socket
 *				was in the event's old state when the snapshot began, and the event
 *				is replayed.
 *   a creation			the socket did not exist when the snapshot began.
 *   events, but no record	it existed, in the first event's old state, and was gone or had moved
 *				when its place was read.
 *
 * Events from before the beginning of the snapshot are history, and may be incomplete, because not all probes are armed
 * at once. They are dropped, except one whose change the record does not show yet.
 *
 *	bootstrap = bootstrap_new(model, time);
 *	source_snapshot(source, bootstrap_snapshot, bootstrap);
 *	bootstrap_collect(bootstrap, source);
 *	bootstrap_finish(bootstrap);
 *	then each bootstrap_next(), then each bootstrap_replay() as if it came from the source
 */
#ifndef TCPTRACE_BOOTSTRAP_H
#define TCPTRACE_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "host/process.h"
#include "model/model.h"
#include "source/source.h"

struct bootstrap;

/* `start`: CLOCK_MONOTONIC before the snapshot; 0: unknown, use its first record's time. NULL: no memory. */
struct bootstrap *bootstrap_new(struct model *model, uint64_t start);
void bootstrap_free(struct bootstrap *bootstrap);

/* A source_each. Returns 0 or -ENOMEM. */
int bootstrap_snapshot(const struct tcptrace_record *record, void *bootstrap);

/*
 * Stores the source's events until all events are there that the snapshot has to be compared with. Returns 0;
 * SOURCE_END if a signal that ends the program was received; or -errno.
 */
int bootstrap_collect(struct bootstrap *bootstrap, struct source *source);

/* Sets the model to the state at the beginning of the snapshot. Returns 0 or -ENOMEM. */
int bootstrap_finish(struct bootstrap *bootstrap);

/* Looks up the processes that hold the existing sockets, and sets them in the model. Returns 0 or -ENOMEM. */
int bootstrap_owners(struct bootstrap *bootstrap, const char *proc);

/* The existing endpoints; NULL: no more. */
const struct endpoint *bootstrap_next(struct bootstrap *bootstrap);

/* The stored events, in order; NULL: no more. */
const struct tcptrace_record *bootstrap_replay(struct bootstrap *bootstrap);

#endif
