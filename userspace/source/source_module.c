// SPDX-License-Identifier: GPL-2.0-only
/* The source that is the loaded module: /proc/tcptrace, and its netlink family for what the probes missed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/signals.h"
#include "host/channel.h"
#include "host/kprobes_enabled.h"
#include "host/module_state.h"
#include "host/rights.h"
#include "record/level.h"
#include "record/record_check.h"
#include "source/ring.h"
#include "source/source_open.h"

#define SNAPSHOT_BUFFER	((size_t)5461 * sizeof(struct tcptrace_record))	/* 1 MiB */

struct source_module {
	struct source source;
	int events;
	void *map;
	size_t map_size;
	struct rings *rings;
	struct channel *channel;	/* NULL: there is no such family */
	uint64_t missed_before;
	struct tcptrace_lost lost;	/* losses that the rings do not know of */
};

static struct source_module *module_of(struct source *source)
{
	return (struct source_module *)source;
}

/* What an errno of these files means, and the remedy. */
static int explain(int error, const char *what, char *text, size_t size)
{
	switch (error) {
	case ENOENT:
		snprintf(text, size, "the module is not loaded: sudo tcptrace-ctl load");
		break;
	case EACCES:
	case EPERM:
		rights_explain(text, size);
		break;
	case EBUSY:
		snprintf(text, size,
			 "kernel.ftrace_enabled is 0, so no probe would fire: sudo sysctl kernel.ftrace_enabled=1");
		break;
	case ESHUTDOWN:
		snprintf(text, size, "kprobes are switched off as a whole, so no probe would fire: " KPROBES_REMEDY);
		break;
	case EUSERS:
		snprintf(text, size,
			 "the module has its maximum of readers (%u): stop one, tcptrace-ctl status lists them",
			 TCPTRACE_READERS_MAX);
		break;
	case ENOSPC:
		snprintf(text, size,
			 "the filters of all readers together have the maximum of clauses (%u): stop a reader, "
			 "tcptrace-ctl status lists them",
			 TCPTRACE_CLAUSES_IN_ALL);
		break;
	case ENXIO:
		snprintf(text, size,
			 "no probe of this level could be attached to this kernel: see tcptrace-ctl status");
		break;
	default:
		snprintf(text, size, "%s: %s", what, strerror(error));
	}
	return -error;
}

static int complain(struct source_module *module, int error, const char *what)
{
	return explain(error, what, module->source.error, sizeof(module->source.error));
}

/* ---- the snapshot ---- */

static int hand_out(struct source_module *module, unsigned char *buffer, size_t size,
		    source_each each, void *arg)
{
	size_t at;
	int result = 0;

	for (at = 0; at < size && !result; at += sizeof(struct tcptrace_record)) {
		struct tcptrace_record *record = (void *)(buffer + at);

		if (!record_known(record) || !record_sound(record)) {
			module->lost.unknown++;
			continue;
		}
		record_terminate(record);
		result = each(record, arg);
	}
	return result;
}

static int read_sockets(struct source_module *module, int fd, unsigned char *buffer,
			source_each each, void *arg)
{
	size_t held = 0, whole;
	ssize_t got;
	int result;

	for (;;) {
		got = read(fd, buffer + held, SNAPSHOT_BUFFER - held);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return complain(module, errno, "read " TCPTRACE_PROC_SOCKETS);
		if (!got)
			return 0;
		held += got;
		whole = held - held % sizeof(struct tcptrace_record);
		result = hand_out(module, buffer, whole, each, arg);
		if (result)
			return result;
		held -= whole;
		memmove(buffer, buffer + whole, held);
	}
}

static int module_snapshot(struct source *source, source_each each, void *arg)
{
	struct source_module *module = module_of(source);
	unsigned char *buffer;
	int fd, result;

	fd = open(TCPTRACE_PROC_SOCKETS, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(module, errno, "open " TCPTRACE_PROC_SOCKETS);
	buffer = malloc(SNAPSHOT_BUFFER);
	result = buffer ? read_sockets(module, fd, buffer, each, arg) :
			  complain(module, ENOMEM, TCPTRACE_PROC_SOCKETS);
	free(buffer);
	close(fd);
	return result;
}

/* ---- the events ---- */

static int module_next(struct source *source, const struct tcptrace_record **record)
{
	struct source_module *module = module_of(source);
	int result = rings_next(module->rings, record);

	return result < 0 ? complain(module, -result, TCPTRACE_PROC_EVENTS) : result;
}

static uint64_t module_complete_until(const struct source *source)
{
	return rings_complete_until(((const struct source_module *)source)->rings);
}

static int module_wait(struct source *source, int timeout_ms)
{
	struct source_module *module = module_of(source);
	struct pollfd fds = { .fd = module->events, .events = POLLIN };
	int result;

	/* A writer stopped in the middle of a slot (its virtual CPU was preempted): poll() does not wait for that. */
	if (rings_stalled(module->rings))
		result = signals_poll(NULL, 0, timeout_ms ? SOURCE_STALL_MS : 0);
	else
		result = signals_poll(&fds, 1, timeout_ms);
	if (result < 0 && result != -EINTR)
		return complain(module, -result, "poll " TCPTRACE_PROC_EVENTS);
	return 0;
}

static void module_losses(struct source *source, struct tcptrace_lost *lost)
{
	struct source_module *module = module_of(source);
	uint64_t missed;

	if (module->channel && !module_missed(module->channel, &missed))
		module->lost.missed = missed - module->missed_before;
	*lost = module->lost;
	rings_losses(module->rings, lost);
}

static void module_close(struct source *source)
{
	struct source_module *module = module_of(source);

	rings_close(module->rings);
	channel_close(module->channel);
	if (module->map)
		munmap(module->map, module->map_size);
	if (module->events >= 0)
		close(module->events);
	free(module);
}

static const struct source_ops ops = {
	.snapshot = module_snapshot,
	.next = module_next,
	.complete_until = module_complete_until,
	.wait = module_wait,
	.losses = module_losses,
	.close = module_close,
};

/* ---- opening ---- */

static int map_events(struct source_module *module, char *error, size_t error_size)
{
	long page = sysconf(_SC_PAGESIZE);
	const struct tcptrace_map *head;
	uint64_t size;
	int result;

	head = mmap(NULL, page, PROT_READ, MAP_SHARED, module->events, 0);
	if (head == MAP_FAILED)
		return explain(errno, "mmap " TCPTRACE_PROC_EVENTS, error, error_size);
	result = rings_check(head, SIZE_MAX, error, error_size);
	size = head->size;
	munmap((void *)head, page);
	if (result)
		return result;

	module->map = mmap(NULL, size, PROT_READ, MAP_SHARED, module->events, 0);
	if (module->map == MAP_FAILED) {
		module->map = NULL;
		return explain(errno, "mmap " TCPTRACE_PROC_EVENTS, error, error_size);
	}
	module->map_size = size;
	module->source.boot = ((const struct tcptrace_map *)module->map)->boot;
	module->source.types = ((const struct tcptrace_map *)module->map)->types_version;
	return 0;
}

static int write_filter(int fd, const struct source_request *request, char *error,
			size_t error_size)
{
	struct {
		struct tcptrace_filter head;
		struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	} filter = { .head = { .abi = TCPTRACE_ABI, .level = request->level } };
	size_t size = sizeof(filter.head);

	/* More clauses than the module accepts: record everything, and let the reader filter. */
	if (request->clause_count <= TCPTRACE_CLAUSES_MAX) {
		filter.head.clauses = request->clause_count;
		size += request->clause_count * sizeof(filter.clauses[0]);
		if (request->clause_count)
			memcpy(filter.clauses, request->clauses, size - sizeof(filter.head));
	}
	if (write(fd, &filter, size) < 0)
		return explain(errno, "write " TCPTRACE_PROC_EVENTS, error, error_size);
	return 0;
}

/* The positions are read before the filter is written, so that nothing is skipped. */
static int open_events(struct source_module *module, const struct source_request *request,
		       char *error, size_t error_size)
{
	int result;

	module->events = open(TCPTRACE_PROC_EVENTS, O_RDWR | O_CLOEXEC);
	if (module->events < 0)
		return explain(errno, "open " TCPTRACE_PROC_EVENTS, error, error_size);
	result = map_events(module, error, error_size);
	if (result)
		return result;
	result = rings_open(module->map, module->map_size, level_types(request->level),
			    &module->rings, error, error_size);
	if (result)
		return result;
	if (channel_open(&module->channel))
		module->channel = NULL;
	else if (module_missed(module->channel, &module->missed_before)) {
		channel_close(module->channel);
		module->channel = NULL;
	}
	return write_filter(module->events, request, error, error_size);
}

int source_module_open(const struct source_request *request, struct source **source, char *error,
		       size_t error_size)
{
	struct source_module *module = calloc(1, sizeof(*module));
	int result;

	if (!module)
		return explain(ENOMEM, TCPTRACE_PROC_EVENTS, error, error_size);
	module->source.ops = &ops;
	module->source.name = "module";
	module->source.live = true;
	module->source.level = request->level;
	source_describe_host(&module->source);
	result = open_events(module, request, error, error_size);
	if (result) {
		module_close(&module->source);
		return result;
	}
	*source = &module->source;
	return 0;
}
