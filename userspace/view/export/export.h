/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens, in forms that other programs read: one form, one file. The fourth, jsonl, is what watch --json says.
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

/* What each form's own state begins with. */
struct export {
	const struct export_arguments *arguments;
	int error;			/* -errno: not all could be told, ENOMEM, or written, and then it was said */
};

struct export_format {
	const char *name;
	size_t size;			/* of its state, the argument of the view's functions; all 0 but for its struct export */
	bool binary;			/* not for a terminal */
	bool processes;			/* tells whose the sockets are that were there */
	const struct session_view *view;
};

extern const struct export_format export_pcapng;
extern const struct export_format export_perfetto;
extern const struct export_format export_prometheus;

#endif
