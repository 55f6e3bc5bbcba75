// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries what can be done with files below /proc/tcptrace that another process has opened, and prints the result of
 * each: "fine" or an errno.
 *
 *   handed_on 3<>events 4<sockets 5<status
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tcptrace.h"

enum { EVENTS = 3, SOCKETS, STATUS };

static void say(const char *what, int failed)
{
	printf("%s: %s\n", what, failed ? strerrorname_np(errno) : "fine");
}

int main(void)
{
	const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = TCPTRACE_L_LIFE };
	char buffer[1 << 16];

	say("write a filter", write(EVENTS, &filter, sizeof(filter)) < 0);
	say("map", mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, EVENTS, 0) == MAP_FAILED);
	say("read sockets", read(SOCKETS, buffer, sizeof(buffer)) < 0);
	say("read status", read(STATUS, buffer, sizeof(buffer)) < 0);
	return 0;
}
