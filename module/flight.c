// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"
#include "flight.h"

static struct tcptrace_wish wish;
static bool recording;

int tcptrace_flight_init(enum tcptrace_level level)
{
	const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = level };
	int error;

	if (level == TCPTRACE_L_OFF)
		return 0;
	tcptrace_filter_add(&wish);
	error = tcptrace_filter_set(&wish, &filter, NULL);
	if (error)
		tcptrace_filter_remove(&wish);
	recording = !error;
	return error;
}

void tcptrace_flight_exit(void)
{
	if (recording)
		tcptrace_filter_remove(&wish);
}

enum tcptrace_level tcptrace_flight_level(void)
{
	return recording ? wish.filter.level : TCPTRACE_L_OFF;
}
