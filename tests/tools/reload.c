// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and unloads a module many times, without starting a program for each, and in between reads from it as a program
 * would: opens, requests a level, maps, reads the beginning of the snapshot.
 *
 *   reload FILE COUNT [PARAMETERS...]   COUNT times, with each of the PARAMETERS in turn, and each of the
 *                                       levels in turn, shifted by one in each cycle
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tcptrace.h"

static void use(uint32_t level)
{
	const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = level };
	int events = open(TCPTRACE_PROC_EVENTS, O_RDWR), sockets = open(TCPTRACE_PROC_SOCKETS, O_RDONLY);
	struct tcptrace_record records[16];
	const struct tcptrace_map *map;

	if (events < 0 || sockets < 0)
		err(1, "open");
	if (write(events, &filter, sizeof(filter)) != sizeof(filter))
		err(1, "filter");
	map = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, events, 0);
	if (map == MAP_FAILED || map->magic != TCPTRACE_MAGIC)
		err(1, "mapping");
	if (read(sockets, records, sizeof(records)) < 0)
		err(1, "snapshot");
	munmap((void *)map, sysconf(_SC_PAGESIZE));
	close(events);
	close(sockets);
}

int main(int argc, char **argv)
{
	static const uint32_t levels[] = { TCPTRACE_L_SEGMENT, TCPTRACE_L_LIFE, TCPTRACE_L_QUEUE };
	int file, i, count;

	if (argc < 3) {
		fprintf(stderr, "usage: reload FILE COUNT [PARAMETERS...]\n");
		return 2;
	}
	file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		err(1, "%s", argv[1]);
	count = atoi(argv[2]);
	for (i = 0; i < count; i++) {
		const char *parameters = argc > 3 ? argv[3 + i % (argc - 3)] : "";

		if (syscall(SYS_finit_module, file, parameters, 0))
			err(1, "loading for the %d. time, '%s'", i + 1, parameters);
		use(levels[(i + (argc > 3 ? i / (argc - 3) : 0)) % 3]);
		if (syscall(SYS_delete_module, "tcptrace", 0))
			err(1, "unloading for the %d. time", i + 1);
	}
	printf("reloads=%d\n", i);
	return 0;
}
