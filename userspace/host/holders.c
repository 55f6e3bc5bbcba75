// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/holders.h"
#include "host/proc.h"

#define FOLDER	"/tcptrace/"

/* proc may be mounted elsewhere, but the module's folder is directly below it. */
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

/* Links to what is open ("fd") and to what is mapped ("map_files"); a file may be closed and still mapped. */
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

size_t holders_find(struct holder *holders, size_t max)
{
	DIR *proc = opendir(PROC);
	size_t count = 0;
	const char *pid;

	while (proc && (pid = proc_next(proc))) {
		int process = openat(dirfd(proc), pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (process < 0)
			continue;
		if (links_to_ours(process, "fd") || links_to_ours(process, "map_files")) {
			if (count < max) {
				holders[count].pid = atoi(pid);
				proc_comm(dirfd(proc), pid, holders[count].comm, sizeof(holders[count].comm));
			}
			count++;
		}
		close(process);
	}
	if (proc)
		closedir(proc);
	return count;
}
