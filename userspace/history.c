// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "follow.h"
#include "history.h"
#include "seed.h"
#include "signals.h"
#include "stop.h"

static void apply(struct model *model, const struct tcptrace_record *record, uint64_t *last)
{
	struct step step;

	if (record->time > *last)
		*last = record->time;
	while (model_pending(model) && model_settle(model, record->time - MODEL_SETTLE_NS))
		;
	model_apply(model, record, &step);
}

static int seed_model(struct source *source, struct model *model, uint64_t *last)
{
	struct seed *seed = seed_new(model, source->live ? stop_now() : 0);
	const struct tcptrace_record *record;
	const struct end *end;
	int error = seed ? source_snapshot(source, seed_snapshot, seed) : -ENOMEM;

	if (!error)
		error = follow_collect(source, seed);
	if (!error)
		error = seed_finish(seed);
	while (!error && (end = seed_next(seed)))
		if (end->birth > *last)
			*last = end->birth;
	while (!error && (record = seed_replay(seed)))
		apply(model, record, last);
	seed_free(seed);
	return error;
}

/* Caught up: 0 to go on. */
static int idle(struct source *source, uint64_t deadline)
{
	uint64_t now = stop_now();
	int error;

	if (now >= deadline || signals_stop())
		return SOURCE_END;
	error = source_wait(source, (deadline - now) / 1000000 < 1000 ? (deadline - now) / 1000000 + 1 : 1000);
	return error == -EINTR ? 0 : error;
}

int history_keep(struct source *source, struct model *model, uint64_t deadline, uint64_t *last)
{
	const struct tcptrace_record *record;
	int outcome;

	*last = 0;
	outcome = seed_model(source, model, last);
	while (outcome >= 0 && outcome != SOURCE_END) {
		outcome = source_next(source, &record);
		if (outcome == SOURCE_RECORD)
			apply(model, record, last);
		if (outcome == SOURCE_RECORD && (signals_stop() || (source->live && record->time >= deadline)))
			outcome = SOURCE_END;
		if (outcome == SOURCE_IDLE)
			outcome = idle(source, deadline);
	}
	return outcome == SOURCE_END ? 0 : outcome;
}
