// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/signals.h"
#include "record/record_check.h"
#include "source/bpf/events.h"
#include "source/bpf/shared.h"
#include "source/source.h"

#define SAMPLE		(BPF_RINGBUF_HDR_SZ + sizeof(struct tcptrace_record))	/* bytes of a record in the buffer */
#define GATHER_MS	10	/* how long records may be gathered before they are read */
#define MISSED_NS	1000000000ull	/* interval for querying misses: one system call for each program */

/*
 * All CPUs share the buffer. A writer reserves its slot and then takes the time, so records are nearly in order of
 * time; if two writers race, the later slot may have the earlier time. So the reader sets a goal: at the time `aim`,
 * `limit` bytes were reserved. Once these are read, every record older than `aim` has been read.
 */
struct events {
	struct events_request request;
	struct ring_buffer *ring;
	const uint64_t *given;		/* bytes of the buffer reserved so far, counted by the kernel */
	uint64_t taken;			/* bytes read */
	uint64_t limit, aim;		/* the goal, while `aiming` */
	bool aiming;
	uint64_t bound;			/* older records are complete and sorted */
	struct tcptrace_record *records, *head, *tail;	/* read and not returned yet: sorted by time */
	size_t room;
	uint64_t asked;			/* when misses were last queried */
	const struct bpf_cpu *cpus;
	int cpu_count;
	struct tcptrace_lost lost;
	int error;
};

static uint64_t given(const struct events *events)
{
	return __atomic_load_n(events->given, __ATOMIC_ACQUIRE);
}

static size_t cpus_size(const struct events *events)
{
	size_t page = sysconf(_SC_PAGESIZE), size = events->cpu_count * sizeof(struct bpf_cpu);

	return (size + page - 1) / page * page;
}

/* ---- reading ---- */

/* Room for one more record at the tail. */
static int make_room(struct events *events)
{
	size_t held = events->tail - events->head, head = events->head - events->records;

	if (events->tail < events->records + events->room)
		return 0;
	if (head > events->room / 2) {
		memmove(events->records, events->head, held * sizeof(*events->records));
		head = 0;
	} else if (!array_reserve(events->records, events->room, events->room + 1)) {
		return -ENOMEM;
	}
	events->head = events->records + head;
	events->tail = events->head + held;
	return 0;
}

static int push(struct events *events, const struct tcptrace_record *record)
{
	struct tcptrace_record *at;

	if (make_room(events))
		return -ENOMEM;
	for (at = events->tail++; at > events->head && at[-1].time > record->time; at--)
		*at = at[-1];
	*at = *record;
	record_terminate(at);
	return 0;
}

/* libbpf's callback. Non-zero stops the reading; the record was consumed all the same. */
static int on_sample(void *arg, void *data, size_t size)
{
	const struct tcptrace_record *record = data;
	struct events *events = arg;

	events->taken += SAMPLE;
	if (size != sizeof(*record) || !record_known(record) || !record_sound(record))
		events->lost.unknown++;
	else if (events->request.types & 1u << record->type)
		events->error = push(events, record);
	if (events->error)
		return events->error;
	return events->taken >= events->limit ? -ECANCELED : 0;
}

static uint64_t lost_until_now(const struct events *events)
{
	uint64_t lost = 0;
	int i;

	for (i = 0; i < events->cpu_count; i++)
		lost += __atomic_load_n(&events->cpus[i].lost, __ATOMIC_RELAXED);
	return lost;
}

static uint64_t missed_until_now(struct events *events)
{
	if (events->aim - events->asked < MISSED_NS)
		return events->lost.missed;
	events->asked = events->aim;
	return events->request.missed(events->request.arg);
}

/* They were lost before this goal was reached; their exact time is unknown. */
static int tell_losses(struct events *events)
{
	uint64_t lost = lost_until_now(events), missed = missed_until_now(events);
	struct tcptrace_record record = {
		.type = TCPTRACE_T_LOST,
		.time = events->aim - 1,
		.u.lost.overwritten = lost - events->lost.overwritten,
		.u.lost.missed = missed - events->lost.missed,
	};

	if (!record.u.lost.overwritten && !record.u.lost.missed)
		return 0;
	events->lost.overwritten = lost;
	events->lost.missed = missed;
	return push(events, &record);
}

/* Reads up to the goal. Returns 0 or -ENOMEM. */
static int refill(struct events *events)
{
	if (!events->aiming) {
		events->aim = clock_before_loads();
		events->limit = given(events);
		events->aiming = true;
	}
	if (events->taken < events->limit)
		ring_buffer__consume(events->ring);
	if (events->error)
		return events->error;
	/* A writer is in the middle of its record. */
	if (events->taken < events->limit)
		return 0;
	events->aiming = false;
	events->bound = events->aim;
	return tell_losses(events);
}

/* ---- returning records ---- */

static const struct tcptrace_record *take(struct events *events)
{
	if (events->head == events->tail || events->head->time >= events->bound)
		return NULL;
	events->lost.events += events->head->type != TCPTRACE_T_LOST;
	return events->head++;
}

int events_next(struct events *events, const struct tcptrace_record **record)
{
	int round, error;

	/* Twice: records that arrived while the first goal was read may be younger than it. */
	for (round = 0; round < 3; round++) {
		*record = take(events);
		if (*record)
			return SOURCE_RECORD;
		if (events->head == events->tail)
			events->head = events->tail = events->records;
		if (round == 2 || (round == 1 && events->head == events->tail))
			break;
		error = refill(events);
		if (error)
			return error;
	}
	return SOURCE_IDLE;
}

uint64_t events_complete_until(const struct events *events)
{
	return events->bound;
}

static int shorter(int timeout_ms, int limit_ms)
{
	return timeout_ms < 0 || timeout_ms > limit_ms ? limit_ms : timeout_ms;
}

/* Only this reader is woken, once for each time that it sleeps. */
int events_wait(struct events *events, int timeout_ms)
{
	struct pollfd fds = { .fd = events->request.buffer, .events = POLLIN };
	int result;

	if (events->aiming || events->head != events->tail)
		return signals_poll(NULL, 0, shorter(timeout_ms, SOURCE_STALL_MS));
	__atomic_store_n(events->request.sleeping, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (given(events) == events->taken) {
		result = signals_poll(&fds, 1, timeout_ms);
		if (result <= 0)
			return result;
	}
	return signals_poll(NULL, 0, shorter(timeout_ms, GATHER_MS));
}

void events_losses(const struct events *events, struct tcptrace_lost *lost)
{
	*lost = events->lost;
	lost->overwritten = lost_until_now(events);
	lost->missed = events->request.missed(events->request.arg);
}

/* ---- opening ---- */

int events_open(const struct events_request *request, struct events **opened)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct events *events = calloc(1, sizeof(*events));
	void *map;

	if (!events)
		return -ENOMEM;
	events->request = *request;
	events->asked = clock_before_loads();
	events->cpu_count = libbpf_num_possible_cpus();
	map = mmap(NULL, cpus_size(events), PROT_READ, MAP_SHARED, request->cpus, 0);
	if (map == MAP_FAILED)
		goto fail;
	events->cpus = map;
	/* The buffer's second page has the kernel's count. libbpf does not expose its own mapping of it. */
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, request->buffer, page);
	if (map == MAP_FAILED)
		goto fail;
	events->given = map;
	events->ring = ring_buffer__new(request->buffer, on_sample, events, NULL);
	if (!events->ring)
		goto fail;
	*opened = events;
	return 0;

fail:
	page = errno;
	events_close(events);
	return -(int)page;
}

void events_close(struct events *events)
{
	if (!events)
		return;
	ring_buffer__free(events->ring);
	if (events->given)
		munmap((void *)events->given, sysconf(_SC_PAGESIZE));
	if (events->cpus)
		munmap((void *)events->cpus, cpus_size(events));
	free(events->records);
	free(events);
}
