// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "cmd/watch.h"
#include "host/proc.h"
#include "host/process.h"
#include "record/record.h"
#include "view/print_summary.h"

static int begin(void *arg, struct session *session)
{
	struct watch *watch = arg;

	watch_begin(watch, session);
	watch_show_headers(watch, true);
	return 0;
}

static int keep(struct watch_rows *rows, const struct tcptrace_record *record)
{
	if (!array_reserve(rows->all, rows->room, rows->count + 1))
		return -ENOMEM;
	rows->all[rows->count++] = *record;
	return 0;
}

static void on_row(void *arg, const struct tcptrace_record *record)
{
	struct watch *watch = arg;
	struct endpoint ep;

	if (!session_wants_state(watch->session, record->new_state))
		return;
	if (watch->arguments.session.processes && watch->session->source->live) {
		watch->error = keep(&watch->rows, record);
		watch->session->stop_requested = watch->error;
		return;
	}
	endpoint_from_snapshot(&ep, record);
	watch_show_socket(watch, &ep, record->time);
	endpoint_release(&ep);
}

static int show_rows(struct watch *watch)
{
	const struct watch_rows *rows = &watch->rows;
	struct processes *processes = processes_new();
	int error = processes ? 0 : -ENOMEM;
	struct endpoint ep;
	size_t i;

	for (i = 0; i < rows->count && !error; i++)
		error = processes_want(processes, record_inode(&rows->all[i]));
	if (!error)
		processes_scan(processes, PROC);
	for (i = 0; i < rows->count && !error; i++) {
		const struct tcptrace_record *row = &rows->all[i];
		const struct process *owner = processes_find(processes, record_inode(row));

		endpoint_from_snapshot(&ep, row);
		if (owner)
			process_ref_set(&ep.owner, owner->pid, owner->comm);
		watch_show_socket(watch, &ep, row->time);
		endpoint_release(&ep);
	}
	processes_free(processes);
	return error;
}

static void end(void *arg, uint64_t time)
{
	struct watch *watch = arg;

	(void)time;
	if (watch->rows.count && !watch->error)
		watch->error = show_rows(watch);
	free(watch->rows.all);
}

const struct session_view watch_once = {
	.summary = print_summary,
	.level = TCPTRACE_L_OFF,
	.level_filtered = TCPTRACE_L_OFF,
	.snapshot_only = true,
	.begin = begin,
	.snapshot = on_row,
	.end = end,
};
