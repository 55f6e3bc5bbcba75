/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays that grow. The room is doubled each time, so the cost of an element is constant on average:
 *
 *	struct thing *things;
 *	size_t count, room;
 *
 *	if (!array_reserve(things, room, count + 1))
 *		return -ENOMEM;
 *	things[count++] = thing;
 */
#ifndef TCPTRACE_ARRAY_H
#define TCPTRACE_ARRAY_H

#include <stddef.h>

/*
 * Makes room for `count` elements. Both arguments are lvalues, initially NULL and 0. False: no memory, nothing has
 * changed.
 */
#define array_reserve(items, room, count)								\
	((count) <= (room) || ({									\
		void *larger_ = array_larger((items), &(room), (count), sizeof(*(items)));		\
		if (larger_)										\
			(items) = larger_;								\
		larger_; }))

/* Called by the macro. NULL: no memory. */
void *array_larger(void *items, size_t *room, size_t count, size_t size);

#endif
