// SPDX-License-Identifier: GPL-2.0-only
/*
 * What keeps an endpoint small: durations in four bytes, objects by number, processes by number; and arrays that grow.
 */
#include <stdlib.h>

#include "base/array.h"
#include "base/duration32.h"
#include "base/index_pool.h"
#include "record/process_ref.h"
#include "test.h"

/* ---- duration32.h ---- */

static void test_exact(void)
{
	unsigned int wrong = 0;
	uint64_t ns;

	for (ns = 0; ns < 1ull << DURATION32_BITS; ns += 99991)
		wrong += duration32_ns(duration32_of(ns)) != ns;
	is_int(wrong, 0, "below 134 ms nothing is cut off");
	ns = (1ull << DURATION32_BITS) - 1;
	is_int(duration32_ns(duration32_of(ns)), ns, "up to the last one");
	is_int(duration32_ns(duration32_of(60000000000)), 60000000000, "a minute");
}

static void test_close(void)
{
	unsigned int wrong = 0, turned = 0;
	uint64_t ns, before = 0;

	for (ns = 1; ns < 1ull << 57; ns += ns / 7 + 1) {
		uint64_t kept = duration32_ns(duration32_of(ns));

		wrong += kept > ns || (ns - kept) * 60000000.0 > ns;
		turned += duration32_of(ns) < duration32_of(before);
		before = ns;
	}
	is_int(wrong, 0, "a longer one is too short by less than its sixty-millionth part");
	is_int(turned, 0, "a longer one is never the smaller number");
	is_int(duration32_of(UINT64_MAX), DURATION32_MAX, "what is too long is the longest");
	ok(duration32_ns(DURATION32_MAX) > 8 * 365ull * 86400 * 1000000000, "which is years");
}

/* ---- index_pool.c ---- */

struct piece {
	uint32_t a, b, c;
};

static void test_index_pool(void)
{
	static struct index_pool pool = INDEX_POOL(sizeof(struct piece));
	enum { COUNT = 10000 };
	static uint32_t numbers[COUNT];
	static struct piece *places[COUNT];
	unsigned int i, wrong = 0;

	for (i = 0; i < COUNT; i++) {
		numbers[i] = index_pool_take(&pool);
		places[i] = index_pool_at(&pool, numbers[i]);
		wrong += !numbers[i] || places[i]->a || places[i]->b || places[i]->c;
		*places[i] = (struct piece){ i, i, i };
	}
	is_int(wrong, 0, "a piece has a number, and is empty");
	for (i = 0; i < COUNT; i++)
		wrong += index_pool_at(&pool, numbers[i]) != places[i] || places[i]->a != i || places[i]->c != i;
	is_int(wrong, 0, "it is its own, and stays where it is");
	index_pool_give(&pool, numbers[17]);
	index_pool_give(&pool, numbers[4711]);
	is_int(index_pool_take(&pool), numbers[4711], "what was given back is taken again");
	is_int(index_pool_take(&pool), numbers[17], "all of it");
	wrong = places[17]->a || places[4711]->a;
	is_int(wrong, 0, "and empty again");
	is_int(places[18]->a, 18, "its neighbour is what it was");
	is_int(pool.used, COUNT + 1, "nothing new was needed");
}

/* ---- process_ref.c ---- */

static void set(uint32_t *number, uint32_t pid, const char *name)
{
	char comm[TCPTRACE_COMM_LEN] = "";

	memcpy(comm, name, strlen(name));
	process_ref_set(number, pid, comm);
}

static void test_processes(void)
{
	enum { COUNT = 5000 };
	static uint32_t many[COUNT];
	uint32_t one = 0, other = 0, third = 0, gone;
	unsigned int i, wrong = 0;

	is_int(process_at(0)->pid, 0, "0 is nobody");
	set(&one, 17, "nginx");
	set(&other, 17, "nginx");
	ok(one && one == other, "the same process has the same number");
	set(&third, 17, "sh");
	ok(third && third != one, "not if it has another name by now");
	set(&third, 18, "nginx");
	ok(third != one, "nor another process of that name");
	is_str(process_at(one)->comm, "nginx", "name");
	is_int(process_at(third)->pid, 18, "pid");
	process_ref_drop(&one);
	is_int(one, 0, "dropped");
	is_str(process_at(other)->comm, "nginx", "the other one holds it yet");
	process_ref_share(&one, other);
	process_ref_drop(&other);
	is_int(process_at(one)->pid, 17, "so does one that it was shared with");
	process_ref_share(&one, one);
	is_int(process_at(one)->pid, 17, "even with itself");
	gone = one;
	process_ref_drop(&one);
	set(&other, 19, "redis");
	is_int(other, gone, "when nobody holds it, its place is another's");
	set(&other, 0, "");
	is_int(other, 0, "pid 0 is nobody");

	for (i = 0; i < COUNT; i++)
		set(&many[i], 1 + i, i & 1 ? "odd" : "even");
	for (i = 0; i < COUNT; i++)
		wrong += process_at(many[i])->pid != 1 + i || strcmp(process_at(many[i])->comm, i & 1 ? "odd" : "even");
	is_int(wrong, 0, "many at once");
	for (i = 0; i < COUNT; i++) {
		uint32_t again = 0;

		set(&again, 1 + i, i & 1 ? "odd" : "even");
		wrong += again != many[i];
		process_ref_drop(&again);
		process_ref_drop(&many[i]);
	}
	is_int(wrong, 0, "each is found");
}

/* ---- array.h ---- */

static void test_array(void)
{
	size_t count = 0, room = 0, grown = 0, before = 0;
	unsigned int wrong = 0;
	struct piece *pieces = NULL;

	for (; count < 10000; count++) {
		if (!array_reserve(pieces, room, count + 1))
			abort();
		grown += room != before;
		before = room;
		pieces[count].a = count;
	}
	for (count = 0; count < 10000; count++)
		wrong += pieces[count].a != count;
	is_int(wrong, 0, "an array keeps what is in it");
	ok(room >= 10000 && room < 20000, "its room is less than twice as much: %zu", room);
	ok(grown < 15, "it has grown %zu times", grown);
	before = room;
	ok(array_reserve(pieces, room, 1) && room == before, "never back");
	ok(array_reserve(pieces, room, 1000000) && room >= 1000000, "by as much as it takes");
	is_int(pieces[9999].a, 9999, "and keeps what is in it");
	free(pieces);
}

int main(void)
{
	test_exact();
	test_close();
	test_index_pool();
	test_processes();
	test_array();
	return done_testing();
}
