/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where records come from: the module, BPF, a file. One vtable; what
 * reads it cannot tell which source it has.
 */
#ifndef TCPTRACE_SOURCE_H
#define TCPTRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "tcptrace.h"

/* What is asked of a source. A file ignores level and clauses: what it holds, it hands out. */
struct source_request {
	enum tcptrace_level level;
	const struct tcptrace_clause *clauses;	/* none: everything; the source copies them */
	size_t clause_count;
};

/* The four outcomes of source_next(). Negative: -errno, source->error says it in words; -EBADMSG: a file is damaged. */
enum source_outcome {
	SOURCE_RECORD = 1,	/* *record is valid until the next call on this source */
	SOURCE_IDLE = 2,	/* caught up: nothing to hand out now; flush, then source_wait() */
	SOURCE_END = 3,		/* a file is at its end; nothing will ever follow */
};

/* A writer may be in the middle of a record, or its virtual CPU was taken away there: nothing wakes who waits for it. */
#define SOURCE_STALL_MS	1

struct source;

/* What whoever is told of a snapshot's sockets answers, or -errno. */
enum source_answer {
	SOURCE_MORE = 0,
	SOURCE_STOP = 1,	/* no more is wanted, and that is no error */
};

typedef int (*source_each)(const struct tcptrace_record *record, void *arg);

struct source_ops {
	/* Hands each socket as it is now to `each` as a record of type SNAPSHOT; stops where that answers anything
	 * but SOURCE_MORE, and returns it. Events are kept from before the snapshot on, see docs/design.md.
	 */
	int (*snapshot)(struct source *source, source_each each, void *arg);
	/* Events in order of time over all CPUs. Losses come as records of type LOST, in their place. */
	int (*next)(struct source *source, const struct tcptrace_record **record);
	/* After SOURCE_IDLE: no event older than this is to come. It lags where a writer is in the middle of a record. */
	uint64_t (*complete_until)(const struct source *source);
	/* Sleeps until there may be more, a signal comes or timeout_ms are over (-1: never). Returns 0 or -errno. */
	int (*wait)(struct source *source, int timeout_ms);
	/* NULL, or reads what nobody has asked for yet, for its damages alone. Returns 0 or -errno, as source_next(). */
	int (*verify)(struct source *source);
	/* What was lost until now, in all: u.lost of *lost. */
	void (*losses)(struct source *source, struct tcptrace_lost *lost);
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	char error[256];	/* one line, no newline, what was wrong and what would be right */
	const char *name;	/* "module" or "bpf"; NULL: a file */
	bool live;		/* records are made now: false for a file */
	int64_t realtime;	/* CLOCK_REALTIME - CLOCK_MONOTONIC where recorded, ns */

	/* Where the records were made; empty and 0 where that is not known. */
	char host[72];
	char release[72];	/* of the kernel */
	uint64_t boot;		/* struct tcptrace_map */
	uint16_t types;		/* TCPTRACE_TYPES_VERSION there */
	enum tcptrace_level level;	/* the records are of it and of those below */
};

/* Whether it tells of all that `level` has of what was sent again, refused and dropped: older modules tell of none. */
static inline bool source_tells_losses(const struct source *source, enum tcptrace_level level)
{
	return source->level >= level && source->types >= RECORD_TYPES_WITH_LOSS;
}

/*
 * Opens `spec`: "auto", "module", "bpf", or a file's name ("./bpf" for a file of that name).
 * NULL: what TCPTRACE_SOURCE in the environment says, or else "auto".
 * Returns 0 and *source, to be closed with source_close(); or -errno, and the reason in `error`. -EBADMSG: a file that is
 * no recording of this version, or a damaged one.
 */
int source_open(const char *spec, const struct source_request *request, struct source **source,
		char *error, size_t error_size);

/* Whether `spec` stands for this host now, and not for a recording. */
bool source_is_live(const char *spec);

static inline int source_snapshot(struct source *source, source_each each, void *arg)
{
	return source->ops->snapshot(source, each, arg);
}

static inline int source_next(struct source *source, const struct tcptrace_record **record)
{
	return source->ops->next(source, record);
}

static inline uint64_t source_complete_until(const struct source *source)
{
	return source->ops->complete_until(source);
}

static inline int source_wait(struct source *source, int timeout_ms)
{
	return source->ops->wait(source, timeout_ms);
}

/*
 * Where a view has seen enough: whether the rest of the file is whole. Whoever is shown a part is to know that. A pipe
 * is not waited for, nor is a live source. What is lost in the rest counts from then on.
 */
static inline int source_verify(struct source *source)
{
	return source->ops->verify ? source->ops->verify(source) : 0;
}

static inline void source_losses(struct source *source, struct tcptrace_lost *lost)
{
	source->ops->losses(source, lost);
}

static inline void source_close(struct source *source)
{
	if (source)
		source->ops->close(source);
}

#endif
