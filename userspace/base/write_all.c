// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "base/write_all.h"

/* If nobody reads any more, the next write fails. */
static int wait_for_room(int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	/* Ctrl-C is no reason to lose the last lines; a second one ends the program. */
	return poll(&room, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int write_all(int fd, const void *data, size_t size)
{
	const char *text = data;
	int error = 0;

	while (size && !error) {
		ssize_t written = write(fd, text, size);

		if (written >= 0) {
			text += written;
			size -= written;
		} else if (errno == EAGAIN) {
			error = wait_for_room(fd);
		} else if (errno != EINTR) {
			error = -errno;
		}
	}
	return error;
}

/* For fopencookie(3): 0 is an error. */
static ssize_t write_stream(void *cookie, const char *data, size_t size)
{
	int error = write_all((intptr_t)cookie, data, size);

	if (!error)
		return size;
	errno = -error;
	return 0;
}

FILE *write_all_stream(int fd)
{
	FILE *stream = fopencookie((void *)(intptr_t)fd, "w", (cookie_io_functions_t){ .write = write_stream });

	if (stream && fd == STDERR_FILENO)
		setvbuf(stream, NULL, _IONBF, 0);
	else if (stream && isatty(fd))
		setvbuf(stream, NULL, _IOLBF, 0);
	return stream;
}
