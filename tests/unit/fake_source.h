/* SPDX-License-Identifier: GPL-2.0-only */
/* A source that returns records up to `limit`, and then `behind`. Waiting for it raises the limit by one. */
#ifndef TCPTRACE_FAKE_SOURCE_H
#define TCPTRACE_FAKE_SOURCE_H

#include "source/source.h"

struct fake_source {
	struct source source;	/* the first member */
	const struct tcptrace_record *records;
	unsigned int next, limit, waits;
	int behind;		/* an outcome */
	uint64_t complete_until;
};

static int fake_next(struct source *source, const struct tcptrace_record **record)
{
	struct fake_source *fake = (struct fake_source *)source;

	if (fake->next == fake->limit)
		return fake->behind;
	*record = &fake->records[fake->next++];
	return SOURCE_RECORD;
}

static uint64_t fake_complete_until(const struct source *source)
{
	return ((const struct fake_source *)source)->complete_until;
}

static int fake_wait(struct source *source, int timeout_ms)
{
	struct fake_source *fake = (struct fake_source *)source;

	(void)timeout_ms;
	fake->complete_until = fake->records[fake->limit++].time + 1;
	fake->waits++;
	return 0;
}

/* It is complete when `count` records were returned. */
static inline void fake_begin(struct fake_source *fake, const struct tcptrace_record *records, unsigned int count, int behind)
{
	static const struct source_ops ops = {
		.next = fake_next,
		.complete_until = fake_complete_until,
		.wait = fake_wait,
	};

	*fake = (struct fake_source){
		.source.ops = &ops,
		.records = records,
		.limit = count,
		.behind = behind,
		.complete_until = UINT64_MAX,
	};
}

#endif
