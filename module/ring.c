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
	for_each_possible_cpu(cpu)
		per_cpu(tcptrace_rings, cpu) = (void *)map + PAGE_SIZE + cpu * stride;
	return 0;
}

void tcptrace_ring_exit(void)
{
	vfree(map);
}

bool tcptrace_ring_take(struct tcptrace_record *record, u64 position)
{
	u64 found = READ_ONCE(record->position);

	if ((!found && position > tcptrace_ring_slots) || (found & TCPTRACE_HELD)) {
		/* Should it fail, the slot has been gone through meanwhile, too. */
		cmpxchg_local(&record->position, found, position | TCPTRACE_HOLE | TCPTRACE_HELD);
		return false;
	}
	/* Never written, or a hole; or gone through since the position was given out: then leave it. */
	return (found & ~TCPTRACE_HOLE) < position && cmpxchg_local(&record->position, found, 0) == found;
}

struct tcptrace_map *tcptrace_ring_map(void)
{
	return map;
}
