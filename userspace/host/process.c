// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "host/proc.h"
#include "host/process.h"

#define SOCKET_LINK	"socket:["

struct processes {
	struct process_socket *sockets;	/* sorted by inode and order after the scan; with `all`: after its end */
	size_t count, room, found;
	bool all;
};

struct processes *processes_new(void)
{
	return calloc(1, sizeof(struct processes));
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	free(processes->sockets);
	free(processes);
}

static int add(struct processes *processes, const struct process_socket *socket)
{
	if (!array_reserve(processes->sockets, processes->room, processes->count + 1))
		return -ENOMEM;
	processes->sockets[processes->count] = *socket;
	processes->sockets[processes->count].order = processes->count;
	processes->count++;
	return 0;
}

int processes_want(struct processes *processes, uint64_t inode)
{
	return inode ? add(processes, &(struct process_socket){ .inode = inode }) : 0;
}

void processes_want_all(struct processes *processes)
{
	processes->all = true;
}

static int compare(const void *a, const void *b)
{
	const struct process_socket *left = a, *right = b;

	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

static void sort(struct processes *processes)
{
	if (processes->count)
		qsort(processes->sockets, processes->count, sizeof(*processes->sockets), compare);
}

/* The first one with this inode, or NULL. */
static struct process_socket *find(const struct processes *processes, uint64_t inode)
{
	size_t from = 0, to = processes->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (processes->sockets[middle].inode < inode)
			from = middle + 1;
		else
			to = middle;
	}
	return from < processes->count && processes->sockets[from].inode == inode ? &processes->sockets[from] : NULL;
}

const struct process *processes_find(const struct processes *processes, uint64_t inode)
{
	const struct process_socket *socket = find(processes, inode);

	return socket && socket->owner.pid ? &socket->owner : NULL;
}

const struct process_socket *processes_find_all(const struct processes *processes, uint64_t inode, size_t *count)
{
	const struct process_socket *first = inode ? find(processes, inode) : NULL;
	const struct process_socket *end = processes->sockets + processes->count, *next = first;

	while (first && next < end && next->inode == inode)
		next++;
	*count = first ? next - first : 0;
	return first;
}

static void look_at(struct processes *processes, int proc, const char *pid, DIR *fds)
{
	struct process owner = { 0 };
	struct dirent *entry;
	char link[64];

	while ((entry = readdir(fds))) {
		ssize_t length = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);
		struct process_socket *socket, found = { 0 };

		if (length < (ssize_t)sizeof(SOCKET_LINK))
			continue;
		link[length] = '\0';
		if (strncmp(link, SOCKET_LINK, sizeof(SOCKET_LINK) - 1))
			continue;
		found.inode = strtoull(link + sizeof(SOCKET_LINK) - 1, NULL, 10);
		socket = processes->all ? &found : find(processes, found.inode);
		if (!socket || socket->owner.pid)
			continue;
		if (!owner.pid) {
			owner.pid = strtoul(pid, NULL, 10);
			proc_comm(proc, pid, owner.comm, sizeof(owner.comm));
		}
		socket->owner = owner;
		socket->fd = strtoul(entry->d_name, NULL, 10);
		processes->found++;
		if (processes->all && add(processes, &found))
			return;
	}
}

void processes_scan(struct processes *processes, const char *proc)
{
	DIR *all = opendir(proc);
	const char *pid;
	char path[32];

	if (!all)
		return;
	if (!processes->all)
		sort(processes);
	while ((processes->all || processes->found < processes->count) && (pid = proc_next(all))) {
		DIR *fds;
		int fd;

		snprintf(path, sizeof(path), "%.12s/fd", pid);
		fd = openat(dirfd(all), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fds = fd < 0 ? NULL : fdopendir(fd);
		if (!fds) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		look_at(processes, dirfd(all), pid, fds);
		closedir(fds);
	}
	closedir(all);
	if (processes->all)
		sort(processes);
}
