// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"

#define NETNS_RUN	"/run/netns"

uint32_t netns_own(void)
{
	struct stat stats;

	return stat("/proc/self/ns/net", &stats) ? 0 : stats.st_ino;
}

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int fd, error = 0;

	/* A path is one already, as to ip(8). */
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_RUN "/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		error = -errno;
	close(fd);
	return error;
}
