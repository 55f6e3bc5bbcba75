// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/map.h"
#include "base/signals.h"
#include "record/record.h"
#include "session/bootstrap.h"

#define EVENTS_FIRST	256	/* enough for most snapshots */

struct entry {
	uint64_t cookie;
	uint64_t inode;
};

struct bootstrap {
	struct model *model;
	uint64_t start;
	uint64_t last;		/* time of the snapshot's latest record */

	struct entry *entries;
	size_t entry_count, entry_room, entry_next;

	struct tcptrace_record *events;
	size_t event_count, event_room, event_next;
};

struct bootstrap *bootstrap_new(struct model *model, uint64_t start)
{
	struct bootstrap *bootstrap = calloc(1, sizeof(*bootstrap));

	if (bootstrap) {
		bootstrap->model = model;
		bootstrap->start = start;
	}
	return bootstrap;
}

void bootstrap_free(struct bootstrap *bootstrap)
{
	if (!bootstrap)
		return;
	free(bootstrap->entries);
	free(bootstrap->events);
	free(bootstrap);
}

static int add_entry(struct bootstrap *bootstrap, uint64_t cookie, uint64_t inode)
{
	if (!array_reserve(bootstrap->entries, bootstrap->entry_room, bootstrap->entry_count + 1))
		return -ENOMEM;
	bootstrap->entries[bootstrap->entry_count++] = (struct entry){
		.cookie = cookie,
		.inode = inode,
	};
	return 0;
}

int bootstrap_snapshot(const struct tcptrace_record *record, void *arg)
{
	struct bootstrap *bootstrap = arg;

	if (!bootstrap->start)
		bootstrap->start = record->time;
	if (record->time > bootstrap->last)
		bootstrap->last = record->time;
	if (!model_bootstrap(bootstrap->model, record))
		return 0;
	return add_entry(bootstrap, record->cookie, record_inode(record));
}

/* 1: continue; 0: the event was younger than the snapshot */
static int add_event(struct bootstrap *bootstrap, const struct tcptrace_record *record)
{
	if (!array_reserve(bootstrap->events, bootstrap->event_room,
			   bootstrap->event_count ? bootstrap->event_count + 1 : EVENTS_FIRST))
		return -ENOMEM;
	bootstrap->events[bootstrap->event_count++] = *record;
	return record->time <= bootstrap->last;
}

int bootstrap_collect(struct bootstrap *bootstrap, struct source *source)
{
	const struct tcptrace_record *record;

	for (;;) {
		int outcome = source_next(source, &record), result;

		if (outcome == SOURCE_RECORD) {
			result = add_event(bootstrap, record);
			if (result <= 0)
				return result;
			continue;
		}
		if (outcome != SOURCE_IDLE)
			return outcome < 0 ? outcome : 0;
		if (source_complete_until(source) > bootstrap->last)
			return 0;
		/* Older events may be held up by a record that a writer is in the middle of. */
		result = source_wait(source, SOURCE_STALL_MS);
		if (result)
			return result;
		if (signals_stop())
			return SOURCE_END;
	}
}

/* ---- the first event of each socket ---- */

/* The full socket that the snapshot's timewait socket replaced: no news of the endpoint. */
static bool is_shadow(const struct endpoint *ep, const struct tcptrace_record *event)
{
	return ep->kind == TCPTRACE_K_TIMEWAIT && event->kind == TCPTRACE_K_FULL &&
	       event->type == TCPTRACE_T_STATE && event->new_state == TCPTRACE_S_CLOSE;
}

static int first_event(struct bootstrap *bootstrap, const struct tcptrace_record *event)
{
	struct endpoint *ep = model_endpoint(bootstrap->model, event->cookie);

	if (!ep) {
		if (record_begins(event) || !model_bootstrap_before(bootstrap->model, event))
			return 0;
		return add_entry(bootstrap, event->cookie, 0);
	}
	/* `created` is still the time of the endpoint's snapshot record. */
	if (record_begins(event))
		model_forget(bootstrap->model, event->cookie);
	else if (event->time < ep->created && ep->state != event->old_state &&
		 !is_shadow(ep, event))
		model_step_back(ep, event);
	return 0;
}

/* An event from before the snapshot whose change was in progress, so the snapshot does not show it. */
static bool is_under_way(const struct bootstrap *bootstrap, const struct tcptrace_record *event)
{
	const struct endpoint *ep = model_find(bootstrap->model, event->cookie);

	return ep && event->old_state != event->new_state && ep->state == event->old_state &&
	       !is_shadow(ep, event);
}

/* Leaves one entry for each existing endpoint. */
static void tidy(struct bootstrap *bootstrap)
{
	size_t i, kept = 0;

	/* In reverse: of two records of a socket that moved during the snapshot, the later one counts. */
	for (i = bootstrap->entry_count; i-- > 0;) {
		struct entry *entry = &bootstrap->entries[i];
		struct endpoint *ep = model_endpoint(bootstrap->model, entry->cookie);

		if (!ep || ep->flags & EP_LISTED) {
			entry->cookie = 0;
			continue;
		}
		ep->flags |= EP_LISTED;
		ep->created = bootstrap->start;
	}
	for (i = 0; i < bootstrap->entry_count; i++)
		if (bootstrap->entries[i].cookie)
			bootstrap->entries[kept++] = bootstrap->entries[i];
	bootstrap->entry_count = kept;
}

int bootstrap_finish(struct bootstrap *bootstrap)
{
	struct map seen = { 0 };	/* by cookie: sockets with an event */
	size_t i, kept = 0;
	int error = 0;

	for (i = 0; i < bootstrap->event_count && !error; i++) {
		struct tcptrace_record *event = &bootstrap->events[i];

		if (event->time < bootstrap->start && event->type != TCPTRACE_T_LOST &&
		    !is_under_way(bootstrap, event))
			continue;
		if (event->cookie && event->type != TCPTRACE_T_LOST && !map_get(&seen, event->cookie))
			error = map_put(&seen, event->cookie, event) ? first_event(bootstrap, event) : -ENOMEM;
		bootstrap->events[kept++] = *event;
	}
	map_exit(&seen);
	bootstrap->event_count = kept;
	tidy(bootstrap);
	return error;
}

/* ---- results ---- */

int bootstrap_owners(struct bootstrap *bootstrap, const char *proc)
{
	struct processes *processes = processes_new();
	int error = processes ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < bootstrap->entry_count && !error; i++)
		error = processes_want(processes, bootstrap->entries[i].inode);
	if (!error) {
		processes_scan(processes, proc);
		for (i = 0; i < bootstrap->entry_count; i++) {
			const struct process *owner = processes_find(processes, bootstrap->entries[i].inode);

			if (owner)
				process_ref_set(&model_endpoint(bootstrap->model, bootstrap->entries[i].cookie)->owner,
						owner->pid, owner->comm);
		}
	}
	processes_free(processes);
	return error;
}

const struct endpoint *bootstrap_next(struct bootstrap *bootstrap)
{
	if (bootstrap->entry_next == bootstrap->entry_count)
		return NULL;
	return model_find(bootstrap->model, bootstrap->entries[bootstrap->entry_next++].cookie);
}

const struct tcptrace_record *bootstrap_replay(struct bootstrap *bootstrap)
{
	return bootstrap->event_next < bootstrap->event_count ? &bootstrap->events[bootstrap->event_next++] : NULL;
}
