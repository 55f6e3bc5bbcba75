// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCP application that obeys orders on its standard input, one per line, and answers each with one line, see
 * orders.h. So a test can look at the kernel between two calls. A blocking call is answered when it returns.
 *
 *	listen NAME ADDRESS PORT [BACKLOG]	ADDRESS is IPv4 or IPv6; :: accepts IPv4 as well
 *	connect NAME ADDRESS PORT		"ok PORT", its own; ::ffff:127.0.0.1 is IPv4 on an IPv6 socket
 *	start NAME ADDRESS PORT			the same without waiting: "ok PORT"
 *	again NAME ADDRESS PORT			connect() of an existing socket
 *	accept NAME LISTENER			"ok PORT", the peer's
 *	write NAME BYTES			all of them: "ok BYTES"
 *	fill NAME				as much as there is room for: "ok BYTES"
 *	read NAME BYTES				that many, or fewer if the stream ends: "ok BYTES"
 *	eof NAME				everything until the stream ends: "ok BYTES"
 *	end NAME				the same, and closes at once
 *	queues NAME				"ok UNREAD UNACKNOWLEDGED UNSENT" by ioctl(2)
 *	error NAME				SO_ERROR: "ok" or "error NAME"
 *	shutdown NAME rd|wr|rdwr
 *	set NAME linger|rcvbuf|sndbuf|quickack|cork|defer|fastopen|keepalive|usertimeout VALUE
 *	reuse					SO_REUSEADDR for sockets that connect from now on
 *	reuseport				SO_REUSEPORT for sockets that listen from now on
 *	mptcp, dccp, sctp, smc			that protocol for all sockets from now on
 *	fast NAME ADDRESS PORT BYTES		connects and writes with fast open: "ok BYTES"
 *	sendfile NAME BYTES			from a file: "ok BYTES"
 *	splice NAME BYTES			from a pipe: "ok BYTES"
 *	spliced NAME BYTES			the same, into a pipe
 *	fork					a child that has all sockets, too, and does nothing: "ok PID"
 *	join					ends the child
 *	pass NAME PATH				passes a copy of the socket to the process that takes at PATH
 *	take NAME PATH
 *	close NAME
 *
 * Binding to a certain port: "connect NAME ADDRESS PORT OWN-PORT", likewise for start.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dccp.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orders.h"
#include "peer.h"

static int own_port(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	return getsockname(fd, &address.any, &length) ? -1 : peer_port(&address);
}

/* ---- the calls; each returns the result for "ok", or -1 and errno ---- */

static int one = 1;
static bool reuse, reuseport;
static int family;		/* 0: as the address */
static int kind = SOCK_STREAM;
static int protocol;

/* DCCP refuses to connect without a service code. */
int peer_make(const union address *address, int type)
{
	int fd = socket(family ?: address->any.sa_family, kind | type, protocol), service = htonl(1);

	if (fd < 0 || (kind == SOCK_DCCP && setsockopt(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, &service, sizeof(service))))
		err(EXIT_FAILURE, "socket");
	return fd;
}

static long do_listen(void)
{
	union address address;
	socklen_t length = peer_parse(&address, order_word(2), order_word(3));
	int fd = peer_make(&address, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuseport)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	peer_add(order_word(1), fd);
	if (bind(fd, &address.any, length))
		return -1;
	return listen(fd, order_number_or(4, 128));
}

static long connect_to(bool wait)
{
	union address address;
	socklen_t length = peer_parse(&address, order_word(2), order_word(3));
	int fd = peer_make(&address, wait ? 0 : SOCK_NONBLOCK);
	int result;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	peer_add(order_word(1), fd);
	if (order_words > 4) {
		union address own;

		peer_parse(&own, order_word(2), order_word(4));
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
	socklen_t length = peer_parse(&address, order_word(2), order_word(3));

	return connect(peer_socket(), &address.any, length);
}

static long do_accept(void)
{
	union address address;
	socklen_t length = sizeof(address);
	int fd = accept(peer_find(order_word(2)), &address.any, &length);

	if (fd < 0)
		return -1;
	peer_add(order_word(1), fd);
	return peer_port(&address);
}

static long do_error(void)
{
	int fd = peer_socket();
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static long do_shutdown(void)
{
	int fd = peer_socket();
	const char *how = order_word(2);

	return shutdown(fd, !strcmp(how, "rd") ? SHUT_RD : !strcmp(how, "wr") ? SHUT_WR : SHUT_RDWR);
}

/* After that many seconds, with one probe; 0: never. */
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
	int fd = peer_socket(), value = order_number(3);
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

long do_close(void)
{
	int closing = peer_socket();

	peer_remove(order_word(1));
	return close(closing);
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

	/* Its result is three numbers. */
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
