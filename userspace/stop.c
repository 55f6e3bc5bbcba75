// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "options.h"
#include "stop.h"

#define WAIT_MAX_MS	3600000

enum { KEY_DURATION = 0x300, KEY_COUNT };

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct stop *stop = state->input;

	switch (key) {
	case KEY_DURATION:
		stop->duration = options_seconds(state, "--duration", text);
		return 0;
	case KEY_COUNT:
		stop->count = options_count(state, "--count", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "duration", KEY_DURATION, "SECONDS", 0, "Stop after so long", 0 },
	{ "count", KEY_COUNT, "N", 0, "Stop after so many events", 0 },
	{ 0 }
};

const struct argp stop_argp = {
	.options = options,
	.parser = parse,
};

uint64_t stop_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

void stop_begin(struct stop *stop, const struct source *source)
{
	if (stop->duration && source->live)
		stop->deadline = stop_now() + stop->duration;
}

bool stop_too_late(struct stop *stop, const struct source *source, uint64_t time)
{
	if (!stop->deadline && stop->duration && !source->live)
		stop->deadline = time + stop->duration;
	return stop_over(stop, time);
}

void stop_here(struct stop *stop)
{
	stop->deadline = stop_now();
}

int stop_timeout(const struct stop *stop, uint64_t time, int most)
{
	uint64_t left;

	if (!stop->deadline)
		return most;
	left = stop->deadline > time ? (stop->deadline - time) / 1000000 + 1 : 0;
	if (left > WAIT_MAX_MS)
		left = WAIT_MAX_MS;
	return most >= 0 && (uint64_t)most < left ? most : (int)left;
}
