// SPDX-License-Identifier: GPL-2.0-only
/* How long endpoints stay in a state: medians and percentiles of any number of stays, in bounded memory. */
#include <math.h>
#include <stdlib.h>

#include "tally/transitions.h"
#include "test.h"

static struct transitions transitions;

static void stays(uint64_t ns)
{
	static const struct endpoint ep;
	const struct step step = {
		.ep = &ep,
		.old_state = TCPTRACE_S_ESTABLISHED,
		.new_state = TCPTRACE_S_FIN_WAIT1,
		.in_state = ns,
	};

	transitions_step(&transitions, &step);
}

static bool near(uint64_t got, uint64_t wanted)
{
	return fabs((double)got - wanted) <= 0.0323 * wanted;
}

static void test_each_size(void)
{
	uint64_t ns;

	for (ns = 1; ns < 1ull << 62; ns += ns / 7 + 1) {
		memset(&transitions, 0, sizeof(transitions));
		stays(ns);
		if (!near(transitions_stay(&transitions, TCPTRACE_S_ESTABLISHED, 50), ns))
			break;
	}
	ok(ns >= 1ull << 62, "each duration is right to 3 %% (%llu)", (unsigned long long)ns);
	memset(&transitions, 0, sizeof(transitions));
	stays(UINT64_MAX - 1);
	ok(near(transitions_stay(&transitions, TCPTRACE_S_ESTABLISHED, 50), UINT64_MAX), "the longest, too");
}

static int by_size(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void test_many(void)
{
	enum { MANY = 10001 };
	static uint64_t all[MANY];
	unsigned int i;

	srandom(1);
	memset(&transitions, 0, sizeof(transitions));
	for (i = 0; i < MANY; i++) {
		all[i] = exp(random() % 20000 / 1000.0) + random() % 100;
		stays(all[i]);
	}
	qsort(all, MANY, sizeof(*all), by_size);
	ok(near(transitions_stay(&transitions, TCPTRACE_S_ESTABLISHED, 50), all[MANY / 2]), "the median of many");
	ok(near(transitions_stay(&transitions, TCPTRACE_S_ESTABLISHED, 99), all[MANY * 99 / 100]),
	   "the 99th percentile of many");
	is_int(transitions.taken[TCPTRACE_S_ESTABLISHED][TCPTRACE_S_FIN_WAIT1], MANY, "each is counted");
	is_int(transitions.stayed[TCPTRACE_S_ESTABLISHED], MANY, "so is its stay");
}

static void test_unknown(void)
{
	memset(&transitions, 0, sizeof(transitions));
	stays(UNKNOWN);
	is_int(transitions.taken[TCPTRACE_S_ESTABLISHED][TCPTRACE_S_FIN_WAIT1], 1, "the change is counted");
	ok(transitions_stay(&transitions, TCPTRACE_S_ESTABLISHED, 50) == UNKNOWN,
	   "a stay whose beginning nobody saw is none");
}

int main(void)
{
	test_each_size();
	test_many();
	test_unknown();
	return done_testing();
}
