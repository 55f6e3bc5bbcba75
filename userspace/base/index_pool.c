// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/index_pool.h"

static bool add_block(struct index_pool *pool)
{
	char **blocks = reallocarray(pool->blocks, pool->count + 1, sizeof(*blocks));

	if (!blocks)
		return false;
	pool->blocks = blocks;
	blocks[pool->count] = malloc(pool->size << INDEX_POOL_BLOCK_BITS);
	if (!blocks[pool->count])
		return false;
	pool->count++;
	return true;
}

uint32_t index_pool_take(struct index_pool *pool)
{
	uint32_t number = pool->free;

	if (number) {
		memcpy(&pool->free, index_pool_at(pool, number), sizeof(pool->free));
	} else {
		number = pool->used;
		if (number == INDEX_POOL_MAX || (number >> INDEX_POOL_BLOCK_BITS == pool->count && !add_block(pool)))
			return 0;
		pool->used++;
	}
	memset(index_pool_at(pool, number), 0, pool->size);
	return number;
}

void index_pool_give(struct index_pool *pool, uint32_t number)
{
	memcpy(index_pool_at(pool, number), &pool->free, sizeof(pool->free));
	pool->free = number;
}

void index_pool_exit(struct index_pool *pool)
{
	while (pool->count)
		free(pool->blocks[--pool->count]);
	free(pool->blocks);
	*pool = (struct index_pool)INDEX_POOL(pool->size);
}
