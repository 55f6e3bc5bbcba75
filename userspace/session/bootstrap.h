/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was there before the first event: no socket twice, none missing.
 *
 * The source keeps events from before the snapshot was begun. Taking it lasts a while, and a
 * socket's record bears a time after its fields were read; an event's is from before its change is made. So
 * of each socket, against the events of its own:
 *
 *   an event after its record	the record shows what was before the event. Nothing to do.
 *   an event before its record	the record may show what was before or after it. The event wins: the socket
 *				was in the event's old state when the snapshot began, and what the event
 *				changed has happened since, live.
 *   a creation			the socket was not there when the snapshot began.
 *   events, but no record	it was there, in the first event's old state, and was gone or had moved
 *				when its place was looked at.
 *
 * Events from before the snapshot began are history, and may be patchy, since not all probes are
 * armed at once: dropped, but for one whose change the record does not show yet.
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

/* `start`: CLOCK_MONOTONIC before the snapshot; 0: not known, its first record's time. NULL: no memory. */
struct bootstrap *bootstrap_new(struct model *model, uint64_t start);
void bootstrap_free(struct bootstrap *bootstrap);

/* A source_each. Returns 0 or -ENOMEM. */
int bootstrap_snapshot(const struct tcptrace_record *record, void *bootstrap);

/*
 * Keeps the source's events for later, until all are there that the snapshot has to be compared with. Returns 0;
 * SOURCE_END where a signal came that ends the program; or -errno.
 */
int bootstrap_collect(struct bootstrap *bootstrap, struct source *source);

/* Puts the model into the state that was when the snapshot began. Returns 0 or -ENOMEM. */
int bootstrap_finish(struct bootstrap *bootstrap);

/* Asks which processes hold the sockets that existed and tells the model. Returns 0 or -ENOMEM. */
int bootstrap_owners(struct bootstrap *bootstrap, const char *proc);

/* The endpoints that were there, one after the other; NULL: no more. */
const struct endpoint *bootstrap_next(struct bootstrap *bootstrap);

/* The events kept, in their order; NULL: no more. */
const struct tcptrace_record *bootstrap_replay(struct bootstrap *bootstrap);

#endif
