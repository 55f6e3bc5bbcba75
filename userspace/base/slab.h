/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces of one size, known by number: four bytes instead of a pointer's eight, and none of malloc's own for each.
 * They lie in blocks, do not move, and are taken again once they were given back. Number 0 is "none".
 *
 *	static struct slab things = SLAB(sizeof(struct thing));
 */
#ifndef TCPTRACE_SLAB_H
#define TCPTRACE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_BLOCK_BITS	12		/* pieces in a block, 1 << these */
#define SLAB_MAX	(1u << 29)	/* every number is below it */

struct slab {
	size_t size;		/* of a piece, 4 at least */
	char **blocks;
	uint32_t count;		/* blocks there are */
	uint32_t used;		/* numbers ever given out, and 0 */
	uint32_t free;		/* the first one given back; its first four bytes are the next one's number */
};

#define SLAB(bytes)	{ .size = (bytes), .used = 1 }

/* The number of a piece that is all zero. 0: no memory. */
uint32_t slab_take(struct slab *slab);
void slab_give(struct slab *slab, uint32_t number);
/* All of them are gone, and it is as at first. */
void slab_exit(struct slab *slab);

/* `number` was taken; valid until it is given back. */
static inline void *slab_at(const struct slab *slab, uint32_t number)
{
	return slab->blocks[number >> SLAB_BLOCK_BITS] +
	       (number & ((1u << SLAB_BLOCK_BITS) - 1)) * slab->size;
}

#endif
