// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCP application, or one of its like, that does what its standard input says, one line after the other, and answers each
 * with one line, see orders.h. So a test can look at the kernel between two calls. A call that blocks is answered
 * when it returns.
 *
 *	listen NAME ADDRESS PORT [BACKLOG]	ADDRESS is IPv4 or IPv6; :: takes IPv4 as well
 *	connect NAME ADDRESS PORT		"ok PORT", its own; ::ffff:127.0.0.1 is an IPv4 one of an IPv6 socket
 *	start NAME ADDRESS PORT			the same without waiting: "ok PORT"
 *	again NAME ADDRESS PORT			connect() of a socket that is there
 *	accept NAME LISTENER			"ok PORT", the peer's
 *	write NAME BYTES			all of them: "ok BYTES"
 *	fill NAME				as much as there is room for: "ok BYTES"
 *	read NAME BYTES				so many, or less where the stream ends: "ok BYTES"
 *	eof NAME				all until the stream ends: "ok BYTES"
 *	end NAME				the same, and closes at once
 *	queues NAME				"ok UNREAD UNACKNOWLEDGED UNSENT" by ioctl(2)
 *	error NAME				SO_ERROR: "ok" or "error NAME"
 *	shutdown NAME rd|wr|rdwr
 *	set NAME linger|rcvbuf|sndbuf|quickack|cork|defer|fastopen|keepalive|usertimeout VALUE
 *	reuse					SO_REUSEADDR for those that connect from now on
 *	reuseport				SO_REUSEPORT for those that listen from now on
 *	mptcp, dccp, sctp, smc			that protocol for all that are made from now on
 *	fast NAME ADDRESS PORT BYTES		connects and writes by fast open: "ok BYTES"
 *	sendfile NAME BYTES			of a file: "ok BYTES"
 *	splice NAME BYTES			of a pipe: "ok BYTES"
 *	spliced NAME BYTES			the same, into a pipe
 *	fork					a child that has all sockets too and does nothing: "ok PID"
 *	join					ends it
 *	pass NAME PATH				a copy of the socket, to the process that takes at PATH
 *	take NAME PATH
 *	close NAME
 *
 * Binding to a port of one's own: "connect NAME ADDRESS PORT OWN-PORT", likewise for start.
 */
#include <arpa/inet.h>
#include <linux/dccp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "orders.h"

#define SOCKETS	64

static struct {
	char name[16];
	int fd;
} sockets[SOCKETS];

static char buffer[1 << 16];

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

/* The socket that the order is about. */
static int named(void)
{
	return *find(order_word(1));
}

static int own_port(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	return getsockname(fd, &address.any, &length) ? -1 : port_of(&address);
}

/* ---- the calls: what they return is what "ok" tells, -1 is errno ---- */

static int one = 1;
static bool reuse, reuseport;
static int family;		/* 0: that of the address */
static int kind = SOCK_STREAM;
static int protocol;

/* DCCP connects nobody who has not said which service is meant. */
static int make(const union address *address, int type)
{
	int fd = socket(family ?: address->any.sa_family, kind | type, protocol), service = htonl(1);

	if (fd < 0 || (kind == SOCK_DCCP && setsockopt(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, &service, sizeof(service))))
		err(EXIT_FAILURE, "socket");
	return fd;
}

static long do_listen(void)
{
	union address address;
	socklen_t length = parse(&address, order_word(2), order_word(3));
	int fd = make(&address, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuseport)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	add(order_word(1), fd);
	if (bind(fd, &address.any, length))
		return -1;
	return listen(fd, order_number_or(4, 128));
}

static long connect_to(bool wait)
{
	union address address;
	socklen_t length = parse(&address, order_word(2), order_word(3));
	int fd = make(&address, wait ? 0 : SOCK_NONBLOCK);
	int result;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	add(order_word(1), fd);
	if (order_words > 4) {
		union address own;

		parse(&own, order_word(2), order_word(4));
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

static long do_connect(void)
{
	return connect_to(true);
}

static long do_start(void)
{
	return connect_to(false);
}

static long do_again(void)
{
	union address address;
	socklen_t length = parse(&address, order_word(2), order_word(3));

	return connect(named(), &address.any, length);
}

static long do_fast(void)
{
	union address address;
	socklen_t length = parse(&address, order_word(2), order_word(3));
	int fd = make(&address, 0);

	add(order_word(1), fd);
	return sendto(fd, buffer, order_number(4), MSG_FASTOPEN | MSG_NOSIGNAL, &address.any, length);
}

static long do_accept(void)
{
	union address address;
	socklen_t length = sizeof(address);
	int fd = accept(*find(order_word(2)), &address.any, &length);

	if (fd < 0)
		return -1;
	add(order_word(1), fd);
	return port_of(&address);
}

static long do_write(void)
{
	int fd = named();
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

static long do_fill(void)
{
	int fd = named();
	ssize_t sent;
	long done = 0;

	while ((sent = send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		done += sent;
	return errno == EAGAIN ? done : -1;
}

static long do_sendfile(void)
{
	long size = order_number(2);
	int file = memfd_create("file", 0);
	long result;

	if (file < 0 || ftruncate(file, size))
		err(EXIT_FAILURE, "a file of %ld bytes", size);
	result = sendfile(named(), file, NULL, size);
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

static long do_read(void)
{
	return read_from(named(), order_number(2));
}

/* Until so many bytes have gone from one to the other; a pipe is empty again before more are put into it. */
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

static long do_splice(void)
{
	return splice_all(named(), order_number(2), true);
}

static long do_spliced(void)
{
	return splice_all(named(), order_number(2), false);
}

static long do_eof(void)
{
	return read_from(named(), LONG_MAX);
}

static long do_error(void)
{
	int fd = named();
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static long do_shutdown(void)
{
	int fd = named();
	const char *how = order_word(2);

	return shutdown(fd, !strcmp(how, "rd") ? SHUT_RD : !strcmp(how, "wr") ? SHUT_WR : SHUT_RDWR);
}

/* After so many seconds, and then one probe; 0: never. */
static long set_keepalive(int fd, int seconds)
{
	int on = seconds > 0;

	if (on && (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) ||
		   setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one)) ||
		   setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &one, sizeof(one))))
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static long do_set(void)
{
	static const struct {
		const char *name;
		int level, option;
	} options[] = {
		{ "rcvbuf", SOL_SOCKET, SO_RCVBUF },
		{ "sndbuf", SOL_SOCKET, SO_SNDBUF },
		{ "quickack", IPPROTO_TCP, TCP_QUICKACK },
		{ "cork", IPPROTO_TCP, TCP_CORK },
		{ "defer", IPPROTO_TCP, TCP_DEFER_ACCEPT },
		{ "fastopen", IPPROTO_TCP, TCP_FASTOPEN },
		{ "usertimeout", IPPROTO_TCP, TCP_USER_TIMEOUT },
	};
	const char *what = order_word(2);
	int fd = named(), value = order_number(3);
	struct linger linger = { .l_onoff = 1, .l_linger = value };
	unsigned int i;

	if (!strcmp(what, "linger"))
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (!strcmp(what, "keepalive"))
		return set_keepalive(fd, value);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(what, options[i].name))
			return setsockopt(fd, options[i].level, options[i].option, &value, sizeof(value));
	errx(EXIT_FAILURE, "set %s: not known", what);
}

static long do_close(void)
{
	int *fd = find(order_word(1)), closing = *fd;
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (&sockets[i].fd == fd)
			sockets[i].name[0] = '\0';
	return close(closing);
}

static long do_end(void)
{
	long result = read_from(named(), LONG_MAX);

	return do_close() ? -1 : result;
}

static long do_queues(void)
{
	int fd = named();
	int unread, unacked, unsent;

	if (ioctl(fd, SIOCINQ, &unread) || ioctl(fd, SIOCOUTQ, &unacked) || ioctl(fd, SIOCOUTQNSD, &unsent))
		return -1;
	printf("ok %d %d %d\n", unread, unacked, unsent);
	return 0;
}

/* ---- one socket, several processes ---- */

static pid_t child;

static long do_fork(void)
{
	child = fork();
	if (!child)
		for (;;)
			pause();
	return child;
}

static long do_join(void)
{
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

/* One byte with a descriptor, to be sent or to be received. */
struct parcel {
	struct msghdr message;
	struct iovec part;
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static struct cmsghdr *prepare(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->part = (struct iovec){ &parcel->byte, 1 };
	parcel->message.msg_iov = &parcel->part;
	parcel->message.msg_iovlen = 1;
	parcel->message.msg_control = parcel->control;
	parcel->message.msg_controllen = sizeof(parcel->control);
	return CMSG_FIRSTHDR(&parcel->message);
}

static int unix_socket(struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", order_word(2));
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long do_pass(void)
{
	struct sockaddr_un address = { };
	int fd = unix_socket(&address), passed = named();
	struct parcel parcel;
	struct cmsghdr *header = prepare(&parcel);
	long result = connect(fd, (struct sockaddr *)&address, sizeof(address));

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &passed, sizeof(passed));
	if (!result)
		result = sendmsg(fd, &parcel.message, 0) == 1 ? 0 : -1;
	close(fd);
	return result;
}

static long do_take(void)
{
	struct sockaddr_un address = { };
	int listener = unix_socket(&address), fd, taken;
	struct parcel parcel;
	struct cmsghdr *header = prepare(&parcel);

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		return -1;
	fd = accept(listener, NULL, NULL);
	if (fd < 0 || recvmsg(fd, &parcel.message, 0) != 1)
		return -1;
	memcpy(&taken, CMSG_DATA(header), sizeof(taken));
	add(order_word(1), taken);
	close(fd);
	close(listener);
	return 0;
}

/* ---- orders ---- */

static long do_reuse(void)
{
	reuse = true;
	return 0;
}

static long do_reuseport(void)
{
	reuseport = true;
	return 0;
}

static long do_mptcp(void)
{
	protocol = IPPROTO_MPTCP;
	return 0;
}

static long do_dccp(void)
{
	kind = SOCK_DCCP;
	protocol = IPPROTO_DCCP;
	return 0;
}

static long do_sctp(void)
{
	protocol = IPPROTO_SCTP;
	return 0;
}

static long do_smc(void)
{
	family = AF_SMC;
	return 0;
}

static const struct {
	const char *word;
	long (*obey)(void);
} orders[] = {
	{ "listen", do_listen },	{ "connect", do_connect },	{ "start", do_start },
	{ "fast", do_fast },		{ "accept", do_accept },	{ "write", do_write },
	{ "fill", do_fill },		{ "sendfile", do_sendfile },	{ "read", do_read },
	{ "eof", do_eof },		{ "end", do_end },		{ "error", do_error },
	{ "splice", do_splice },	{ "spliced", do_spliced },
	{ "shutdown", do_shutdown },	{ "set", do_set },		{ "close", do_close },
	{ "fork", do_fork },		{ "join", do_join },		{ "pass", do_pass },
	{ "take", do_take },		{ "reuse", do_reuse },		{ "reuseport", do_reuseport },
	{ "mptcp", do_mptcp },		{ "dccp", do_dccp },		{ "sctp", do_sctp },
	{ "smc", do_smc },		{ "again", do_again },
};

static void obey(void)
{
	unsigned int i;

	/* The one that tells three numbers. */
	if (order_is("queues")) {
		if (do_queues())
			order_answer(-1);
		return;
	}
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (!order_is(orders[i].word))
			continue;
		order_answer(orders[i].obey());
		return;
	}
	errx(EXIT_FAILURE, "%s: not known", order_word(0));
}

int main(void)
{
	while (order_next())
		obey();
	return EXIT_SUCCESS;
}
