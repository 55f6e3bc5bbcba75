// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "ring.h"
#include "uapi/tcptrace_layout.h"

DEFINE_PER_CPU(struct tcptrace_ring *, tcptrace_rings);
u32 tcptrace_ring_slots;
static struct tcptrace_map *map;

/* A page of head, so that records start on a page and the head does not share a line with them. */
static u64 stride_of(u32 slots)
{
	return PAGE_SIZE + PAGE_ALIGN((u64)slots * sizeof(struct tcptrace_record));
}

/*
 * Leaves each slot as the lap before the first one would have: so the first lap finds what every other one finds. Only
 * the last would have to say 0, which is "being written": it says that it is a hole.
 */
static void begin_ring(struct tcptrace_ring *ring)
{
	u64 position;

	for (position = 1; position < tcptrace_ring_slots; position++)
		tcptrace_ring_slot(ring, position)->position = position - tcptrace_ring_slots;
	tcptrace_ring_slot(ring, position)->position = TCPTRACE_HOLE;
}

/* As begin_ring() left it: the numbers below 0, which have the bits of both flags. */
static bool is_unused(u64 found)
{
	return found > -(u64)tcptrace_ring_slots;
}

int tcptrace_ring_init(u32 slots)
{
	u64 stride = stride_of(slots);
	u64 size = PAGE_SIZE + nr_cpu_ids * stride;
	int cpu;

	BUILD_BUG_ON(sizeof(atomic64_t) != sizeof_field(struct tcptrace_ring, reserved));

	if (!is_power_of_2(slots))
		return -EINVAL;
	/* A quarter of all memory is more than any reader needs, and less than the host can do without. */
	if (size >> PAGE_SHIFT > totalram_pages() / 4) {
		pr_err("ring=%u: %u CPUs would take %llu MiB, more than a quarter of the memory\n",
		       slots, nr_cpu_ids, size >> 20);
		return -ENOMEM;
	}
	map = vmalloc_user(size);
	if (!map)
		return -ENOMEM;

	map->magic = TCPTRACE_MAGIC;
	map->abi = TCPTRACE_ABI;
	map->types_version = TCPTRACE_TYPES_VERSION;
	map->record_size = sizeof(struct tcptrace_record);
	map->cpus = nr_cpu_ids;
	map->slots = slots;
	map->rings = PAGE_SIZE;
	map->stride = stride;
	map->records = PAGE_SIZE;
	map->size = size;
	get_random_bytes(&map->boot, sizeof(map->boot));

	tcptrace_ring_slots = slots;
	for_each_possible_cpu(cpu) {
		per_cpu(tcptrace_rings, cpu) = (void *)map + PAGE_SIZE + cpu * stride;
		begin_ring(per_cpu(tcptrace_rings, cpu));
	}
	return 0;
}

void tcptrace_ring_exit(void)
{
	vfree(map);
}

bool tcptrace_ring_take(struct tcptrace_record *record, u64 position)
{
	u64 found = READ_ONCE(record->position);

	if (!found || (found & TCPTRACE_HELD && !is_unused(found))) {
		/* Should it fail, the slot has been gone through meanwhile, too. */
		cmpxchg_local(&record->position, found, position | TCPTRACE_HOLE | TCPTRACE_HELD);
		return false;
	}
	/* A hole, or not used yet; or gone through since the position was given out: then leave it. */
	return (is_unused(found) || (found & ~TCPTRACE_HOLE) < position) &&
	       cmpxchg_local(&record->position, found, 0) == found;
}

struct tcptrace_map *tcptrace_ring_map(void)
{
	return map;
}
