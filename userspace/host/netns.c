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
#include "base/map.h"
#include "host/netns.h"
#include "host/proc.h"

#define NETNS_RUN	"/run/netns"
#define OWN		"/proc/self/ns/net"
#define MOUNTS		"/proc/self/mountinfo"

uint32_t netns_own(void)
{
	struct stat stats;

	return stat(OWN, &stats) ? 0 : stats.st_ino;
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

/* ---- one namespace, by its inode ---- */

#define PATH_SIZE	512

/* Where each was found last: strings, by inode. */
static struct map paths;

static bool is_at(const char *path, uint32_t inode)
{
	struct stat status;

	return !stat(path, &status) && status.st_ino == inode;
}

/* "ip netns add" and similar tools keep a namespace alive by mounting it. Returns whether there is one more. */
static bool next_mounted(FILE *file, char path[PATH_SIZE])
{
	char *line = NULL, root[64];
	bool found = false;
	size_t size = 0;

	while (!found && getline(&line, &size, file) > 0)
		found = sscanf(line, "%*s %*s %*s %63s %511s", root, path) == 2 && !strncmp(root, "net:", 4);
	free(line);
	return found;
}

static bool find_mounted(uint32_t inode, char path[PATH_SIZE])
{
	FILE *file = fopen(MOUNTS, "re");
	bool found = false;

	while (file && !found && next_mounted(file, path))
		found = is_at(path, inode);
	if (file)
		fclose(file);
	return found;
}

static bool find_process(uint32_t inode, char path[PATH_SIZE])
{
	DIR *proc = opendir(PROC);
	bool found = false;
	const char *pid;

	while (proc && !found && (pid = proc_next(proc))) {
		snprintf(path, PATH_SIZE, PROC "/%s/ns/net", pid);
		found = is_at(path, inode);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* NULL: not found. */
static const char *find_path(uint32_t inode)
{
	char found[PATH_SIZE], *known = map_get(&paths, inode);

	if (known && is_at(known, inode))
		return known;
	map_remove(&paths, inode);
	free(known);
	if (!find_mounted(inode, found) && !find_process(inode, found))
		return NULL;
	known = strdup(found);
	if (known && map_put(&paths, inode, known))
		return known;
	free(known);
	return NULL;
}

/* The process whose namespace it was may be gone by now, and its number another one's. */
static int open_inode(uint32_t inode)
{
	const char *path = find_path(inode);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat status;

	if (fd < 0 || (!fstat(fd, &status) && status.st_ino == inode))
		return fd;
	close(fd);
	return -1;
}

int netns_visit(uint32_t inode, int *own)
{
	int other, error = 0;

	*own = open(OWN, O_RDONLY | O_CLOEXEC);
	if (*own < 0)
		return -errno;
	other = open_inode(inode);
	if (other < 0)
		error = -ENOENT;
	else if (setns(other, CLONE_NEWNET))
		error = -errno;
	if (other >= 0)
		close(other);
	if (error)
		close(*own);
	return error;
}

void netns_return(int own)
{
	if (setns(own, CLONE_NEWNET))
		abort();
	close(own);
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

static void add_mounted(struct namespaces *known)
{
	FILE *file = fopen(MOUNTS, "re");
	char path[PATH_SIZE];

	while (file && next_mounted(file, path))
		add_namespace(known, path);
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
	add_namespace(&known, OWN);
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
