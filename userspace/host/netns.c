// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/netns.h"
#include "host/proc.h"

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

/* ---- all that are known ---- */

/* Those of processes, and those that are mounted somewhere. */
struct namespaces {
	ino_t *inodes;
	int *fds;
	size_t count, room;
};

static void add_namespace(struct namespaces *known, const char *path)
{
	struct stat status;
	size_t i;
	int fd;

	if (stat(path, &status))
		return;
	for (i = 0; i < known->count; i++)
		if (known->inodes[i] == status.st_ino)
			return;
	if (known->count == known->room) {
		size_t room = known->room ? 2 * known->room : 16;
		ino_t *inodes = reallocarray(known->inodes, room, sizeof(*inodes));
		int *fds = reallocarray(known->fds, room, sizeof(*fds));

		known->inodes = inodes ?: known->inodes;
		known->fds = fds ?: known->fds;
		if (!inodes || !fds)
			return;
		known->room = room;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	known->inodes[known->count] = status.st_ino;
	known->fds[known->count++] = fd;
}

static void add_of_processes(struct namespaces *known)
{
	char path[sizeof(PROC "//ns/net") + 256];
	DIR *proc = opendir(PROC);
	const char *pid;

	while (proc && (pid = proc_next(proc))) {
		snprintf(path, sizeof(path), PROC "/%s/ns/net", pid);
		add_namespace(known, path);
	}
	if (proc)
		closedir(proc);
}

/* "ip netns add" and its like keep one alive by mounting it. */
static void add_mounted(struct namespaces *known)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char path[512], root[64];
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0)
		if (sscanf(line, "%*s %*s %*s %63s %511s", root, path) == 2 && !strncmp(root, "net:", 4))
			add_namespace(known, path);
	free(line);
	if (file)
		fclose(file);
}

static void forget(struct namespaces *known)
{
	size_t i;

	for (i = 0; i < known->count; i++)
		close(known->fds[i]);
	free(known->fds);
	free(known->inodes);
}

int netns_each(int (*visit)(void *arg), void *arg)
{
	struct namespaces known = { 0 };
	int result = 0;
	size_t i;

	/* The first is our own: one is in it already, and returns to it. */
	add_namespace(&known, "/proc/self/ns/net");
	add_mounted(&known);
	add_of_processes(&known);
	for (i = 0; i < known.count && !result; i++) {
		if (i && setns(known.fds[i], CLONE_NEWNET))
			result = -errno;
		else
			result = visit(arg);
	}
	if (i > 1 && setns(known.fds[0], CLONE_NEWNET) && !result)
		result = -errno;
	forget(&known);
	return result;
}
