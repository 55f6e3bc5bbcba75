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

#include "base/array.h"
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

	/* As in ip(8), what has a slash is already a path. */
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_RUN "/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		error = -errno;
	close(fd);
	return error;
}

/* ---- all known namespaces ---- */

/* Those of processes, and those that are mounted. */
struct namespaces {
	struct namespace {
		ino_t inode;
		int fd;
	} *all;
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
		if (known->all[i].inode == status.st_ino)
			return;
	if (!array_reserve(known->all, known->room, known->count + 1))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		known->all[known->count++] = (struct namespace){ .inode = status.st_ino, .fd = fd };
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

/* "ip netns add" and similar tools keep a namespace alive by mounting it. */
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
		close(known->all[i].fd);
	free(known->all);
}

int netns_each(int (*visit)(void *arg), void *arg)
{
	struct namespaces known = { 0 };
	int result = 0;
	size_t i;

	/* The first is our own: we are in it already, and return to it. */
	add_namespace(&known, "/proc/self/ns/net");
	add_mounted(&known);
	add_of_processes(&known);
	for (i = 0; i < known.count && !result; i++) {
		if (i && setns(known.all[i].fd, CLONE_NEWNET))
			result = -errno;
		else
			result = visit(arg);
	}
	if (i > 1 && setns(known.all[0].fd, CLONE_NEWNET) && !result)
		result = -errno;
	forget(&known);
	return result;
}
