// SPDX-License-Identifier: GPL-2.0-only
/*
 * paced N: N connections a second, until it is killed: one byte over each, then a reset. Paced by the clock, not by a
 * pause after each, so that competition for the CPU does not slow it down as long as there is enough.
 */
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

static void wait_until(uint64_t ns)
{
	const struct timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL))
		;
}

int main(int argc, char **argv)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	uint64_t pace = 1000000000 / bench_number(argc == 2 ? argv[1] : NULL), next = bench_now();
	int listener = bench_listen(16), fd, accepted;
	char byte = 'x';

	for (;; next += pace) {
		wait_until(next);
		fd = bench_connect(listener, 0, &accepted);
		bench_check(write(fd, &byte, 1), "write");
		bench_check(read(accepted, &byte, 1), "read");
		bench_check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
		close(fd);
		close(accepted);
	}
}
