// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/record_check.h"
#include "source/ring.h"
#include "source/source.h"
#include "tcptrace_layout.h"

#define ROOM_FIRST	256	/* records of a CPU's first buffer */
#define CPUS_MAX	65536

/*
 * One CPU's ring, and the records read from it and not returned yet: from head to tail, sorted by time.
 *
 * Each CPU has a goal: at the time `aim`, `limit` positions were reserved. Once all of them are read, every record
 * older than `aim` has been read, and only then is the next goal set. A slot in the middle of being written delays
 * that, but does not change it, so a busy CPU, which always has one, makes progress. Room for twice the ring is always
 * enough: what cannot be returned when a goal is reached are records made since it was set, at most a ring of them, and
 * the next goal adds at most another.
 */
struct cpu {
	const struct tcptrace_ring *ring;
	const struct tcptrace_record *slots;
	uint64_t position;	/* the next to read */
	uint64_t given;		/* positions reserved, as of this round */
	uint64_t limit;		/* the goal, while `aiming` */
	uint64_t aim;
	bool aiming;
	uint64_t bound;		/* every older record of this CPU has been read */
	struct tcptrace_record *records, *head, *tail;
	size_t room;		/* of records */
	uint64_t overwritten, nested;	/* not reported yet */
	uint64_t without_ring;	/* of the ring's `lost`: reported, or counted in `nested` */
};

/* The non-empty buffers, as a binary heap by the time of their oldest record. */
struct head {
	uint64_t time;
	struct cpu *cpu;
};

struct rings {
	uint64_t (*now)(void);
	uint64_t slots;
	uint32_t types;
	uint64_t bound;		/* the minimum of all CPUs: older records are complete and sorted */
	struct head *heap;
	size_t heap_count;
	bool stalled;
	struct tcptrace_lost lost;
	uint32_t cpu_count;
	struct cpu cpus[];
};

/* ---- opening ---- */

static int refuse(char *error, size_t error_size, const char *what)
{
	snprintf(error, error_size, "the module's mapping is damaged: %s", what);
	return -EPROTO;
}

int rings_check(const struct tcptrace_map *map, size_t size, char *error, size_t error_size)
{
	if (map->magic != TCPTRACE_MAGIC)
		return refuse(error, error_size, "no magic number");
	if (map->abi != TCPTRACE_ABI) {
		snprintf(error, error_size,
			 "the module uses ABI %u, this tcptrace-ctl uses %u: install matching versions",
			 map->abi, TCPTRACE_ABI);
		return -EPROTONOSUPPORT;
	}
	if (map->record_size != sizeof(struct tcptrace_record))
		return refuse(error, error_size, "wrong record size");
	if (!map->slots || map->slots & (map->slots - 1))
		return refuse(error, error_size, "the number of slots is not a power of two");
	if (!map->cpus || map->cpus > CPUS_MAX)
		return refuse(error, error_size, "no CPUs");
	if (map->size > size || map->rings > map->size || map->rings % 8 || map->records % 8 ||
	    map->stride % 8 || map->records < sizeof(struct tcptrace_ring) ||
	    map->records > map->stride ||
	    (map->stride - map->records) / sizeof(struct tcptrace_record) < map->slots ||
	    (map->size - map->rings) / map->stride < map->cpus)
		return refuse(error, error_size, "the rings do not fit");
	return 0;
}

static uint64_t reserved(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->ring->reserved, __ATOMIC_ACQUIRE);
}

static uint64_t without_ring(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->ring->lost, __ATOMIC_RELAXED);
}

int rings_open(const void *base, size_t size, uint32_t types, struct rings **rings_out, char *error,
	       size_t error_size)
{
	const struct tcptrace_map *map = base;
	int result = rings_check(map, size, error, error_size);
	struct rings *rings;
	uint32_t i;

	if (result)
		return result;
	rings = calloc(1, sizeof(*rings) + map->cpus * sizeof(rings->cpus[0]));
	if (rings)
		rings->heap = calloc(map->cpus, sizeof(rings->heap[0]));
	if (!rings || !rings->heap) {
		free(rings);
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	rings->now = clock_before_loads;
	rings->slots = map->slots;
	rings->types = types;
	rings->cpu_count = map->cpus;
	for (i = 0; i < map->cpus; i++) {
		struct cpu *cpu = &rings->cpus[i];
		const char *ring = (const char *)base + map->rings + i * map->stride;

		cpu->ring = (const void *)ring;
		cpu->slots = (const void *)(ring + map->records);
		cpu->position = reserved(cpu) + 1;
		cpu->without_ring = without_ring(cpu);
	}
	*rings_out = rings;
	return 0;
}

void rings_close(struct rings *rings)
{
	uint32_t i;

	if (!rings)
		return;
	for (i = 0; i < rings->cpu_count; i++)
		free(rings->cpus[i].records);
	free(rings->heap);
	free(rings);
}

void rings_set_clock(struct rings *rings, uint64_t (*now)(void))
{
	rings->now = now;
}

/* ---- one CPU ---- */

static void move(struct cpu *cpu, struct tcptrace_record *to)
{
	size_t held = cpu->tail - cpu->head;

	if (held)
		memmove(to, cpu->head, held * sizeof(*to));
	cpu->head = to;
	cpu->tail = to + held;
}

/* Room for `more` records at the tail. False if the buffer must not grow that far; -ENOMEM. */
static int make_room(const struct rings *rings, struct cpu *cpu, size_t more)
{
	size_t most = 2 * (rings->slots + 1), wanted = cpu->tail - cpu->head + more, room;
	struct tcptrace_record *records;

	if (cpu->tail + more <= cpu->records + cpu->room)
		return true;
	if (wanted > most)
		return false;
	if (wanted <= cpu->room) {
		move(cpu, cpu->records);
		return true;
	}
	for (room = cpu->room ? cpu->room : ROOM_FIRST; room < wanted; room *= 2)
		;
	if (room > most)
		room = most;
	records = aligned_alloc(64, room * sizeof(*records));
	if (!records)
		return -ENOMEM;
	move(cpu, records);
	free(cpu->records);
	cpu->records = records;
	cpu->room = room;
	return true;
}

/*
 * The record at `tail` belongs before some that are already there: a handler was interrupted between reserving its slot
 * and taking the time, and the nested one, in a later slot, is older.
 */
static void insert(const struct cpu *cpu, struct tcptrace_record *at)
{
	struct tcptrace_record late = *at;

	for (; at > cpu->head && at[-1].time > late.time; at--)
		*at = at[-1];
	*at = late;
}

static void push_lost(struct rings *rings, struct cpu *cpu, uint64_t time)
{
	struct tcptrace_record *record = cpu->tail++;

	memset(record, 0, sizeof(*record));
	record->type = TCPTRACE_T_LOST;
	record->time = time;
	record->cpu = cpu - rings->cpus;
	record->u.lost.overwritten = cpu->overwritten;
	record->u.lost.nested = cpu->nested;
	rings->lost.overwritten += cpu->overwritten;
	rings->lost.nested += cpu->nested;
	cpu->overwritten = 0;
	cpu->nested = 0;
	insert(cpu, record);
}

/* The record at `tail` follows a loss. There is room: the lost records took slots, too. */
static void push_behind_loss(struct rings *rings, struct cpu *cpu)
{
	struct tcptrace_record kept = *cpu->tail;

	push_lost(rings, cpu, kept.time);
	*cpu->tail = kept;
}

/* In pieces that compilers turn into plain moves: as a whole it would be a `rep movs`, which is slow to start. */
static inline void copy(struct tcptrace_record *to, const struct tcptrace_record *from)
{
	char *t = (char *)to;
	const char *f = (const char *)from;

	memcpy(t, f, 64);
	memcpy(t + 64, f + 64, 64);
	memcpy(t + 128, f + 128, 64);
}

/* A complete copy is at `tail`, of the next position: keeps it if it is wanted. */
static inline void keep(struct rings *rings, struct cpu *cpu)
{
	struct tcptrace_record *record = cpu->tail;

	if (record->type > TCPTRACE_T_LOST || !(rings->types & 1u << record->type)) {
		rings->lost.unknown += !record_known(record);
		return;
	}
	if (!record_sound(record)) {
		rings->lost.unknown++;
		return;
	}
	record_terminate(record);
	if (cpu->overwritten | cpu->nested) {
		push_behind_loss(rings, cpu);
		record = cpu->tail;
	}
	cpu->tail++;
	if (record > cpu->head && record[-1].time > record->time)
		insert(cpu, record);
}

/* Reads up to the limit. False if a writer is in the middle of a slot. */
static bool drain(struct rings *rings, struct cpu *cpu)
{
	uint64_t slots = rings->slots, limit = cpu->limit, position = cpu->position, given;

	while (position <= limit) {
		const struct tcptrace_record *slot = &cpu->slots[(position - 1) & (slots - 1)];
		uint64_t found = __atomic_load_n(&slot->position, __ATOMIC_ACQUIRE);

		if (found == position) {
			copy(cpu->tail, slot);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&slot->position, __ATOMIC_RELAXED) == position) {
				position++;
				keep(rings, cpu);
				continue;
			}
		} else if ((found & ~TCPTRACE_HELD) == (position | TCPTRACE_HOLE)) {
			position++;
			cpu->nested++;
			continue;
		}
		given = reserved(cpu);
		if (given - position < slots)
			break;
		cpu->overwritten += given - slots + 1 - position;
		position = given - slots + 1;
	}
	cpu->position = position;
	return position > limit;
}

/* ---- all CPUs ---- */

static void sift_down(struct rings *rings, size_t at)
{
	struct head *heap = rings->heap, moved = heap[at];
	size_t count = rings->heap_count, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && heap[child + 1].time < heap[child].time)
			child++;
		if (heap[child].time >= moved.time)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

static void build_heap(struct rings *rings)
{
	uint32_t i;
	size_t at;

	rings->heap_count = 0;
	for (i = 0; i < rings->cpu_count; i++) {
		struct cpu *cpu = &rings->cpus[i];

		if (cpu->head == cpu->tail)
			continue;
		rings->heap[rings->heap_count].time = cpu->head->time;
		rings->heap[rings->heap_count++].cpu = cpu;
	}
	for (at = rings->heap_count / 2; at-- > 0;)
		sift_down(rings, at);
}

/* Reads up to the goal, then up to that of this round. Returns 0 or -ENOMEM. */
static int read_cpu(struct rings *rings, struct cpu *cpu, uint64_t now)
{
	uint64_t backlog, lost = without_ring(cpu);
	int room;

	if (cpu->head == cpu->tail)
		cpu->head = cpu->tail = cpu->records;
	cpu->nested += lost - cpu->without_ring;
	cpu->without_ring = lost;
	do {
		if (!cpu->aiming) {
			cpu->limit = cpu->given;
			cpu->aim = now;
			cpu->aiming = true;
		}
		if (cpu->position <= cpu->limit || cpu->nested) {
			/* A LOST record takes the room of a lost one, except if a whole ring or more was lost. */
			backlog = cpu->limit - cpu->position + 1;
			if (backlog > rings->slots)
				backlog = rings->slots;
			room = make_room(rings, cpu, backlog + 1);
			if (room <= 0)
				return room;
			if (!drain(rings, cpu)) {
				rings->stalled = true;
				return 0;
			}
			/*
			 * The last slots before the goal were lost; they were older than it, their exact time is
			 * unknown.
			 */
			if (cpu->overwritten | cpu->nested)
				push_lost(rings, cpu, cpu->aim - 1);
		}
		cpu->aiming = false;
		cpu->bound = cpu->aim;
	} while (cpu->bound < now);
	return 0;
}

/* Reads what is there, and determines up to which time it is complete. */
static int refill(struct rings *rings)
{
	uint64_t now = rings->now();
	uint32_t i;
	int error;

	for (i = 0; i < rings->cpu_count; i++)
		rings->cpus[i].given = reserved(&rings->cpus[i]);
	rings->stalled = false;
	rings->bound = now;
	for (i = 0; i < rings->cpu_count; i++) {
		struct cpu *cpu = &rings->cpus[i];

		error = read_cpu(rings, cpu, now);
		if (error)
			return error;
		if (cpu->bound < rings->bound)
			rings->bound = cpu->bound;
	}
	build_heap(rings);
	return 0;
}

/* The top may not be the oldest any more. Usually it still is: events come in runs of one CPU. */
static inline bool overtaken(const struct rings *rings)
{
	const struct head *heap = rings->heap;

	return (rings->heap_count > 1 && heap[1].time < heap->time) ||
	       (rings->heap_count > 2 && heap[2].time < heap->time);
}

static inline const struct tcptrace_record *take(struct rings *rings)
{
	struct head *top = rings->heap;
	const struct tcptrace_record *record;
	struct cpu *cpu;

	if (!rings->heap_count || top->time >= rings->bound)
		return NULL;
	cpu = top->cpu;
	record = cpu->head++;
	if (cpu->head == cpu->tail)
		*top = rings->heap[--rings->heap_count];
	else
		top->time = cpu->head->time;
	if (overtaken(rings))
		sift_down(rings, 0);
	rings->lost.events += record->type != TCPTRACE_T_LOST;
	return record;
}

/* Twice: records that arrived while the first round was read are younger than its bound. */
static int refill_and_take(struct rings *rings, const struct tcptrace_record **record)
{
	int round, error;

	for (round = 0; round < 2; round++) {
		error = refill(rings);
		if (error)
			return error;
		*record = take(rings);
		if (*record)
			return SOURCE_RECORD;
		if (!rings->heap_count)
			break;
	}
	return SOURCE_IDLE;
}

int rings_next(struct rings *rings, const struct tcptrace_record **record)
{
	*record = take(rings);
	return *record ? SOURCE_RECORD : refill_and_take(rings, record);
}

bool rings_stalled(const struct rings *rings)
{
	return rings->stalled || rings->heap_count;
}

uint64_t rings_complete_until(const struct rings *rings)
{
	return rings->bound;
}

void rings_losses(const struct rings *rings, struct tcptrace_lost *lost)
{
	lost->overwritten += rings->lost.overwritten;
	lost->nested += rings->lost.nested;
	lost->unknown += rings->lost.unknown;
	lost->events += rings->lost.events;
}
