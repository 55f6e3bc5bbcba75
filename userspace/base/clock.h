/* SPDX-License-Identifier: GPL-2.0-only */
/* CLOCK_MONOTONIC in ns: the clock of the records' timestamps. */
#ifndef TCPTRACE_CLOCK_H
#define TCPTRACE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/*
 * The order of time across CPUs depends on this: the clock is read before the positions that are loaded after it.
 * Reading the TSC is not a memory access, so a memory fence alone does not order it.
 */
static inline uint64_t clock_before_loads(void)
{
	uint64_t now = clock_now();

#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#endif
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return now;
}

#endif
