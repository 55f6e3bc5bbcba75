// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "session/options.h"
#include "session/stop.h"

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

static const struct argp_option duration[] = {
	{ "duration", KEY_DURATION, "SECONDS", 0, "Stop after SECONDS", 0 },
	{ 0 }
};

static const struct argp_option count[] = {
	{ "count", KEY_COUNT, "N", 0, "Stop after N events", 0 },
	{ 0 }
};

const struct argp stop_argp = {
	.options = duration,
	.parser = parse,
};

const struct argp stop_count_argp = {
	.options = count,
	.parser = parse,
};

void stop_begin(struct stop *stop, const struct source *source)
{
	if (stop->duration && source->live)
		stop->deadline = clock_now() + stop->duration;
}

void stop_here(struct stop *stop)
{
	stop->deadline = clock_now();
}

int stop_until(uint64_t time, uint64_t deadline, int most)
{
	uint64_t left = deadline > time ? (deadline - time) / 1000000 + 1 : 0;

	if (left > WAIT_MAX_MS)
		left = WAIT_MAX_MS;
	return most >= 0 && (uint64_t)most < left ? most : (int)left;
}

int stop_timeout(const struct stop *stop, uint64_t time, int most)
{
	if (stop_over(stop, time))
		return SOURCE_STALL_MS;
	return stop->deadline ? stop_until(time, stop->deadline, most) : most;
}
