/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash of every table that is searched by values from records: cookies, tuples, processes. Whoever makes a
 * recording chooses all of them, and a peer chooses its ports. Salts that they do not know, different in each process,
 * keep them from choosing collisions. This is not a cryptographic hash: somebody who could measure how long lookups
 * take might learn the salts, but the author of a file cannot.
 *
 * The highest bits are the best ones; hash_place() uses these. The output must not depend on the order in a table,
 * which is different in each run.
 */
#ifndef TCPTRACE_HASH_H
#define TCPTRACE_HASH_H

#include <stdint.h>
#include <string.h>

/* Random and odd. Changed only by tests. */
extern uint64_t hash_salts[4];

/* The place in a table of 1 << bits; 0 < bits. */
static inline uint32_t hash_place(uint64_t hash, unsigned int bits)
{
	return hash >> (64 - bits);
}

/*
 * For tables with chains. Two numbers have the same place of `n` with a probability of at most 2 / n (Dietzfelbinger et
 * al., A Reliable Randomized Algorithm for the Closest-Pair Problem, 1997). So with k numbers per place, 1 + k are
 * compared on average in a lookup, whatever numbers somebody has chosen.
 */
static inline uint64_t hash_number(uint64_t number)
{
	return number * hash_salts[0];
}

/* Combines both halves of the product, so that the middle bits, which depend on all bits of both factors, count. */
static inline uint64_t hash_fold(uint64_t one, uint64_t other)
{
	unsigned __int128 product = (unsigned __int128)one * other;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* For tables with open addressing: consecutive numbers do not get consecutive places. */
static inline uint64_t hash_spread(uint64_t number)
{
	return hash_fold(number ^ hash_salts[1], hash_salts[2]) * hash_salts[3];
}

/* Sixteen bytes (an address or a name) and a number. */
static inline uint64_t hash_16(const void *bytes, uint64_t number)
{
	uint64_t words[2];

	memcpy(words, bytes, sizeof(words));
	return hash_fold((words[0] ^ hash_salts[1]) + number * hash_salts[3], words[1] ^ hash_salts[2]);
}

#endif
