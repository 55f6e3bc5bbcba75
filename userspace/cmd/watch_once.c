// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "process.h"
#include "record.h"
#include "signals.h"
#include "watch.h"

/* --processes: kept until the processes are known. */
struct rows {
	struct watch *watch;
	struct tcptrace_record *all;
	size_t count, room;
};

static int on_row(const struct tcptrace_record *record, void *arg)
{
	struct watch *watch = arg;
	struct end end;

	if (!watch_wanted(record, watch) || !watch_shows_state(watch, record->new_state))
		return 0;
	end_from_snapshot(&end, record);
	watch_show_socket(watch, &end, record->time);
	return watch->out.error || signals_stop() ? -EINTR : 0;
}

static int keep_row(const struct tcptrace_record *record, void *arg)
{
	struct rows *rows = arg;

	if (!watch_wanted(record, rows->watch) || !watch_shows_state(rows->watch, record->new_state))
		return 0;
	if (rows->count == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 256;
		struct tcptrace_record *all = reallocarray(rows->all, room, sizeof(*all));

		if (!all)
			return -ENOMEM;
		rows->all = all;
		rows->room = room;
	}
	rows->all[rows->count++] = *record;
	return 0;
}

static int show_rows(const struct rows *rows)
{
	struct processes *processes = processes_new();
	int error = processes ? 0 : -ENOMEM;
	struct end end;
	size_t i;

	for (i = 0; i < rows->count && !error; i++)
		error = processes_want(processes, record_inode(&rows->all[i]));
	if (!error)
		processes_scan(processes, PROC);
	for (i = 0; i < rows->count && !error; i++) {
		const struct tcptrace_record *row = &rows->all[i];
		const struct owner *owner = processes_find(processes, record_inode(row));

		end_from_snapshot(&end, row);
		if (owner)
			end.owner = *owner;
		watch_show_socket(rows->watch, &end, row->time);
	}
	processes_free(processes);
	return error;
}

int watch_once(struct watch *watch)
{
	bool processes = watch->arguments->processes && watch->source->live;
	struct rows rows = { .watch = watch };
	int error;

	watch_show_headers(watch, true);
	if (processes) {
		error = source_snapshot(watch->source, keep_row, &rows);
		if (!error)
			error = show_rows(&rows);
		free(rows.all);
	} else {
		error = source_snapshot(watch->source, on_row, watch);
	}
	return error && signals_stop() ? 0 : error;
}
