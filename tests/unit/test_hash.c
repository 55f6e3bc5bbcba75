// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody who makes a recording can choose collisions. The measure is work: how many entries are compared to find each
 * one, in the model's tables and in others of that size. The salts are fixed here, so that each run is the same.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/map.h"
#include "model/endpoint_table.h"
#include "test.h"

#define OLD		0x9e3779b97f4a7c15ull	/* the old, publicly known multiplier of cookies */
#define SALTS		24
#define BITS		12
#define COUNT		(4u << BITS)		/* maximum length of chains, see endpoint_table.c */
#define BY_CHANCE	3.			/* average number of comparisons for random numbers */
#define PROMISED	5.			/* by hash_number(): 1, plus 2 / (1 << BITS) for each earlier entry */

static uint64_t state;

/* splitmix64 */
static uint64_t any(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void salt(unsigned int number)
{
	unsigned int i;

	state = number * 1000003ull;
	for (i = 0; i < sizeof(hash_salts) / sizeof(hash_salts[0]); i++)
		hash_salts[i] = any() | 1;
}

/* OLD times this is 1. */
static uint64_t inverse(void)
{
	uint64_t inverse = OLD;
	int i;

	for (i = 0; i < 6; i++)
		inverse *= 2 - OLD * inverse;
	return inverse;
}

/* ---- numbers ---- */

static uint64_t reversed(uint64_t number)
{
	uint64_t result = 0;
	int i;

	for (i = 0; i < 64; i++)
		result |= (number >> i & 1) << (63 - i);
	return result;
}

enum numbers { SEQUENCE, STEPS, HALVES, HIGH, MIDDLE, BOTH, BACKWARDS, COLLIDING, NUMBERS };

static const char *const names[NUMBERS] = {
	"one after the other", "multiples of 4096", "both halves the same", "in the upper bits", "in the middle",
	"in either half", "bits backwards", "what collided by the former hash",
};

static uint64_t number_of(enum numbers kind, uint64_t i)
{
	switch (kind) {
	case SEQUENCE:	return i + 1000;
	case STEPS:	return i << 12;
	case HALVES:	return i << 32 | i;
	case HIGH:	return i << (64 - BITS - 2);
	case MIDDLE:	return i << 24;
	case BOTH:	return (i & 127) << 57 | i >> 7;
	case BACKWARDS:	return reversed(i);
	default:	return i * inverse();
	}
}

/* The average number of comparisons in a chain, to find each of its numbers. */
static double chained(enum numbers kind)
{
	static uint32_t lengths[1 << BITS];
	uint64_t work = 0, i;

	memset(lengths, 0, sizeof(lengths));
	for (i = 0; i < COUNT; i++)
		work += ++lengths[hash_place(hash_number(number_of(kind, i)), BITS)];
	return (double)work / COUNT;
}

/* The same for a half-full table with open addressing. */
static double probed(enum numbers kind)
{
	static bool taken[2 * COUNT];
	uint64_t work = 0, i;

	memset(taken, 0, sizeof(taken));
	for (i = 0; i < COUNT; i++) {
		uint32_t at = hash_place(hash_spread(number_of(kind, i)), BITS + 3);

		for (work++; taken[at]; work++)
			at = (at + 1) % (2 * COUNT);
		taken[at] = true;
	}
	return (double)work / COUNT;
}

static void numbers(void)
{
	enum numbers kind;
	unsigned int i;

	for (kind = 0; kind < NUMBERS; kind++) {
		double sum = 0, most = 0, probes = 0;

		for (i = 0; i < SALTS; i++) {
			double work, more;

			salt(i);
			work = chained(kind);
			more = probed(kind);
			sum += work;
			most = work > most ? work : most;
			probes = more > probes ? more : probes;
		}
		ok(sum / SALTS < PROMISED && most < 10 * PROMISED, "%s: in chains %.2f are looked at, at most %.2f", names[kind],
		   sum / SALTS, most);
		ok(probes < 3, "%s: probed, at most %.2f", names[kind], probes);
	}
}

/* ---- the model's table ---- */

static struct tcptrace_record record_of(uint64_t cookie, uint32_t from, uint16_t sport, uint32_t to, uint16_t dport)
{
	struct tcptrace_record record = {
		.cookie = cookie,
		.saddr = { [10] = 0xff, 0xff, from >> 24, from >> 16, from >> 8, from },
		.daddr = { [10] = 0xff, 0xff, to >> 24, to >> 16, to >> 8, to },
		.sport = sport,
		.dport = dport,
		.netns = 1,
		.family = AF_INET,
	};

	return record;
}

static void begin(struct endpoint_table *table)
{
	if (endpoint_table_init(table, 4 * COUNT))
		abort();
}

/* The average number of comparisons to find each endpoint, by cookie or by tuple. */
static double work_of(const struct endpoint_table *table, bool tuple)
{
	uint64_t work = 0, count = 0;
	uint32_t head, place;

	for (head = 0; head < 1u << table->bits; head++) {
		unsigned int depth = 0;

		place = tuple ? table->by_tuple[head] : table->by_cookie[head];
		while (place) {
			const struct endpoint *ep = endpoint_at(table, place);

			work += ++depth;
			count++;
			place = tuple ? ep->tuple_next : ep->cookie_next;
		}
	}
	return (double)work / count;
}

static void cookies(void)
{
	uint64_t inverse_of_old = inverse();
	unsigned int i, apart = 0;
	struct endpoint_table table;

	salt(1);
	begin(&table);
	for (i = 1; i <= COUNT; i++) {
		struct tcptrace_record record = record_of(i * inverse_of_old, i, 1, 2, 2);

		apart += record.cookie * OLD >> (64 - BITS) != 0;
		endpoint_table_add(&table, &record);
	}
	is_int(apart, 0, "%u cookies that the former hash has in one place", COUNT);
	is_int(table.count, COUNT, "all of them are taken");
	ok(work_of(&table, false) < 2 * BY_CHANCE, "and found by looking at %.2f ends", work_of(&table, false));
	for (i = 1, apart = 0; i <= COUNT; i++)
		apart += !endpoint_table_find(&table, i * inverse_of_old);
	is_int(apart, 0, "each of them");
	endpoint_table_exit(&table);
}

/* Similar tuples: a difference in one endpoint is the same in the other one. */
static void tuples(void)
{
	static const char *const alike[] = {
		"the same change in both ports", "in both addresses", "ports whose sum is the same", "in a port and its address",
		"ports alone", "the same endpoint twice", "in the upper halves of both addresses",
	};
	unsigned int kind, i;

	for (kind = 0; kind < sizeof(alike) / sizeof(alike[0]); kind++) {
		struct endpoint_table table;

		salt(2 + kind);
		begin(&table);
		for (i = 1; i <= COUNT; i++) {
			struct tcptrace_record records[] = {
				record_of(i, 1, 5 ^ i, 2, 6 ^ i), record_of(i, 1 ^ i, 1, 2 ^ i, 2),
				record_of(i, 1, i, 2, 60000 - i), record_of(i, i << 8, i, 2, 2),
				record_of(i, 1, i, 2, 2), record_of(i, i, i, i, i), record_of(i, 1, 1, 2, 2),
			};

			memcpy(records[6].saddr, &i, sizeof(i));
			memcpy(records[6].daddr, &i, sizeof(i));
			endpoint_table_add(&table, &records[kind]);
		}
		is_int(table.count, COUNT, "tuples, %s: all are taken", alike[kind]);
		ok(work_of(&table, true) < 3 * BY_CHANCE, "and found by looking at %.2f ends", work_of(&table, true));
		endpoint_table_exit(&table);
	}
}

/* No hash can tell them apart, so their number is limited, except where many are normal. */
static void equal(void)
{
	unsigned int i, refused = 0;
	struct endpoint_table table;

	salt(20);
	begin(&table);
	for (i = 1; i <= COUNT; i++) {
		struct tcptrace_record record = record_of(i, 1, 1, 2, 2);

		record.netns = i;
		refused += !endpoint_table_add(&table, &record);
	}
	is_int(table.count, ENDPOINTS_ALIKE, "endpoints of one tuple in %u namespaces: so many are taken", COUNT);
	is_int(refused, COUNT - ENDPOINTS_ALIKE, "the others are not");
	endpoint_table_remove(&table, endpoint_table_find(&table, 1));
	i = COUNT + 1;
	ok(endpoint_table_add(&table, &(struct tcptrace_record){ .cookie = i, .netns = i, .sport = 7, .dport = 8 }),
	   "another tuple is");
	endpoint_table_exit(&table);

	begin(&table);
	for (i = 1, refused = 0; i <= COUNT; i++) {
		struct tcptrace_record record = record_of(i, 0, 80, 0, 0);

		record.netns = i;
		refused += !endpoint_table_add(&table, &record);
	}
	is_int(refused, 0, "listeners of any address in %u namespaces: all are taken", COUNT);
	ok(work_of(&table, true) < 2 * BY_CHANCE, "and found by looking at %.2f ends", work_of(&table, true));
	endpoint_table_exit(&table);
}

/* Of two with the same tuple, the latest is found first, whatever the salts, and after the table has grown. */
static void order(void)
{
	unsigned int i, number, wrong = 0;

	for (number = 0; number < SALTS; number++) {
		struct tcptrace_record alike = record_of(1, 1, 1, 2, 2), other;
		struct endpoint_table table;

		salt(number);
		begin(&table);
		for (i = 1; i <= COUNT; i++) {
			other = record_of(i, i, 3, i, 4);
			if (i % 1000 == 7) {
				other = alike;
				other.cookie = i;
			}
			endpoint_table_add(&table, &other);
		}
		for (i = COUNT - COUNT % 1000 + 7; i > COUNT; )
			i -= 1000;
		wrong += endpoint_at(&table, endpoint_table_find_tuple(&table, &alike))->cookie != i;
		endpoint_table_exit(&table);
	}
	is_int(wrong, 0, "who came last is found first, with each of %u salts", SALTS);
}

/* ---- names ---- */

static void processes(void)
{
	static uint32_t lengths[1 << BITS];
	char comm[TCPTRACE_COMM_LEN] = "";
	unsigned int i, number;
	double most = 0;

	for (number = 0; number < SALTS; number++) {
		uint64_t work = 0;

		salt(number);
		memset(lengths, 0, sizeof(lengths));
		for (i = 0; i < COUNT; i++) {
			snprintf(comm, sizeof(comm), "%u", i);
			work += ++lengths[hash_place(hash_16(comm, 77), BITS)];
		}
		most = work > most ? work : most;
	}
	ok(most / COUNT < 2 * BY_CHANCE, "names that one process gave itself: at most %.2f are looked at", most / COUNT);
}

/* ---- map.c ---- */

#define KEYS	700u	/* few, so that they come and go in a small table */

/* Each key is found with its value, and no other one is. */
static unsigned int differences(const struct map *map, char *const values[KEYS], enum numbers kind)
{
	unsigned int i, wrong = 0, count = 0;
	size_t place = 0;

	for (i = 0; i < KEYS; i++) {
		wrong += map_get(map, number_of(kind, i)) != values[i];
		count += values[i] != NULL;
	}
	wrong += map->count != count;
	while (map_next(map, &place))
		count--;
	return wrong + (count != 0);
}

/* Compared with an array, at random. */
static unsigned int come_and_go(struct map *map, char *values[KEYS], enum numbers kind)
{
	static char some[4096];
	unsigned int step, wrong = 0;

	for (step = 0; step < 20000; step++) {
		/* Alternating phases of more insertions and more removals. */
		bool put = any() % 8 < (step / 2500 % 2 ? 2 : 5);
		unsigned int i = any() % KEYS;

		values[i] = put ? &some[step % sizeof(some)] : NULL;
		if (!put)
			map_remove(map, number_of(kind, i));
		else if (!map_put(map, number_of(kind, i), values[i]))
			abort();
		if (step % 97 == 0)
			wrong += differences(map, values, kind);
	}
	return wrong;
}

/* Every second entry is removed during an iteration. Returns how many were not visited, or still exist. */
static unsigned int thin_out(struct map *map, char *values[KEYS], enum numbers kind)
{
	unsigned int i, seen = 0, before = map->count, gone = 0;
	size_t place = 0;
	char *value;

	while ((value = map_next(map, &place))) {
		for (i = 0; i < KEYS && values[i] != value; i++)
			;
		if (i < KEYS && i % 2) {
			map_remove(map, number_of(kind, i));
			values[i] = NULL;
			gone++;
			place--;
		}
		seen++;
	}
	for (i = 1; i < KEYS; i += 2)
		gone += values[i] != NULL;
	return (seen < before) + (map->count + gone != before) + differences(map, values, kind);
}

static void maps(void)
{
	enum numbers kind;
	unsigned int i;

	for (kind = 0; kind < NUMBERS; kind++) {
		char *values[KEYS] = { NULL };
		struct map map = { 0 };
		static char own[KEYS];

		salt(kind);
		ok(!map_get(&map, 1) && !come_and_go(&map, values, kind), "a map: numbers that come and go, %s",
		   names[kind]);
		for (i = 0; i < KEYS; i++)
			if (values[i])
				map_put(&map, number_of(kind, i), values[i] = &own[i]);
		is_int(thin_out(&map, values, kind), 0, "and go while one looks at all");
		map_exit(&map);
	}
}

/* ---- different in each process ---- */

static void random_salts(const char *program, const uint64_t *own)
{
	char command[4096];
	uint64_t other = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s salt", program);
	pipe = popen(command, "r");
	ok(pipe && fscanf(pipe, "%lx", &other) == 1 && other, "another process has a salt");
	if (pipe)
		pclose(pipe);
	ok(own[0] && own[0] != other && own[0] != own[1] && own[0] & own[1] & own[2] & own[3] & 1, "and it is not ours");
}

int main(int argc, char *argv[])
{
	uint64_t own[sizeof(hash_salts) / sizeof(hash_salts[0])];

	if (argc > 1) {
		printf("%lx\n", hash_salts[0]);
		return 0;
	}
	memcpy(own, hash_salts, sizeof(own));
	random_salts(argv[0], own);
	numbers();
	cookies();
	tuples();
	equal();
	order();
	processes();
	maps();
	return done_testing();
}
