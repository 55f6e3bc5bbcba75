// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "host/kprobes_enabled.h"

int kprobes_enabled(void)
{
	int fd = open(KPROBES_ENABLED, O_RDONLY | O_CLOEXEC);
	char enabled = '1';
	int result;

	if (fd < 0)
		return -errno;
	result = read(fd, &enabled, 1) < 0 ? -errno : enabled != '0';
	close(fd);
	return result;
}
