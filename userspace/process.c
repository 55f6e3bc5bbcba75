// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

#define SOCKET_LINK	"socket:["

struct socket {
	uint64_t inode;
	struct owner owner;
};

struct processes {
	struct socket *sockets;		/* sorted by inode once the scan began */
	size_t count, room, found;
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

int processes_want(struct processes *processes, uint64_t inode)
{
	if (!inode)
		return 0;
	if (processes->count == processes->room) {
		size_t room = processes->room ? 2 * processes->room : 64;
		struct socket *sockets = reallocarray(processes->sockets, room, sizeof(*sockets));

		if (!sockets)
			return -ENOMEM;
		processes->sockets = sockets;
		processes->room = room;
	}
	processes->sockets[processes->count++] = (struct socket){ .inode = inode };
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = ((const struct socket *)a)->inode, right = ((const struct socket *)b)->inode;

	return left < right ? -1 : left > right;
}

static struct socket *find(const struct processes *processes, uint64_t inode)
{
	struct socket key = { .inode = inode };

	if (!processes->count)
		return NULL;
	return bsearch(&key, processes->sockets, processes->count, sizeof(key), compare);
}

const struct owner *processes_find(const struct processes *processes, uint64_t inode)
{
	const struct socket *socket = find(processes, inode);

	return socket && socket->owner.pid ? &socket->owner : NULL;
}

/* Of a process that may end meanwhile: then it has no name, as it has no socket. */
static void read_comm(int proc, const char *pid, char comm[TCPTRACE_COMM_LEN])
{
	char path[32];
	ssize_t length;
	int fd;

	memset(comm, 0, TCPTRACE_COMM_LEN);
	snprintf(path, sizeof(path), "%.12s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	length = read(fd, comm, TCPTRACE_COMM_LEN - 1);
	close(fd);
	if (length > 0 && comm[length - 1] == '\n')
		comm[length - 1] = '\0';
}

static void look_at(struct processes *processes, int proc, const char *pid, DIR *fds)
{
	struct owner owner = { 0 };
	struct dirent *entry;
	char link[64];

	while ((entry = readdir(fds))) {
		ssize_t length = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);
		struct socket *socket;

		if (length < (ssize_t)sizeof(SOCKET_LINK))
			continue;
		link[length] = '\0';
		if (strncmp(link, SOCKET_LINK, sizeof(SOCKET_LINK) - 1))
			continue;
		socket = find(processes, strtoull(link + sizeof(SOCKET_LINK) - 1, NULL, 10));
		if (!socket || socket->owner.pid)
			continue;
		if (!owner.pid) {
			owner.pid = strtoul(pid, NULL, 10);
			read_comm(proc, pid, owner.comm);
		}
		socket->owner = owner;
		processes->found++;
	}
}

void processes_scan(struct processes *processes, const char *proc)
{
	DIR *all = opendir(proc);
	struct dirent *entry;
	char path[32];

	if (!all)
		return;
	if (processes->count)
		qsort(processes->sockets, processes->count, sizeof(struct socket), compare);
	while (processes->found < processes->count && (entry = readdir(all))) {
		DIR *fds;
		int fd;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.12s/fd", entry->d_name);
		fd = openat(dirfd(all), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fds = fd < 0 ? NULL : fdopendir(fd);
		if (!fds) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		look_at(processes, dirfd(all), entry->d_name, fds);
		closedir(fds);
	}
	closedir(all);
}
