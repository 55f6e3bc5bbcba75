/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events in formats that other programs read, one file for each. The fourth, jsonl, is the output of watch --json.
 *
 *   export_pcapng.c		each segment as a packet, for Wireshark and tcpdump
 *   export_perfetto*.c		each endpoint as a track of its states, for ui.perfetto.dev
 *   export_prometheus*.c	counters and gauges, for a monitoring system
 */
#ifndef TCPTRACE_EXPORT_H
#define TCPTRACE_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "session/session.h"

struct export_arguments {
	struct session_arguments session;
	const struct export_format *format;
	const char *textfile;		/* prometheus: the file that is replaced; NULL: standard output, at the end */
	unsigned long long interval;	/* prometheus: ns between two replacements */
	bool absolute;			/* jsonl: sequence numbers as on the wire */
};

/* The first member of each format's own state. */
struct export {
	const struct export_arguments *arguments;
	int error;			/* -errno: ENOMEM, or of a write, which was reported */
};

struct export_format {
	const char *name;
	size_t size;			/* of its state, the argument of the functions; all 0 except struct export */
	bool binary;			/* not for a terminal */
	bool processes;			/* looks up the processes of existing sockets */
	const struct session_view *view;
};

extern const struct export_format export_pcapng;
extern const struct export_format export_perfetto;
extern const struct export_format export_prometheus;

#endif
