// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "busy.h"
#include "workload.h"

static void doze(unsigned int ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

uint64_t bench_busy(void)
{
	uint64_t busy = 0;
	char line[256];
	FILE *file;

	doze(2);
	file = fopen("/proc/schedstat", "r");
	while (file && fgets(line, sizeof(line), file))
		/* Documentation/scheduler/sched-stats.rst: field 7, "all time spent running by tasks (ns)" */
		if (sscanf(line, "cpu0 %*u %*u %*u %*u %*u %*u %" SCNu64, &busy) == 1)
			break;
	bench_check(busy ? 0 : -1, "/proc/schedstat");
	fclose(file);
	return busy;
}

/* Two seconds: loading BPF programs may wait that long for what the previous ones left. Sleeping costs nothing here. */
#define QUIET	40

void bench_settle(void)
{
	uint64_t before, after = bench_busy();
	int quiet = 0;

	while (quiet < QUIET) {
		before = after;
		doze(50);
		after = bench_busy();
		quiet = after - before < 2000000 ? quiet + 1 : 0;
	}
}
