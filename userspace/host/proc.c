// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/proc.h"

const char *proc_next(DIR *proc)
{
	struct dirent *entry;

	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			return entry->d_name;
	return NULL;
}

void proc_comm(int proc, const char *pid, char *comm, size_t size)
{
	char path[32];
	ssize_t length;
	int fd;

	memset(comm, 0, size);
	snprintf(path, sizeof(path), "%.12s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	length = read(fd, comm, size);
	close(fd);
	/* A newline ends the file; the name may contain others. */
	if (length > 0)
		comm[length - 1] = '\0';
}
