/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of one size, identified by number: four bytes instead of a pointer's eight, and no overhead of malloc() for
 * each. They are allocated in blocks, do not move, and are reused after they were given back. Number 0 is "none".
 *
 *	static struct index_pool things = INDEX_POOL(sizeof(struct thing));
 */
#ifndef TCPTRACE_INDEX_POOL_H
#define TCPTRACE_INDEX_POOL_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_POOL_BLOCK_BITS	12		/* 1 << this many objects in a block */
#define INDEX_POOL_MAX	(1u << 26)	/* all numbers are below it */

struct index_pool {
	size_t size;		/* of an object, at least 4 */
	char **blocks;
	uint32_t count;		/* number of blocks */
	uint32_t used;		/* numbers handed out so far, plus the 0 */
	uint32_t free;		/* the first object given back; its first four bytes hold the next one's number */
};

#define INDEX_POOL(bytes)	{ .size = (bytes), .used = 1 }

/* Returns the number of a zeroed object. 0: no memory. */
uint32_t index_pool_take(struct index_pool *pool);
void index_pool_give(struct index_pool *pool, uint32_t number);
/* Frees all of them and resets the pool. */
void index_pool_exit(struct index_pool *pool);

/* `number` must be taken; the pointer is valid until it is given back. */
static inline void *index_pool_at(const struct index_pool *pool, uint32_t number)
{
	return pool->blocks[number >> INDEX_POOL_BLOCK_BITS] +
	       (number & ((1u << INDEX_POOL_BLOCK_BITS) - 1)) * pool->size;
}

#endif
