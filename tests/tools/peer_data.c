// SPDX-License-Identifier: GPL-2.0-only
/* The data of a peer: what its sockets send and receive. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orders.h"
#include "peer.h"

static char buffer[1 << 16];

long do_fast(void)
{
	union address address;
	socklen_t length = peer_parse(&address, order_word(2), order_word(3));
	int fd = peer_make(&address, 0);

	peer_add(order_word(1), fd);
	return sendto(fd, buffer, order_number(4), MSG_FASTOPEN | MSG_NOSIGNAL, &address.any, length);
}

long do_write(void)
{
	int fd = peer_socket();
	long left = order_number(2), done = 0;

	while (done < left) {
		long piece = left - done < (long)sizeof(buffer) ? left - done : (long)sizeof(buffer);
		ssize_t sent = send(fd, buffer, piece, MSG_NOSIGNAL);

		if (sent < 0)
			return -1;
		done += sent;
	}
	return done;
}

long do_fill(void)
{
	int fd = peer_socket();
	ssize_t sent;
	long done = 0;

	while ((sent = send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		done += sent;
	return errno == EAGAIN ? done : -1;
}

long do_sendfile(void)
{
	long size = order_number(2);
	int file = memfd_create("file", 0);
	long result;

	if (file < 0 || ftruncate(file, size))
		err(EXIT_FAILURE, "a file of %ld bytes", size);
	result = sendfile(peer_socket(), file, NULL, size);
	close(file);
	return result;
}

static long read_from(int fd, long wanted)
{
	long done = 0;

	while (done < wanted) {
		long piece = wanted - done < (long)sizeof(buffer) ? wanted - done : (long)sizeof(buffer);
		ssize_t got = recv(fd, buffer, piece, 0);

		if (got < 0)
			return -1;
		if (!got)
			break;
		done += got;
	}
	return done;
}

long do_read(void)
{
	return read_from(peer_socket(), order_number(2));
}

/* Moves so many bytes from one to the other; the pipe is emptied before more is put into it. */
static long splice_all(int socket, long bytes, bool out)
{
	long done = 0, count = 0;
	int ends[2];

	if (pipe(ends))
		return -1;
	while (done < bytes && count >= 0) {
		long part = bytes - done < 4096 ? bytes - done : 4096;

		if (out) {
			count = write(ends[1], buffer, part);
			count = count > 0 ? splice(ends[0], NULL, socket, NULL, count, 0) : -1;
		} else {
			count = splice(socket, NULL, ends[1], NULL, part, 0);
			count = count > 0 ? read(ends[0], buffer, count) : -1;
		}
		done += count > 0 ? count : 0;
	}
	close(ends[0]);
	close(ends[1]);
	return count < 0 ? -1 : done;
}

long do_splice(void)
{
	return splice_all(peer_socket(), order_number(2), true);
}

long do_spliced(void)
{
	return splice_all(peer_socket(), order_number(2), false);
}

long do_eof(void)
{
	return read_from(peer_socket(), LONG_MAX);
}

long do_end(void)
{
	long result = read_from(peer_socket(), LONG_MAX);

	return do_close() ? -1 : result;
}

long do_queues(void)
{
	int fd = peer_socket();
	int unread, unacked, unsent;

	if (ioctl(fd, SIOCINQ, &unread) || ioctl(fd, SIOCOUTQ, &unacked) || ioctl(fd, SIOCOUTQNSD, &unsent))
		return -1;
	printf("ok %d %d %d\n", unread, unacked, unsent);
	return 0;
}
