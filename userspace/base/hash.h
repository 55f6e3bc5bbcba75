/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash of every table that is searched by what records say: cookies, tuples, processes. Who makes a recording
 * chooses all of these, and a peer chooses its ports; that they do not choose what collides takes salts that they do
 * not know, others in each process. It is no cipher: who could measure how long lookups take might learn them, and
 * who made a file cannot.
 *
 * The highest bits are the best ones: hash_place() takes these. What is printed may not depend on the order in a
 * table, since that is another one in each run.
 */
#ifndef TCPTRACE_HASH_H
#define TCPTRACE_HASH_H

#include <stdint.h>
#include <string.h>

/* Random and odd. Only tests change them. */
extern uint64_t hash_salts[4];

/* In a table of 1 << bits, where 0 < bits. */
static inline uint32_t hash_place(uint64_t hash, unsigned int bits)
{
	return hash >> (64 - bits);
}

/*
 * For tables with chains. Any two numbers have the same place of `n` with a probability of 2 / n at most (Dietzfelbinger
 * et al., A Reliable Randomized Algorithm for the Closest-Pair Problem, 1997): with k numbers for each place, 1 + k are
 * looked at on average to find one, whatever numbers somebody has chosen.
 */
static inline uint64_t hash_number(uint64_t number)
{
	return number * hash_salts[0];
}

/* Both halves of the product: the middle bits, which depend on all of both factors, come to either end. */
static inline uint64_t hash_fold(uint64_t one, uint64_t other)
{
	unsigned __int128 product = (unsigned __int128)one * other;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* For tables that are probed: numbers that follow one another do not lie in a row. */
static inline uint64_t hash_spread(uint64_t number)
{
	return hash_fold(number ^ hash_salts[1], hash_salts[2]) * hash_salts[3];
}

/* Sixteen bytes, an address or a name, and a number. */
static inline uint64_t hash_16(const void *bytes, uint64_t number)
{
	uint64_t words[2];

	memcpy(words, bytes, sizeof(words));
	return hash_fold((words[0] ^ hash_salts[1]) + number * hash_salts[3], words[1] ^ hash_salts[2]);
}

#endif
