/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where records come from: the module, BPF, or a file. All have the same operations, so a reader cannot tell which
 * source it has.
 */
#ifndef TCPTRACE_SOURCE_H
#define TCPTRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "tcptrace.h"

/* What a source has to provide. A file ignores level and clauses: it returns what it contains. */
struct source_request {
	enum tcptrace_level level;
	const struct tcptrace_clause *clauses;	/* none: everything; the source makes a copy */
	size_t clause_count;
};

/* The outcomes of source_next(). Negative: -errno, explained in source->error; -EBADMSG: a file is damaged. */
enum source_outcome {
	SOURCE_RECORD = 1,	/* *record is valid until the next call on this source */
	SOURCE_IDLE = 2,	/* no record at the moment; flush the output, then source_wait() */
	SOURCE_END = 3,		/* a file is at its end; nothing will follow */
};

/*
 * A writer may be in the middle of a record, or its virtual CPU may have been preempted there: nothing wakes a reader
 * then.
 */
#define SOURCE_STALL_MS	1

struct source;

/* The return value of a snapshot's receiver, or -errno. */
enum source_answer {
	SOURCE_MORE = 0,
	SOURCE_STOP = 1,	/* no more is needed; not an error */
};

typedef int (*source_each)(const struct tcptrace_record *record, void *arg);

struct source_ops {
	/*
	 * Passes each existing socket to `each` as a record of type SNAPSHOT, until that returns anything but
	 * SOURCE_MORE, and returns that. Events are kept from before the snapshot on, see docs/design.md.
	 */
	int (*snapshot)(struct source *source, source_each each, void *arg);
	/* Events of all CPUs in order of time. Losses are records of type LOST, in their place. */
	int (*next)(struct source *source, const struct tcptrace_record **record);
	/* After SOURCE_IDLE: no older event will follow. It lags if a writer is in the middle of a record. */
	uint64_t (*complete_until)(const struct source *source);
	/*
	 * Sleeps until there may be more, a signal is received, or timeout_ms have passed (-1: forever). Returns 0 or
	 * -errno.
	 */
	int (*wait)(struct source *source, int timeout_ms);
	/* NULL, or reads the rest only to check it for damages. Returns 0 or -errno, as source_next(). */
	int (*verify)(struct source *source);
	/* All losses so far: u.lost of *lost. */
	void (*losses)(struct source *source, struct tcptrace_lost *lost);
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	char error[256];	/* one line without a newline: what is wrong, and what would be right */
	const char *name;	/* "module" or "bpf"; NULL: a file */
	bool live;		/* records are made now; false for a file */
	int64_t realtime;	/* CLOCK_REALTIME - CLOCK_MONOTONIC on the recording host, ns */

	/* The host on which the records were made; empty and 0 if unknown. */
	char host[72];
	char release[72];	/* of the kernel */
	uint64_t boot;		/* struct tcptrace_map */
	uint16_t types;		/* TCPTRACE_TYPES_VERSION there */
	enum tcptrace_level level;	/* records of this level and those below */
};

/* Whether all of this level's retransmissions, refusals and drops are reported: older modules do not report them. */
static inline bool source_tells_losses(const struct source *source, enum tcptrace_level level)
{
	return source->level >= level && source->types >= RECORD_TYPES_WITH_LOSS;
}

/*
 * Opens `spec`: "auto", "module", "bpf", or a file's name ("./bpf" for a file with that name). NULL: the environment
 * variable TCPTRACE_SOURCE, or else "auto". Returns 0 and *source, to be closed with source_close(); or -errno, and the
 * reason in `error`. -EBADMSG: the file is not a recording of this version, or is damaged.
 */
int source_open(const char *spec, const struct source_request *request, struct source **source,
		char *error, size_t error_size);

/* Whether `spec` is this host now, not a recording. */
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
 * For a view that stops early: checks whether the rest of the file is intact, so that the user is told. Does not wait
 * for a pipe or a live source. Losses in the rest are counted from then on.
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
