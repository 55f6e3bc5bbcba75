// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "base/map.h"

#define BITS_FIRST	8

static inline size_t size_of(const struct map *map)
{
	return map->places ? (size_t)1 << map->bits : 0;
}

static bool grow(struct map *map)
{
	struct map larger = { .bits = map->places ? map->bits + 1 : BITS_FIRST, .count = map->count };
	size_t i;

	larger.places = calloc((size_t)1 << larger.bits, sizeof(*larger.places));
	if (!larger.places)
		return false;
	for (i = 0; i < size_of(map); i++)
		if (map->places[i].value)
			*map_place(&larger, map->places[i].key) = map->places[i];
	free(map->places);
	*map = larger;
	return true;
}

bool map_put(struct map *map, uint64_t key, void *value)
{
	struct map_place *place;

	if (2 * map->count >= size_of(map) && !grow(map))
		return false;
	place = map_place(map, key);
	map->count += !place->value;
	*place = (struct map_place){ .key = key, .value = value };
	return true;
}

/* An entry that was moved on because its place was taken moves back; otherwise it would not be found any more. */
void map_remove(struct map *map, uint64_t key)
{
	size_t mask = size_of(map) - 1, hole, at;

	if (!map_get(map, key))
		return;
	hole = map_place(map, key) - map->places;
	for (at = (hole + 1) & mask; map->places[at].value; at = (at + 1) & mask) {
		/* Never before its own place. */
		if (((at - hash_place(hash_spread(map->places[at].key), map->bits)) & mask) < ((at - hole) & mask))
			continue;
		map->places[hole] = map->places[at];
		hole = at;
	}
	map->places[hole].value = NULL;
	map->count--;
}

void map_exit(struct map *map)
{
	free(map->places);
	*map = (struct map){ 0 };
}

void *map_next(const struct map *map, size_t *place)
{
	while (*place < size_of(map)) {
		void *value = map->places[(*place)++].value;

		if (value)
			return value;
	}
	return NULL;
}
