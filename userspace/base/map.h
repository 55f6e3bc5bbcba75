/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What belongs to a number: a cookie, a namespace's inode. A hash table that is probed, half full at most, by hash.h,
 * since whoever makes a recording chooses the numbers. All zero at first.
 */
#ifndef TCPTRACE_MAP_H
#define TCPTRACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct map {
	struct map_place {
		uint64_t key;
		void *value;		/* NULL: the place is free */
	} *places;			/* 1 << bits of them; NULL: none yet */
	unsigned int bits;
	size_t count;
};

/* Where it is, or would be. There is a place that is free. */
static inline struct map_place *map_place(const struct map *map, uint64_t key)
{
	size_t at = hash_place(hash_spread(key), map->bits);

	while (map->places[at].value && map->places[at].key != key)
		at = (at + 1) & (((size_t)1 << map->bits) - 1);
	return &map->places[at];
}

/* NULL: there is none. */
static inline void *map_get(const struct map *map, uint64_t key)
{
	return map->count ? map_place(map, key)->value : NULL;
}

/* In the place of the one before, if there is one; `value` is not NULL. False: no memory. */
bool map_put(struct map *map, uint64_t key, void *value);
/* If it is there. Another one may lie at its place then: a loop of map_next() goes back by one. */
void map_remove(struct map *map, uint64_t key);
void map_exit(struct map *map);

/* All of them, in no order; *place is 0 before the first. NULL: no more. */
void *map_next(const struct map *map, size_t *place);

#endif
