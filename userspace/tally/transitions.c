// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "tally/transitions.h"

/* The first durations have a bucket each; then as many buckets of twice the width, and so on. */
static unsigned int part_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < 1u << STAY_PARTS_BITS)
		return ns;
	shift = 63 - __builtin_clzll(ns) - STAY_PARTS_BITS;
	return ((shift + 1) << STAY_PARTS_BITS) + (ns >> shift) - (1u << STAY_PARTS_BITS);
}

/* The middle of a bucket. */
static uint64_t middle_of(unsigned int part)
{
	unsigned int shift = part >> STAY_PARTS_BITS;
	uint64_t from;

	if (!shift)
		return part;
	from = ((part & ((1u << STAY_PARTS_BITS) - 1)) + (1ull << STAY_PARTS_BITS)) << (shift - 1);
	return from + ((1ull << (shift - 1)) >> 1);
}

void transitions_step(struct transitions *transitions, const struct step *step)
{
	if (!step->ep || step->old_state == step->new_state)
		return;
	transitions->taken[step->old_state][step->new_state]++;
	if (step->in_state == UNKNOWN)
		return;
	transitions->stays[step->old_state][part_of(step->in_state)]++;
	transitions->stayed[step->old_state]++;
}

void transitions_now(struct transitions *transitions, const struct model *model)
{
	const struct endpoint *ep;
	uint32_t place = 0;

	memset(transitions->now, 0, sizeof(transitions->now));
	while ((ep = model_next(model, &place)))
		transitions->now[ep->state]++;
}

uint64_t transitions_stay(const struct transitions *transitions, unsigned int state, unsigned int percent)
{
	/* At least this many are not above it. */
	uint64_t wanted = (transitions->stayed[state] * percent + 99) / 100, count = 0;
	unsigned int part;

	if (!transitions->stayed[state])
		return UNKNOWN;
	for (part = 0; part < STAY_PARTS; part++) {
		count += transitions->stays[state][part];
		if (count >= wanted)
			break;
	}
	return middle_of(part);
}
