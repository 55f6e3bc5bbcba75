/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's CPU did, without its idle time. */
#ifndef BENCH_BUSY_H
#define BENCH_BUSY_H

#include <stdint.h>

/*
 * The ns that tasks have run on CPU 0 since boot, interrupts on top of them included. Sleeps for a
 * moment first, because the kernel adds up a task's time when it leaves the CPU.
 */
uint64_t bench_busy(void);

/* Waits until nothing else has run for a while. */
void bench_settle(void);

#endif
