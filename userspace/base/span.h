/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A duration in four bytes: 27 bits and how far they are shifted. Exact below 134 ms; from a longer one less than
 * a sixty-millionth part is cut off, 1 us from two minutes.
 */
#ifndef TCPTRACE_SPAN_H
#define TCPTRACE_SPAN_H

#include <stdint.h>

#define SPAN_BITS	27
#define SPAN_MAX	UINT32_MAX	/* 9 years */

typedef uint32_t span;

static inline span span_of(uint64_t ns)
{
	unsigned int shift = ns >> SPAN_BITS ? 64 - SPAN_BITS - __builtin_clzll(ns) : 0;

	return shift < 32 ? shift << SPAN_BITS | (uint32_t)(ns >> shift) : SPAN_MAX;
}

static inline uint64_t span_ns(span span)
{
	return (uint64_t)(span & ((1u << SPAN_BITS) - 1)) << (span >> SPAN_BITS);
}

#endif
