// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "base/array.h"

#define FIRST	4096	/* bytes */

void *array_larger(void *items, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? *room : FIRST / size + 1;
	void *larger;

	while (wanted < count)
		wanted *= 2;
	larger = reallocarray(items, wanted, size);
	if (larger)
		*room = wanted;
	return larger;
}
