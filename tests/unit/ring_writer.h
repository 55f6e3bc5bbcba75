/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's side of the rings, in memory of the test: the same layout, and the same steps in the same order
 * (module/ring.h), one at a time, so that a test can stop a writer anywhere.
 */
#ifndef TCPTRACE_RING_WRITER_H
#define TCPTRACE_RING_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tcptrace.h"

#define WRITER_PAGE	4096u

struct writer {
	struct tcptrace_map *map;
	size_t size;
};

static inline struct tcptrace_ring *writer_ring(const struct writer *writer, uint32_t cpu)
{
	return (void *)((char *)writer->map + writer->map->rings + cpu * writer->map->stride);
}

static inline struct tcptrace_record *writer_slot(const struct writer *writer, uint32_t cpu,
						  uint64_t position)
{
	struct tcptrace_record *records = (void *)((char *)writer_ring(writer, cpu) +
						   writer->map->records);

	return &records[(position - 1) & (writer->map->slots - 1)];
}

static inline void writer_open(struct writer *writer, uint32_t cpus, uint32_t slots)
{
	uint64_t bytes = slots * sizeof(struct tcptrace_record);
	uint64_t stride = WRITER_PAGE + (bytes + WRITER_PAGE - 1) / WRITER_PAGE * WRITER_PAGE, position;
	uint32_t cpu;

	writer->size = WRITER_PAGE + cpus * stride;
	writer->map = aligned_alloc(WRITER_PAGE, writer->size);
	if (!writer->map)
		abort();
	memset(writer->map, 0, writer->size);
	*writer->map = (struct tcptrace_map) {
		.magic = TCPTRACE_MAGIC,
		.abi = TCPTRACE_ABI,
		.types_version = TCPTRACE_TYPES_VERSION,
		.record_size = sizeof(struct tcptrace_record),
		.cpus = cpus,
		.slots = slots,
		.rings = WRITER_PAGE,
		.stride = stride,
		.records = WRITER_PAGE,
		.size = writer->size,
		.boot = 1,
	};
	for (cpu = 0; cpu < cpus; cpu++)
		for (position = 1; position <= slots; position++)
			writer_slot(writer, cpu, position)->position =
				position < slots ? position - slots : TCPTRACE_HOLE;
}

static inline void writer_close(struct writer *writer)
{
	free(writer->map);
}

/* Reserves the next position, whose slot is the caller's; 0: a hole was published instead. */
static inline uint64_t writer_reserve(const struct writer *writer, uint32_t cpu)
{
	uint64_t position = __atomic_add_fetch(&writer_ring(writer, cpu)->reserved, 1,
					       __ATOMIC_SEQ_CST);
	struct tcptrace_record *slot = writer_slot(writer, cpu, position);

	if (!__atomic_load_n(&slot->position, __ATOMIC_RELAXED)) {
		__atomic_store_n(&slot->position, position | TCPTRACE_HOLE, __ATOMIC_RELEASE);
		return 0;
	}
	__atomic_store_n(&slot->position, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return position;
}

/*
 * Fills the slot so that a test recognises a complete record: the cookie is the position, each byte of the union its
 * lowest byte.
 */
static inline void writer_fill(const struct writer *writer, uint32_t cpu, uint64_t position,
			       uint64_t time, enum tcptrace_type type)
{
	struct tcptrace_record *slot = writer_slot(writer, cpu, position);

	slot->time = time;
	slot->cookie = position;
	slot->type = type;
	slot->cpu = cpu;
	slot->family = AF_INET;
	slot->kind = TCPTRACE_K_FULL;
	slot->old_state = TCPTRACE_S_ESTABLISHED;
	slot->new_state = TCPTRACE_S_CLOSE_WAIT;
	memset(slot->u.bytes, (uint8_t)position, sizeof(slot->u.bytes));
}

static inline void writer_publish(const struct writer *writer, uint32_t cpu, uint64_t position)
{
	struct tcptrace_record *slot = writer_slot(writer, cpu, position);
	uint64_t being_written = 0;

	__atomic_compare_exchange_n(&slot->position, &being_written, position, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* All steps at once. Returns the position. */
static inline uint64_t writer_put(const struct writer *writer, uint32_t cpu, uint64_t time,
				  enum tcptrace_type type)
{
	uint64_t position = writer_reserve(writer, cpu);

	if (position) {
		writer_fill(writer, cpu, position, time, type);
		writer_publish(writer, cpu, position);
	}
	return position;
}

/* Is it what was written for that position, and nothing else? */
static inline int writer_whole(const struct tcptrace_record *record)
{
	size_t i;

	for (i = 0; i < sizeof(record->u.bytes); i++)
		if (record->u.bytes[i] != (uint8_t)record->cookie)
			return 0;
	return record->position == record->cookie;
}

#endif
