// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/holders.h"

#define FOLDER	"/tcptrace/"

/* proc may be mounted elsewhere, but the module's folder is right below it. */
static bool ours(const char *path)
{
	static const char *const names[] = { "events", "sockets", "status" };
	const char *name = strrchr(path, '/');
	size_t length = strlen(FOLDER), i;

	if (!name || (size_t)(name + 1 - path) < length || memcmp(name + 1 - length, FOLDER, length))
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name + 1, names[i]))
			return true;
	return false;
}

/* Links to what is open ("fd"), and to what is mapped ("map_files"), which a closed file may still be. */
static bool links_to_ours(int process, const char *folder)
{
	int fd = openat(process, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = false;
	struct dirent *entry;
	DIR *directory;

	if (fd < 0)
		return false;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return false;
	}
	while (!found && (entry = readdir(directory))) {
		char target[PATH_MAX];
		ssize_t length = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		found = ours(target);
	}
	closedir(directory);
	return found;
}

static void read_comm(int process, char *comm, size_t size)
{
	int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t length = -1;

	if (fd >= 0) {
		length = read(fd, comm, size - 1);
		close(fd);
	}
	/* A line break ends the file; the name may have others. */
	comm[length > 0 ? length - 1 : 0] = '\0';
}

size_t holders_find(struct holder *holders, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (proc && (entry = readdir(proc))) {
		int process;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		if (links_to_ours(process, "fd") || links_to_ours(process, "map_files")) {
			if (count < max) {
				holders[count].pid = atoi(entry->d_name);
				read_comm(process, holders[count].comm,
					  sizeof(holders[count].comm));
			}
			count++;
		}
		close(process);
	}
	if (proc)
		closedir(proc);
	return count;
}
