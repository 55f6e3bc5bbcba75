// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "ring.h"
#include "uapi/tcptrace_layout.h"

DEFINE_PER_CPU(struct tcptrace_ring *, tcptrace_rings);
DEFINE_PER_CPU(struct tcptrace_record *, tcptrace_records);
DEFINE_PER_CPU(u64, tcptrace_ring_nested);
u32 tcptrace_ring_slots;
struct cpumask tcptrace_ring_cpus;

static struct tcptrace_map *map;	/* the first page of the mapping, followed by the first page of each ring */
static enum cpuhp_state hotplug;
static DEFINE_MUTEX(tcptrace_ring_lock);	/* the two below, and which CPUs have records */
static unsigned int users;
static bool needed;			/* by a user: a CPU that comes online gets records */

/* Positions given out in records that were freed since, so that the sum only grows. */
static DEFINE_PER_CPU(u64, given_out_before);
static DEFINE_SEQLOCK(tcptrace_given_out_lock);
static atomic64_t lost_in_all;
static DEFINE_PER_CPU(struct tcptrace_record *, given_back);	/* to be freed when no handler uses them any more */

/* The size of a ring's records: bytes, in whole pages. */
static u64 records_size(u32 slots)
{
	return PAGE_ALIGN((u64)slots * sizeof(struct tcptrace_record));
}

/*
 * Leaves each slot as a lap before the first one would have, so that the first lap needs no special case. Only the last
 * slot would have position 0, which means "being written": it is marked as a hole instead.
 */
static void tcptrace_ring_begin_records(struct tcptrace_record *records)
{
	u64 position;

	for (position = 1; position < tcptrace_ring_slots; position++)
		tcptrace_ring_slot(records, position)->position = position - tcptrace_ring_slots;
	tcptrace_ring_slot(records, position)->position = TCPTRACE_HOLE;
}

/* Still as tcptrace_ring_begin_records() has left it: a number below 0, which has the bits of both flags set. */
static bool is_unused(u64 found)
{
	return found > -(u64)tcptrace_ring_slots;
}

/* A quarter of all memory is more than any reader needs, and less than the host can do without. */
static bool tcptrace_ring_too_much(u32 slots, unsigned int cpus)
{
	return cpus * records_size(slots) >> PAGE_SHIFT > totalram_pages() / 4;
}

/* ---- one CPU's ring; under `tcptrace_ring_lock` ---- */

static int tcptrace_ring_create(int cpu)
{
	struct tcptrace_record *records;

	if (per_cpu(tcptrace_records, cpu))
		return 0;
	if (tcptrace_ring_too_much(tcptrace_ring_slots, cpumask_weight(&tcptrace_ring_cpus) + 1))
		return -ENOMEM;
	records = vzalloc_node(records_size(tcptrace_ring_slots), cpu_to_node(cpu));
	if (!records)
		return -ENOMEM;
	tcptrace_ring_begin_records(records);
	cpumask_set_cpu(cpu, &tcptrace_ring_cpus);
	smp_store_release(&per_cpu(tcptrace_records, cpu), records);
	return 0;
}

/* No file is open, so nothing is mapped. A handler may still be writing, if disarming has failed. */
static void tcptrace_ring_give_back_all(void)
{
	int cpu;

	needed = false;
	if (cpumask_empty(&tcptrace_ring_cpus))
		return;
	for_each_tcptrace_ring(cpu)
		per_cpu(given_back, cpu) = xchg(&per_cpu(tcptrace_records, cpu), NULL);
	synchronize_rcu();
	for_each_tcptrace_ring(cpu) {
		struct tcptrace_ring *ring = per_cpu(tcptrace_rings, cpu);

		write_seqlock(&tcptrace_given_out_lock);
		per_cpu(given_out_before, cpu) += ring->reserved;
		WRITE_ONCE(ring->reserved, 0);
		write_sequnlock(&tcptrace_given_out_lock);
		vfree(per_cpu(given_back, cpu));
	}
	cpumask_clear(&tcptrace_ring_cpus);
}

/*
 * Called on another CPU before this one comes online: it may sleep for memory, and TCP does not run on the new CPU yet.
 * Without memory the CPU comes online all the same, and its records are counted as lost.
 */
static int tcptrace_ring_prepare(unsigned int cpu)
{
	mutex_lock(&tcptrace_ring_lock);
	if (needed && tcptrace_ring_create(cpu))
		pr_warn("no memory for the ring of CPU %u: its records are lost\n", cpu);
	mutex_unlock(&tcptrace_ring_lock);
	return 0;
}

/* ---- users ---- */

void tcptrace_ring_hold(void)
{
	mutex_lock(&tcptrace_ring_lock);
	users++;
	mutex_unlock(&tcptrace_ring_lock);
}

int tcptrace_ring_need(void)
{
	int cpu, error = 0;

	cpus_read_lock();
	mutex_lock(&tcptrace_ring_lock);
	needed = true;
	for_each_online_cpu(cpu) {
		error = tcptrace_ring_create(cpu);
		if (error)
			break;
	}
	mutex_unlock(&tcptrace_ring_lock);
	cpus_read_unlock();
	return error;
}

void tcptrace_ring_drop(void)
{
	mutex_lock(&tcptrace_ring_lock);
	if (!--users)
		tcptrace_ring_give_back_all();
	mutex_unlock(&tcptrace_ring_lock);
}

/* ---- all of it ---- */

int tcptrace_ring_init(u32 slots)
{
	u64 stride = PAGE_SIZE + records_size(slots);
	int cpu, state;

	BUILD_BUG_ON(sizeof(atomic64_t) != sizeof_field(struct tcptrace_ring, reserved));

	if (!is_power_of_2(slots))
		return -EINVAL;
	if (tcptrace_ring_too_much(slots, num_online_cpus())) {
		pr_err("ring=%u: %u CPUs would take %llu MiB, more than a quarter of the memory\n",
		       slots, num_online_cpus(), num_online_cpus() * records_size(slots) >> 20);
		return -ENOMEM;
	}
	map = vmalloc_user((1 + nr_cpu_ids) * PAGE_SIZE);
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
	map->size = PAGE_SIZE + nr_cpu_ids * stride;
	get_random_bytes(&map->boot, sizeof(map->boot));

	tcptrace_ring_slots = slots;
	for_each_possible_cpu(cpu)
		per_cpu(tcptrace_rings, cpu) = (void *)map + (1 + cpu) * PAGE_SIZE;
	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "tcptrace:prepare", tcptrace_ring_prepare, NULL);
	if (state < 0) {
		vfree(map);
		return state;
	}
	hotplug = state;
	return 0;
}

void tcptrace_ring_exit(void)
{
	cpuhp_remove_state_nocalls(hotplug);
	vfree(map);
}

bool tcptrace_ring_take(struct tcptrace_record *record, u64 position)
{
	u64 found = READ_ONCE(record->position);

	if (!found || (found & TCPTRACE_HELD && !is_unused(found))) {
		/* If this fails, nested handlers have gone through the slot meanwhile. */
		cmpxchg_local(&record->position, found, position | TCPTRACE_HOLE | TCPTRACE_HELD);
		return false;
	}
	/* Free if it is a hole or unused; not if nested handlers have gone past `position` meanwhile. */
	return (is_unused(found) || (found & ~TCPTRACE_HOLE) < position) &&
	       cmpxchg_local(&record->position, found, 0) == found;
}

void tcptrace_ring_absent(void)
{
	atomic64_inc((atomic64_t *)&this_cpu_read(tcptrace_rings)->lost);
	atomic64_inc(&lost_in_all);
}

const struct tcptrace_map *tcptrace_ring_map(void)
{
	return map;
}

u64 tcptrace_ring_memory(void)
{
	return (1 + nr_cpu_ids) * PAGE_SIZE + cpumask_weight(&tcptrace_ring_cpus) * records_size(tcptrace_ring_slots);
}

u64 tcptrace_ring_reserved_in_all(void)
{
	u64 sum = 0;
	int cpu;

	for_each_tcptrace_ring(cpu)
		sum += tcptrace_ring_reserved(cpu);
	return sum;
}

u64 tcptrace_ring_given_out(int cpu)
{
	unsigned int begin;
	u64 positions;

	do {
		begin = read_seqbegin(&tcptrace_given_out_lock);
		positions = per_cpu(given_out_before, cpu) + tcptrace_ring_reserved(cpu);
	} while (read_seqretry(&tcptrace_given_out_lock, begin));
	return positions;
}

u64 tcptrace_ring_lost(int cpu)
{
	return READ_ONCE(per_cpu(tcptrace_rings, cpu)->lost);
}

u64 tcptrace_ring_lost_in_all(void)
{
	return atomic64_read(&lost_in_all);
}

void *tcptrace_ring_page(u64 page)
{
	struct tcptrace_record *records;
	u64 cpu;

	if (!page)
		return map;
	cpu = div64_u64_rem(page - 1, map->stride >> PAGE_SHIFT, &page);
	if (cpu >= nr_cpu_ids)
		return NULL;
	if (!page)
		return (void *)map + (1 + cpu) * PAGE_SIZE;
	records = smp_load_acquire(&per_cpu(tcptrace_records, cpu));
	return records ? (void *)records + (page - 1) * PAGE_SIZE : NULL;
}
