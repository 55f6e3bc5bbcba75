// SPDX-License-Identifier: GPL-2.0-only
/* conns N: prints the ns that each of N connections took. */
#include <stdio.h>

#include "busy.h"
#include "workload.h"

int main(int argc, char **argv)
{
	unsigned int count = bench_number(argc == 2 ? argv[1] : NULL);

	bench_settle();
	bench_conns(count / 10 + 1); /* caches of the kernel that the first connections fill */
	printf("%.1f\n", (double)bench_conns(count) / count);
	return 0;
}
