/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values by a number: a cookie, a namespace's inode. A hash table with open addressing, at most half full. It uses
 * hash.h, because whoever makes a recording chooses the numbers. All zero initially.
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
	} *places;			/* 1 << bits places; NULL: none yet */
	unsigned int bits;
	size_t count;
};

/* Where the number is or would be. At least one place is free. */
static inline struct map_place *map_place(const struct map *map, uint64_t key)
{
	size_t at = hash_place(hash_spread(key), map->bits);

	while (map->places[at].value && map->places[at].key != key)
		at = (at + 1) & (((size_t)1 << map->bits) - 1);
	return &map->places[at];
}

/* NULL: not found. */
static inline void *map_get(const struct map *map, uint64_t key)
{
	return map->count ? map_place(map, key)->value : NULL;
}

/* Replaces the previous value, if any; `value` is not NULL. False: no memory. */
bool map_put(struct map *map, uint64_t key, void *value);
/* If it exists. Another entry may move to its place: a loop of map_next() has to go back by one. */
void map_remove(struct map *map, uint64_t key);
void map_exit(struct map *map);

/* All values, in no order; *place is 0 initially. NULL: no more. */
void *map_next(const struct map *map, size_t *place);

#endif
