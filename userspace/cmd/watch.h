/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of watch share:
 *
 *   watch.c		the command line, and the output
 *   watch_once.c	--once: the existing sockets
 */
#ifndef TCPTRACE_CMD_WATCH_H
#define TCPTRACE_CMD_WATCH_H

#include "session/session.h"
#include "view/text/timeline.h"

struct watch_arguments {
	struct session_arguments session;
	bool once, absolute, explain;
};

/* --once and --processes: stored until the processes are known. */
struct watch_rows {
	struct tcptrace_record *all;
	size_t count, room;
};

struct watch {
	struct watch_arguments arguments;
	struct session *session;
	struct timeline timeline;
	uint64_t steps;			/* shown */
	bool existing;			/* there were existing sockets */
	struct watch_rows rows;
	int error;			/* -ENOMEM: rows are missing */
};

/* watch.c */
int watch_begin(void *watch, struct session *session);
void watch_show_headers(struct watch *watch, bool sockets);
void watch_show_socket(struct watch *watch, const struct endpoint *ep, uint64_t time);

/* export --format=jsonl: the output of watch --json, including each segment unless --level is given. */
int watch_export(const struct session_arguments *arguments, bool absolute);

/* watch_once.c */
extern const struct session_view watch_once;

#endif
