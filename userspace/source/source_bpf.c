// SPDX-License-Identifier: GPL-2.0-only
/* The BPF source: programs loaded for this reader alone, with its filter, and removed when it ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/netns.h"
#include "host/rights.h"
#include "record/level.h"
#include "source/bpf/cookies.h"
#include "source/bpf/events.h"
#include "source/bpf/load.h"
#include "source/bpf/sockets.h"
#include "source/source_open.h"

struct source_bpf {
	struct source source;
	struct tcptrace_bpf *skeleton;
	struct events *events;
	uint64_t unknown;	/* in the snapshot */
};

static struct source_bpf *bpf_of(struct source *source)
{
	return (struct source_bpf *)source;
}

static int complain(struct source_bpf *bpf, int error, const char *what)
{
	snprintf(bpf->source.error, sizeof(bpf->source.error), "BPF: %s: %s", what, strerror(-error));
	return error;
}

static int bpf_snapshot(struct source *source, source_each each, void *arg)
{
	struct source_bpf *bpf = bpf_of(source);
	int result = sockets_each(bpf->skeleton->progs.snapshot, each, arg, &bpf->unknown);

	return result < 0 ? complain(bpf, result, "the snapshot") : result;
}

static int bpf_next(struct source *source, const struct tcptrace_record **record)
{
	struct source_bpf *bpf = bpf_of(source);
	int result = events_next(bpf->events, record);

	return result < 0 ? complain(bpf, result, "the events") : result;
}

static uint64_t bpf_complete_until(const struct source *source)
{
	return events_complete_until(((const struct source_bpf *)source)->events);
}

static int bpf_wait(struct source *source, int timeout_ms)
{
	struct source_bpf *bpf = bpf_of(source);
	int result = events_wait(bpf->events, timeout_ms);

	if (result < 0 && result != -EINTR)
		return complain(bpf, result, "waiting");
	return 0;
}

static void bpf_losses(struct source *source, struct tcptrace_lost *lost)
{
	struct source_bpf *bpf = bpf_of(source);

	events_losses(bpf->events, lost);
	lost->unknown += bpf->unknown;
}

static void close_events(struct source_bpf *bpf)
{
	events_close(bpf->events);
	bpf->events = NULL;
	tcptrace_bpf__destroy(bpf->skeleton);
	bpf->skeleton = NULL;
}

static void bpf_close(struct source *source)
{
	struct source_bpf *bpf = bpf_of(source);

	close_events(bpf);
	free(bpf);
}

static const struct source_ops ops = {
	.snapshot = bpf_snapshot,
	.next = bpf_next,
	.complete_until = bpf_complete_until,
	.wait = bpf_wait,
	.losses = bpf_losses,
	.close = bpf_close,
};

static uint64_t missed(void *skeleton)
{
	return probes_missed(skeleton);
}

static int open_events(struct source_bpf *bpf, const struct source_request *request, enum attaching how,
		       char *error, size_t error_size)
{
	struct events_request events = { .types = level_types(request->level), .missed = missed };
	int result = load_programs(request, how, &bpf->skeleton, error, error_size);

	if (result)
		return result;
	events.buffer = bpf_map__fd(bpf->skeleton->maps.events);
	events.cpus = bpf_map__fd(bpf->skeleton->maps.cpus);
	events.sleeping = &bpf->skeleton->bss->sleeping;
	events.arg = bpf->skeleton;
	result = events_open(&events, &bpf->events);
	if (result) {
		snprintf(error, error_size, "BPF: the ring buffer: %s", strerror(-result));
		return result;
	}
	result = attach_probes(bpf->skeleton, error, error_size);
	if (result || !bpf_program__autoload(bpf->skeleton->progs.socket_cookie))
		return result;
	/* Before the start time and the snapshot are taken: events without a cookie belong to no endpoint. */
	result = netns_each(cookies_make, NULL);
	if (result)
		snprintf(error, error_size, "BPF: cookies: %s", strerror(-result));
	return result;
}

/* Not every kernel has trampolines, which is known only after trying one. TCPTRACE_BPF_KPROBE is for tests. */
static int open_either_way(struct source_bpf *bpf, const struct source_request *request, char *error,
			   size_t error_size)
{
	int result;

	if (!getenv("TCPTRACE_BPF_KPROBE")) {
		result = open_events(bpf, request, BY_TRAMPOLINE, error, error_size);
		if (!result || result == -EPERM || result == -ENOENT || result == -ESHUTDOWN)
			return result;
		close_events(bpf);
	}
	return open_events(bpf, request, BY_KPROBE, error, error_size);
}

int source_bpf_open(const struct source_request *request, struct source **source, char *error,
		    size_t error_size)
{
	const char *missing = rights_missing_for_bpf();
	struct source_bpf *bpf;
	int result;

	if (missing) {
		snprintf(error, error_size, "BPF: needs root: %s: use sudo", missing);
		return -EPERM;
	}
	bpf = calloc(1, sizeof(*bpf));
	if (!bpf) {
		snprintf(error, error_size, "BPF: out of memory");
		return -ENOMEM;
	}
	bpf->source.ops = &ops;
	bpf->source.name = "bpf";
	bpf->source.live = true;
	bpf->source.types = TCPTRACE_TYPES_VERSION;
	bpf->source.level = request->level;
	source_describe_host(&bpf->source);
	result = open_either_way(bpf, request, error, error_size);
	if (result) {
		bpf_close(&bpf->source);
		return result;
	}
	*source = &bpf->source;
	return 0;
}
