/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two parts of export --format=prometheus share:
 *
 *   export_prometheus.c		what is counted, and when it is written
 *   export_prometheus_text.c	the text format
 */
#ifndef TCPTRACE_EXPORT_PROMETHEUS_H
#define TCPTRACE_EXPORT_PROMETHEUS_H

#include "model/verdict.h"
#include "tally/listeners.h"
#include "tally/transitions.h"
#include "view/export/export.h"

#define REASONS		128	/* limit, because a recording may contain any number of reasons */

#define BUCKETS	19
/* The upper bounds of the buckets, ns. */
extern const uint64_t prometheus_buckets[BUCKETS];

struct histogram {
	uint64_t counts[BUCKETS];	/* without those of the lower buckets */
	uint64_t count, sum;		/* ns */
};

struct reason {
	char name[sizeof(((struct tcptrace_drop *)0)->name) + 1];
	uint64_t count;
};

struct prometheus {
	struct export export;
	struct session *session;
	struct transitions transitions;
	struct listeners listeners;
	struct histogram handshake, duration, accept_wait;
	uint64_t closed[HOW_ABORTED + 1][SIDE_BOTH + 1];
	uint64_t ops[UINT8_MAX + 1];	/* of RESET, and segments of RETRANSMIT: they share no op */
	struct reason reasons[REASONS];
	size_t reason_count;
	uint64_t other_reasons;
	uint64_t received, sent;	/* bytes */
	uint64_t records;
	struct tcptrace_lost lost;
};

/* Periodic output: only current listeners. Otherwise all listeners that there were. */
static inline bool prometheus_repeats(const struct prometheus *prometheus)
{
	return prometheus->session->source->live && prometheus->export.arguments->textfile;
}

/* Everything, as of `time`. Returns 0, or -ENOMEM; *text is to be freed in any case. */
int prometheus_text(struct prometheus *prometheus, uint64_t time, char **text, size_t *size);

#endif
