// SPDX-License-Identifier: GPL-2.0-only
/* pingpong N: prints the ns that each of N writes and reads of one byte took. */
#include <stdio.h>

#include "busy.h"
#include "workload.h"

int main(int argc, char **argv)
{
	unsigned int count = bench_number(argc == 2 ? argv[1] : NULL);

	bench_settle();
	bench_pingpong(count / 10 + 1);
	printf("%.1f\n", (double)bench_pingpong(count) / count);
	return 0;
}
