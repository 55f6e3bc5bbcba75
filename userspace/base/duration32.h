/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A duration in four bytes: 27 bits and a shift. Exact below 134 ms; beyond, the relative error is less than one
 * sixty-millionth, 1 us at two minutes.
 */
#ifndef TCPTRACE_DURATION32_H
#define TCPTRACE_DURATION32_H

#include <stdint.h>

#define DURATION32_BITS	27
#define DURATION32_MAX	UINT32_MAX	/* 9 years */

typedef uint32_t duration32;

static inline duration32 duration32_of(uint64_t ns)
{
	unsigned int shift = ns >> DURATION32_BITS ? 64 - DURATION32_BITS - __builtin_clzll(ns) : 0;

	return shift < 32 ? shift << DURATION32_BITS | (uint32_t)(ns >> shift) : DURATION32_MAX;
}

static inline uint64_t duration32_ns(duration32 duration)
{
	return (uint64_t)(duration & ((1u << DURATION32_BITS) - 1)) << (duration >> DURATION32_BITS);
}

#endif
