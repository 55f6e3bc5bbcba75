// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"

static bool add_block(struct slab *slab)
{
	char **blocks = reallocarray(slab->blocks, slab->count + 1, sizeof(*blocks));

	if (!blocks)
		return false;
	slab->blocks = blocks;
	blocks[slab->count] = malloc(slab->size << SLAB_BLOCK_BITS);
	if (!blocks[slab->count])
		return false;
	slab->count++;
	return true;
}

uint32_t slab_take(struct slab *slab)
{
	uint32_t number = slab->free;

	if (number) {
		memcpy(&slab->free, slab_at(slab, number), sizeof(slab->free));
	} else {
		number = slab->used;
		if (number == SLAB_MAX || (number >> SLAB_BLOCK_BITS == slab->count && !add_block(slab)))
			return 0;
		slab->used++;
	}
	memset(slab_at(slab, number), 0, slab->size);
	return number;
}

void slab_give(struct slab *slab, uint32_t number)
{
	memcpy(slab_at(slab, number), &slab->free, sizeof(slab->free));
	slab->free = number;
}

void slab_exit(struct slab *slab)
{
	while (slab->count)
		free(slab->blocks[--slab->count]);
	free(slab->blocks);
	*slab = (struct slab)SLAB(slab->size);
}
