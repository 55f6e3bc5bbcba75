// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/map.h"
#include "base/signals.h"
#include "record/record.h"
#include "session/seed.h"

#define EVENTS_FIRST	256	/* as many come by easily, while a snapshot is taken */

struct entry {
	uint64_t cookie;
	uint64_t inode;
};

struct seed {
	struct model *model;
	uint64_t start;
	uint64_t last;		/* of the snapshot's records */

	struct entry *entries;
	size_t entry_count, entry_room, entry_next;

	struct tcptrace_record *events;
	size_t event_count, event_room, event_next;
};

struct seed *seed_new(struct model *model, uint64_t start)
{
	struct seed *seed = calloc(1, sizeof(*seed));

	if (seed) {
		seed->model = model;
		seed->start = start;
	}
	return seed;
}

void seed_free(struct seed *seed)
{
	if (!seed)
		return;
	free(seed->entries);
	free(seed->events);
	free(seed);
}

static int add_entry(struct seed *seed, uint64_t cookie, uint64_t inode)
{
	if (!array_reserve(seed->entries, seed->entry_room, seed->entry_count + 1))
		return -ENOMEM;
	seed->entries[seed->entry_count++] = (struct entry){
		.cookie = cookie,
		.inode = inode,
	};
	return 0;
}

int seed_snapshot(const struct tcptrace_record *record, void *arg)
{
	struct seed *seed = arg;

	if (!seed->start)
		seed->start = record->time;
	if (record->time > seed->last)
		seed->last = record->time;
	if (!model_seed(seed->model, record))
		return 0;
	return add_entry(seed, record->cookie, record_inode(record));
}

/* 1: go on; 0: that was younger than the snapshot */
static int add_event(struct seed *seed, const struct tcptrace_record *record)
{
	if (!array_reserve(seed->events, seed->event_room, seed->event_count ? seed->event_count + 1 : EVENTS_FIRST))
		return -ENOMEM;
	seed->events[seed->event_count++] = *record;
	return record->time <= seed->last;
}

int seed_collect(struct seed *seed, struct source *source)
{
	const struct tcptrace_record *record;

	for (;;) {
		int outcome = source_next(source, &record), result;

		if (outcome == SOURCE_RECORD) {
			result = add_event(seed, record);
			if (result <= 0)
				return result;
			continue;
		}
		if (outcome != SOURCE_IDLE)
			return outcome < 0 ? outcome : 0;
		if (source_complete_until(source) > seed->last)
			return 0;
		/* Older ones may wait behind a record that a writer is in the middle of. */
		result = source_wait(source, SOURCE_STALL_MS);
		if (result)
			return result;
		if (signals_stop())
			return SOURCE_END;
	}
}

/* ---- the first event of each socket ---- */

/* The full socket whose place the timewait socket of the snapshot has taken: no news of the end. */
static bool is_shadow(const struct end *end, const struct tcptrace_record *event)
{
	return end->kind == TCPTRACE_K_TIMEWAIT && event->kind == TCPTRACE_K_FULL &&
	       event->type == TCPTRACE_T_STATE && event->new_state == TCPTRACE_S_CLOSE;
}

static int first_event(struct seed *seed, const struct tcptrace_record *event)
{
	struct end *end = model_end(seed->model, event->cookie);

	if (!end) {
		if (record_begins(event) || !model_seed_before(seed->model, event))
			return 0;
		return add_entry(seed, event->cookie, 0);
	}
	/* `birth` is yet the time of the end's record. */
	if (record_begins(event))
		model_forget(seed->model, event->cookie);
	else if (event->time < end->birth && end->state != event->old_state &&
		 !is_shadow(end, event))
		model_step_back(end, event);
	return 0;
}

/* Of an event from before the snapshot: its change was under way, the record does not show it. */
static bool is_under_way(const struct seed *seed, const struct tcptrace_record *event)
{
	const struct end *end = model_find(seed->model, event->cookie);

	return end && event->old_state != event->new_state && end->state == event->old_state &&
	       !is_shadow(end, event);
}

/* Leaves one entry for each end that was there. */
static void tidy(struct seed *seed)
{
	size_t i, kept = 0;

	/* From behind: of two records of a socket that moved meanwhile, the later one is the end's. */
	for (i = seed->entry_count; i-- > 0;) {
		struct entry *entry = &seed->entries[i];
		struct end *end = model_end(seed->model, entry->cookie);

		if (!end || end->flags & END_LISTED) {
			entry->cookie = 0;
			continue;
		}
		end->flags |= END_LISTED;
		end->birth = seed->start;
	}
	for (i = 0; i < seed->entry_count; i++)
		if (seed->entries[i].cookie)
			seed->entries[kept++] = seed->entries[i];
	seed->entry_count = kept;
}

int seed_finish(struct seed *seed)
{
	struct map seen = { 0 };	/* by cookie, what had an event */
	size_t i, kept = 0;
	int error = 0;

	for (i = 0; i < seed->event_count && !error; i++) {
		struct tcptrace_record *event = &seed->events[i];

		if (event->time < seed->start && event->type != TCPTRACE_T_LOST &&
		    !is_under_way(seed, event))
			continue;
		if (event->cookie && event->type != TCPTRACE_T_LOST && !map_get(&seen, event->cookie))
			error = map_put(&seen, event->cookie, event) ? first_event(seed, event) : -ENOMEM;
		seed->events[kept++] = *event;
	}
	map_exit(&seen);
	seed->event_count = kept;
	tidy(seed);
	return error;
}

/* ---- handing out ---- */

int seed_owners(struct seed *seed, const char *proc)
{
	struct processes *processes = processes_new();
	int error = processes ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < seed->entry_count && !error; i++)
		error = processes_want(processes, seed->entries[i].inode);
	if (!error) {
		processes_scan(processes, proc);
		for (i = 0; i < seed->entry_count; i++) {
			const struct process *owner = processes_find(processes, seed->entries[i].inode);

			if (owner)
				process_ref_set(&model_end(seed->model, seed->entries[i].cookie)->owner, owner->pid,
						owner->comm);
		}
	}
	processes_free(processes);
	return error;
}

const struct end *seed_next(struct seed *seed)
{
	if (seed->entry_next == seed->entry_count)
		return NULL;
	return model_find(seed->model, seed->entries[seed->entry_next++].cookie);
}

const struct tcptrace_record *seed_replay(struct seed *seed)
{
	return seed->event_next < seed->event_count ? &seed->events[seed->event_next++] : NULL;
}
