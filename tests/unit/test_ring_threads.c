// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of the rings against writers that really run concurrently, on a ring small enough to be overwritten again
 * and again. Whatever happens, every record is accounted for.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "record/level.h"
#include "ring_writer.h"
#include "source/ring.h"
#include "source/source.h"
#include "test.h"

#define CPUS	2
#define SLOTS	256
#define RECORDS	400000u

static struct writer writer;
static uint32_t running = CPUS;

static uint64_t monotonic(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void *write_records(void *arg)
{
	uint32_t cpu = (uintptr_t)arg, i;

	for (i = 0; i < RECORDS; i++) {
		uint64_t position = writer_reserve(&writer, cpu);

		/* One writer for each ring: never a hole. */
		writer_fill(&writer, cpu, position, monotonic(), TCPTRACE_T_STATE);
		writer_publish(&writer, cpu, position);
		/* Let the reader catch up now and then, so that both being ahead and being behind are tested. */
		if (!(i % 1024))
			sched_yield();
	}
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

struct account {
	uint64_t time;
	uint64_t position[CPUS];
	uint64_t told, read;
	uint64_t disordered, backwards, torn;
};

static void take(struct account *account, const struct tcptrace_record *record)
{
	if (record->time < account->time)
		account->disordered++;
	account->time = record->time;
	if (record->type == TCPTRACE_T_LOST) {
		account->told += record->u.lost.overwritten + record->u.lost.nested;
		return;
	}
	account->read++;
	if (!writer_whole(record))
		account->torn++;
	if (record->cookie <= account->position[record->cpu])
		account->backwards++;
	account->position[record->cpu] = record->cookie;
}

int main(void)
{
	const struct tcptrace_record *record;
	struct tcptrace_lost lost = { 0 };
	struct account account = { 0 };
	pthread_t threads[CPUS];
	struct rings *rings;
	char error[256];
	uintptr_t cpu;
	bool last = false;

	writer_open(&writer, CPUS, SLOTS);
	if (!ok(!rings_open(writer.map, writer.size, level_types(TCPTRACE_L_LIFE), &rings, error,
			    sizeof(error)), "open"))
		return done_testing();
	for (cpu = 0; cpu < CPUS; cpu++)
		pthread_create(&threads[cpu], NULL, write_records, (void *)cpu);
	while (!last) {
		/* Checked before reading: if it is idle by then, everything has been read. */
		last = !__atomic_load_n(&running, __ATOMIC_SEQ_CST);
		while (rings_next(rings, &record) == SOURCE_RECORD)
			take(&account, record);
	}
	for (cpu = 0; cpu < CPUS; cpu++)
		pthread_join(threads[cpu], NULL);

	rings_losses(rings, &lost);
	diag("%llu read, %llu overwritten", lost.events, lost.overwritten);
	is_int(account.read, lost.events, "as many were handed out as are counted");
	is_int(lost.events + lost.overwritten + lost.nested, CPUS * RECORDS, "read + lost = written");
	is_int(account.told, lost.overwritten + lost.nested, "each loss was told of in the stream");
	is_int(account.disordered, 0, "in order of time over both CPUs");
	is_int(account.backwards, 0, "none twice");
	is_int(account.torn, 0, "none torn");
	rings_close(rings);
	writer_close(&writer);
	return done_testing();
}
