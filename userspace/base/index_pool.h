/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces of one size, known by number: four bytes instead of a pointer's eight, and none of malloc's own for each.
 * They lie in blocks, do not move, and are taken again once they were given back. Number 0 is "none".
 *
 *	static struct index_pool things = INDEX_POOL(sizeof(struct thing));
 */
#ifndef TCPTRACE_INDEX_POOL_H
#define TCPTRACE_INDEX_POOL_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_POOL_BLOCK_BITS	12		/* pieces in a block, 1 << these */
#define INDEX_POOL_MAX	(1u << 29)	/* every number is below it */

struct index_pool {
	size_t size;		/* of a piece, 4 at least */
	char **blocks;
	uint32_t count;		/* blocks there are */
	uint32_t used;		/* numbers ever given out, and 0 */
	uint32_t free;		/* the first one given back; its first four bytes are the next one's number */
};

#define INDEX_POOL(bytes)	{ .size = (bytes), .used = 1 }

/* The number of a piece that is all zero. 0: no memory. */
uint32_t index_pool_take(struct index_pool *pool);
void index_pool_give(struct index_pool *pool, uint32_t number);
/* All of them are gone, and it is as at first. */
void index_pool_exit(struct index_pool *pool);

/* `number` was taken; valid until it is given back. */
static inline void *index_pool_at(const struct index_pool *pool, uint32_t number)
{
	return pool->blocks[number >> INDEX_POOL_BLOCK_BITS] +
	       (number & ((1u << INDEX_POOL_BLOCK_BITS) - 1)) * pool->size;
}

#endif
