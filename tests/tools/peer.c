// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCP application that does what its standard input says, one line after the other, and answers each
 * with one line: "ok", with what is worth telling, or "error" with the errno's name. So a test can look at
 * the kernel between two calls. A call that blocks is answered when it returns.
 *
 *	listen NAME ADDRESS PORT [BACKLOG]	ADDRESS is IPv4 or IPv6; :: takes IPv4 as well
 *	connect NAME ADDRESS PORT		"ok PORT", its own; ::ffff:127.0.0.1 is an IPv4 one of an IPv6 socket
 *	start NAME ADDRESS PORT			the same without waiting: "ok PORT"
 *	accept NAME LISTENER			"ok PORT", the peer's
 *	write NAME BYTES			all of them: "ok BYTES"
 *	fill NAME				as much as there is room for: "ok BYTES"
 *	read NAME BYTES				so many, or less where the stream ends: "ok BYTES"
 *	eof NAME				all until the stream ends: "ok BYTES"
 *	end NAME				the same, and closes at once
 *	queues NAME				"ok UNREAD UNACKNOWLEDGED UNSENT" by ioctl(2)
 *	error NAME				SO_ERROR: "ok" or "error NAME"
 *	shutdown NAME rd|wr|rdwr
 *	set NAME linger|rcvbuf|sndbuf|quickack|keepalive|defer VALUE	keepalive, defer: seconds, 0 is off
 *	mptcp					sockets made from now on are of MPTCP
 *	reuse					SO_REUSEADDR for those that connect from now on
 *	close NAME
 *
 * Binding to a port of one's own: "connect NAME ADDRESS PORT OWN-PORT", likewise for start.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

#define SOCKETS	64
#define WORDS	6

static struct {
	char name[16];
	int fd;
} sockets[SOCKETS];

static char buffer[1 << 16];
static int word_count;
static char *words[WORDS];

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int *find(const char *name)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (!strcmp(sockets[i].name, name))
			return &sockets[i].fd;
	errx(EXIT_FAILURE, "no socket %s", name);
}

static void add(const char *name, int fd)
{
	int i;

	for (i = 0; i < SOCKETS; i++) {
		if (sockets[i].name[0])
			continue;
		snprintf(sockets[i].name, sizeof(sockets[i].name), "%s", name);
		sockets[i].fd = fd;
		return;
	}
	errx(EXIT_FAILURE, "too many sockets");
}

static socklen_t parse(union address *address, const char *text, const char *port)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(atoi(port));
		return sizeof(address->v4);
	}
	if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) != 1)
		errx(EXIT_FAILURE, "no address: %s", text);
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_port = htons(atoi(port));
	return sizeof(address->v6);
}

static int port_of(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

static int own_port(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	return getsockname(fd, &address.any, &length) ? -1 : port_of(&address);
}

static const char *argument(int number)
{
	if (number >= word_count)
		errx(EXIT_FAILURE, "%s: something is missing", words[0]);
	return words[number];
}

/* ---- the calls: what they return is what "ok" tells, -1 is errno ---- */

static int one = 1;
static bool reuse;
static int protocol;	/* 0: TCP */

static long do_listen(void)
{
	union address address;
	socklen_t length = parse(&address, argument(2), argument(3));
	int fd = socket(address.any.sa_family, SOCK_STREAM, protocol);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	add(argument(1), fd);
	if (bind(fd, &address.any, length))
		return -1;
	return listen(fd, word_count > 4 ? atoi(words[4]) : 128);
}

static long do_connect(bool wait)
{
	union address address;
	socklen_t length = parse(&address, argument(2), argument(3));
	int fd = socket(address.any.sa_family, SOCK_STREAM | (wait ? 0 : SOCK_NONBLOCK), protocol);
	int result;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	add(argument(1), fd);
	if (word_count > 4) {
		union address own;

		parse(&own, words[2], words[4]);
		if (bind(fd, &own.any, length))
			return -1;
	}
	result = connect(fd, &address.any, length);
	if (!wait) {
		fcntl(fd, F_SETFL, 0);
		if (result && errno == EINPROGRESS)
			result = 0;
	}
	return result ? -1 : own_port(fd);
}

static long do_accept(void)
{
	union address address;
	socklen_t length = sizeof(address);
	int fd = accept(*find(argument(2)), &address.any, &length);

	if (fd < 0)
		return -1;
	add(argument(1), fd);
	return port_of(&address);
}

static long do_write(int fd)
{
	long left = atol(argument(2)), done = 0;

	while (done < left) {
		long piece = left - done < (long)sizeof(buffer) ? left - done : (long)sizeof(buffer);
		ssize_t sent = send(fd, buffer, piece, MSG_NOSIGNAL);

		if (sent < 0)
			return -1;
		done += sent;
	}
	return done;
}

static long do_fill(int fd)
{
	ssize_t sent;
	long done = 0;

	while ((sent = send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		done += sent;
	return errno == EAGAIN ? done : -1;
}

static long do_read(int fd, long wanted)
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

static long do_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static long do_shutdown(int fd)
{
	const char *how = argument(2);

	return shutdown(fd, !strcmp(how, "rd") ? SHUT_RD : !strcmp(how, "wr") ? SHUT_WR : SHUT_RDWR);
}

static long set_keepalive(int fd, int seconds)
{
	int on = seconds > 0;

	if (on && (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) ||
		   setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds))))
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static long do_set(int fd)
{
	const char *what = argument(2);
	int value = atoi(argument(3));
	struct linger linger = { .l_onoff = 1, .l_linger = value };

	if (!strcmp(what, "linger"))
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (!strcmp(what, "rcvbuf"))
		return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
	if (!strcmp(what, "sndbuf"))
		return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
	if (!strcmp(what, "quickack"))
		return setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &value, sizeof(value));
	if (!strcmp(what, "keepalive"))
		return set_keepalive(fd, value);
	if (!strcmp(what, "defer"))
		return setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, sizeof(value));
	errx(EXIT_FAILURE, "set %s: not known", what);
}

static long do_close(const char *name)
{
	int *fd = find(name), closing = *fd;
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (&sockets[i].fd == fd)
			sockets[i].name[0] = '\0';
	return close(closing);
}

static long do_end(const char *name)
{
	long result = do_read(*find(name), LONG_MAX);

	return do_close(name) ? -1 : result;
}

static int do_queues(int fd)
{
	int unread, unacked, unsent;

	if (ioctl(fd, SIOCINQ, &unread) || ioctl(fd, SIOCOUTQ, &unacked) || ioctl(fd, SIOCOUTQNSD, &unsent))
		return -1;
	printf("ok %d %d %d\n", unread, unacked, unsent);
	return 0;
}

static void answer(long result)
{
	if (result < 0)
		printf("error %s\n", strerrorname_np(errno));
	else
		printf("ok %ld\n", result);
}

static void obey(void)
{
	const char *word = words[0];

	if (!strcmp(word, "listen"))
		answer(do_listen());
	else if (!strcmp(word, "connect"))
		answer(do_connect(true));
	else if (!strcmp(word, "start"))
		answer(do_connect(false));
	else if (!strcmp(word, "accept"))
		answer(do_accept());
	else if (!strcmp(word, "write"))
		answer(do_write(*find(argument(1))));
	else if (!strcmp(word, "fill"))
		answer(do_fill(*find(argument(1))));
	else if (!strcmp(word, "read"))
		answer(do_read(*find(argument(1)), atol(argument(2))));
	else if (!strcmp(word, "eof"))
		answer(do_read(*find(argument(1)), LONG_MAX));
	else if (!strcmp(word, "end"))
		answer(do_end(argument(1)));
	else if (!strcmp(word, "error"))
		answer(do_error(*find(argument(1))));
	else if (!strcmp(word, "shutdown"))
		answer(do_shutdown(*find(argument(1))));
	else if (!strcmp(word, "set"))
		answer(do_set(*find(argument(1))));
	else if (!strcmp(word, "reuse"))
		answer(!(reuse = true));
	else if (!strcmp(word, "mptcp"))
		answer(!(protocol = IPPROTO_MPTCP));
	else if (!strcmp(word, "close"))
		answer(do_close(argument(1)));
	else if (strcmp(word, "queues"))
		errx(EXIT_FAILURE, "%s: not known", word);
	else if (do_queues(*find(argument(1))))
		answer(-1);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("# ready");
	while (getline(&line, &size, stdin) > 0) {
		char *rest = line;

		word_count = 0;
		while (word_count < WORDS && (words[word_count] = strsep(&rest, " \n")))
			word_count += *words[word_count] != '\0';
		if (word_count)
			obey();
	}
	free(line);
	return EXIT_SUCCESS;
}
