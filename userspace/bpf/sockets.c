// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record_check.h"
#include "sockets.h"

#define BUFFER	((size_t)1365 * sizeof(struct tcptrace_record))	/* 256 KiB */

/* The namespaces that are known: those of processes, and those that are mounted somewhere. */
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
	char path[sizeof("/proc//ns/net") + 256];
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
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

static int hand_out(unsigned char *buffer, size_t size, source_each each, void *arg, uint64_t *unknown)
{
	size_t at;
	int result = 0;

	for (at = 0; at < size && !result; at += sizeof(struct tcptrace_record)) {
		struct tcptrace_record *record = (void *)(buffer + at);

		if (record_known(record) && record_sound(record))
			result = each(record, arg);
		else
			(*unknown)++;
	}
	return result;
}

/* Of the namespace that this thread is in. */
static int walk(int link, unsigned char *buffer, source_each each, void *arg, uint64_t *unknown)
{
	int fd = bpf_iter_create(link), result = 0;
	size_t held = 0, whole;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (!result && (got = read(fd, buffer + held, BUFFER - held))) {
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0) {
			result = -errno;
			break;
		}
		held += got;
		whole = held - held % sizeof(struct tcptrace_record);
		result = hand_out(buffer, whole, each, arg, unknown);
		held -= whole;
		memmove(buffer, buffer + whole, held);
	}
	close(fd);
	return result;
}

static int walk_all(const struct namespaces *known, int link, int (*first)(void), source_each each, void *arg,
		    uint64_t *unknown)
{
	unsigned char *buffer = malloc(BUFFER);
	int result = buffer ? 0 : -ENOMEM;
	size_t i;

	/* The first is our own: one is in it already, and returns to it. */
	for (i = 0; i < known->count && !result; i++) {
		if (i && setns(known->fds[i], CLONE_NEWNET))
			result = -errno;
		if (!result && first)
			result = first();
		if (!result)
			result = walk(link, buffer, each, arg, unknown);
	}
	if (i > 1 && setns(known->fds[0], CLONE_NEWNET) && !result)
		result = -errno;
	free(buffer);
	return result;
}

int sockets_each(const struct bpf_program *snapshot, int (*first)(void), source_each each, void *arg,
		 uint64_t *unknown)
{
	struct bpf_link *link = bpf_program__attach_iter(snapshot, NULL);
	struct namespaces known = { 0 };
	int result;
	size_t i;

	if (!link)
		return -errno;
	add_namespace(&known, "/proc/self/ns/net");
	add_mounted(&known);
	add_of_processes(&known);
	result = walk_all(&known, bpf_link__fd(link), first, each, arg, unknown);
	for (i = 0; i < known.count; i++)
		close(known.fds[i]);
	free(known.fds);
	free(known.inodes);
	bpf_link__destroy(link);
	return result;
}
