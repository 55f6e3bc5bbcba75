// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_reader.h"

static const struct tcptrace_ring *ring_of(const struct ring_reader *reader, unsigned int cpu)
{
	return (const void *)reader->map + reader->map->rings + cpu * reader->map->stride;
}

static __u64 reserved_on(const struct ring_reader *reader, unsigned int cpu)
{
	return __atomic_load_n(&ring_of(reader, cpu)->reserved, __ATOMIC_ACQUIRE);
}

void ring_open(struct ring_reader *reader, bool oldest)
{
	const struct tcptrace_map *map;
	unsigned int cpu;
	size_t size;

	*reader = (struct ring_reader) { };
	reader->file = open(TCPTRACE_PROC_EVENTS, O_RDWR | O_CLOEXEC);
	if (reader->file < 0)
		err(1, "%s", TCPTRACE_PROC_EVENTS);
	map = mmap(NULL, sizeof(*map), PROT_READ, MAP_SHARED, reader->file, 0);
	if (map == MAP_FAILED)
		err(1, "mapping the first page");
	if (map->magic != TCPTRACE_MAGIC || map->abi != TCPTRACE_ABI ||
	    map->record_size != sizeof(struct tcptrace_record))
		errx(1, "magic %x, ABI %u, records of %u bytes", map->magic, map->abi, map->record_size);
	size = map->size;
	munmap((void *)map, sizeof(*map));
	reader->map = mmap(NULL, size, PROT_READ, MAP_SHARED, reader->file, 0);
	if (reader->map == MAP_FAILED)
		err(1, "mapping %zu bytes", size);

	reader->next = calloc(reader->map->cpus, sizeof(*reader->next));
	reader->bound = calloc(reader->map->cpus, sizeof(*reader->bound));
	if (!reader->next || !reader->bound)
		err(1, "memory");
	for (cpu = 0; cpu < reader->map->cpus; cpu++)
		reader->next[cpu] = oldest ? 1 : reserved_on(reader, cpu) + 1;
}

__u64 ring_reserved(const struct ring_reader *reader)
{
	__u64 sum = 0;
	unsigned int cpu;

	for (cpu = 0; cpu < reader->map->cpus; cpu++)
		sum += reserved_on(reader, cpu);
	return sum;
}

void ring_bound(struct ring_reader *reader)
{
	unsigned int cpu;

	for (cpu = 0; cpu < reader->map->cpus; cpu++)
		reader->bound[cpu] = reserved_on(reader, cpu);
}

static bool next_on(struct ring_reader *reader, unsigned int cpu, struct tcptrace_record *record)
{
	const __u64 slots = reader->map->slots;
	const struct tcptrace_record *records = (const void *)ring_of(reader, cpu) + reader->map->records;
	__u64 *next = &reader->next[cpu];

	while (*next <= reader->bound[cpu]) {
		const struct tcptrace_record *slot = &records[(*next - 1) & (slots - 1)];
		__u64 reserved = reserved_on(reader, cpu), position;

		if (reserved - *next >= slots) {
			reader->overwritten += reserved - slots + 1 - *next;
			*next = reserved - slots + 1;
			continue;
		}
		position = __atomic_load_n(&slot->position, __ATOMIC_ACQUIRE);
		if ((position & ~TCPTRACE_HELD) == (*next | TCPTRACE_HOLE)) {
			reader->holes++;
			++*next;
			continue;
		}
		if (position == *next) {
			*record = *slot;
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&slot->position, __ATOMIC_RELAXED) == position) {
				++*next;
				reader->read++;
				return true;
			}
		}
		sched_yield();	/* being written, or overwritten meanwhile: retry */
	}
	return false;
}

bool ring_next(struct ring_reader *reader, struct tcptrace_record *record)
{
	for (; reader->cpu < reader->map->cpus; reader->cpu++)
		if (next_on(reader, reader->cpu, record))
			return true;
	reader->cpu = 0;
	return false;
}
