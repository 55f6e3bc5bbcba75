// SPDX-License-Identifier: GPL-2.0-only
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"

#define SALTS	(sizeof(hash_salts) / sizeof(hash_salts[0]))

uint64_t hash_salts[4];

/* The kernel may have no randomness yet, shortly after boot. */
static void make_up(void)
{
	struct timespec time;
	size_t i;

	clock_gettime(CLOCK_MONOTONIC, &time);
	for (i = 0; i < SALTS; i++)
		hash_salts[i] = hash_fold(time.tv_nsec + 0x9e3779b97f4a7c15ull * (i + 1), (uintptr_t)&time ^ getpid());
}

__attribute__((constructor)) static void make_salts(void)
{
	size_t i;

	if (getrandom(hash_salts, sizeof(hash_salts), GRND_NONBLOCK) != sizeof(hash_salts))
		make_up();
	for (i = 0; i < SALTS; i++)
		hash_salts[i] |= 1;
}
