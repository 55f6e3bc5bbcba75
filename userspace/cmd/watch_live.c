// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "json.h"
#include "seed.h"
#include "signals.h"
#include "watch.h"

#define SETTLE_MS	((int)(MODEL_SETTLE_NS / 1000000) + 1)
#define AHEAD_MS	((int)(AHEAD_NS / 1000000) + 1)

/* ---- records ---- */

void watch_settle(struct watch *watch, uint64_t time)
{
	const struct end *end;

	while (model_pending(watch->model) && (end = model_settle(watch->model, time)))
		watch_show_verdict(watch, end);
}

static void show_step(struct watch *watch, const struct step *step)
{
	if (watch->states & (1u << step->new_state | 1u << step->old_state)) {
		if (watch->arguments->options.json)
			json_step(&watch->out, step, watch->arguments->absolute);
		else
			timeline_step(&watch->timeline, step);
		if (watch->arguments->explain)
			timeline_explain(&watch->timeline, step);
		watch->steps++;
	}
	if (step->verdict)
		watch_show_verdict(watch, step->end);
}

static void on_record(struct watch *watch, const struct tcptrace_record *record)
{
	struct step step;

	watch->last = record->time;
	if (model_pending(watch->model))
		watch_settle(watch, record->time - MODEL_SETTLE_NS);
	switch (model_apply(watch->model, record, &step)) {
	case MODEL_STEP:
		step.merged |= watch->ahead.merged;
		show_step(watch, &step);
		break;
	case MODEL_LOST:
		/* The sum is in the last object. */
		if (!watch->arguments->options.json)
			timeline_hole(&watch->timeline, record);
		break;
	case MODEL_SKIP:
		break;
	}
}

/* ---- what was there ---- */

/* Reads until all is there that the snapshot has to be compared with. */
static int collect(struct watch *watch, struct seed *seed)
{
	const struct tcptrace_record *record;

	for (;;) {
		int outcome = source_next(watch->source, &record);
		int more;

		if (outcome != SOURCE_RECORD)
			return outcome < 0 ? outcome : 0;
		more = seed_event(seed, record);
		if (more <= 0)
			return more;
	}
}

static bool chooses(const struct watch *watch)
{
	return !filter_is_empty(watch->filter) || watch->arguments->options.family;
}

static int show_seeds(struct watch *watch, struct seed *seed)
{
	bool processes = watch->arguments->processes || chooses(watch);
	const struct end *end;
	bool any = false;
	int error;

	if (processes && watch->source->live) {
		error = seed_owners(seed, PROC);
		if (error)
			return error;
	}
	while ((end = seed_next(seed))) {
		if (!any)
			watch_show_headers(watch, true);
		any = true;
		watch_show_socket(watch, end, end->birth);
	}
	if (any && !watch->arguments->options.json && !watch->arguments->options.quiet)
		out_write(&watch->out, "\n", 1);
	return 0;
}

static bool enough(const struct watch *watch)
{
	return watch->stop.count && watch->steps >= watch->stop.count;
}

/* What was there, and what came until that was known. Returns SOURCE_END where it is time to end. */
static int begin(struct watch *watch, struct seed *seed)
{
	const struct tcptrace_record *record;
	int error = source_snapshot(watch->source, seed_snapshot, seed);

	/* Ctrl-C cuts it short. */
	if (error && signals_stop())
		return SOURCE_END;
	if (!error)
		error = collect(watch, seed);
	if (!error)
		error = seed_finish(seed);
	if (!error)
		error = show_seeds(watch, seed);
	if (error)
		return error;
	watch_show_headers(watch, false);
	while (!enough(watch) && (record = seed_replay(seed))) {
		if (stop_too_late(&watch->stop, watch->source, record->time))
			return SOURCE_END;
		on_record(watch, record);
	}
	return 0;
}

/* ---- live ---- */

/* Caught up. Returns SOURCE_END where it is time to end, else 0 or -errno. */
static int idle(struct watch *watch)
{
	uint64_t time = stop_now();
	int timeout = -1, error;

	watch_settle(watch, time - MODEL_SETTLE_NS);
	if (out_flush(&watch->out))
		return SOURCE_END;
	if (stop_over(&watch->stop, time)) {
		/* What waits for its next record has happened. */
		watch->ahead.ended = true;
		return ahead_waits(&watch->ahead) ? 0 : SOURCE_END;
	}
	if (model_pending(watch->model))
		timeout = SETTLE_MS;
	if (ahead_waits(&watch->ahead))
		timeout = AHEAD_MS;
	error = source_wait(watch->source, stop_timeout(&watch->stop, time, timeout));
	return error == -EINTR ? 0 : error;
}

/* Ctrl-C, and the end of --duration, end with what had happened by then, not with what was read by then. */
static int follow(struct watch *watch)
{
	const struct tcptrace_record *record;
	bool stopping = false;

	while (!enough(watch)) {
		int outcome = ahead_next(&watch->ahead, watch->source, &record);

		if (!stopping && signals_stop()) {
			/* A file is read to its end at once: there is nothing to wait for. */
			if (!watch->source->live)
				return 0;
			stopping = true;
			stop_here(&watch->stop);
		}
		if (outcome == SOURCE_RECORD) {
			if (stop_too_late(&watch->stop, watch->source, record->time))
				return 0;
			on_record(watch, record);
			continue;
		}
		if (outcome == SOURCE_IDLE)
			outcome = idle(watch);
		if (outcome == SOURCE_END)
			return 0;
		if (outcome < 0)
			return outcome;
	}
	return 0;
}

int watch_live(struct watch *watch)
{
	uint64_t start = watch->source->live ? stop_now() : 0;
	struct seed *seed = seed_new(watch->model, start);
	int error = -ENOMEM;

	stop_begin(&watch->stop, watch->source);
	if (seed)
		error = begin(watch, seed);
	seed_free(seed);
	if (error)
		return error == SOURCE_END ? 0 : error;
	return follow(watch);
}
