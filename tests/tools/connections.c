// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes TCP connections over loopback and counts them, as the application's own account of what happened. Listener,
 * client and accepted socket are in one process, so that each step follows the previous one.
 *
 * One process may hold connections of several kinds: "+" starts the options of the next kind, which are like those of a
 * program of its own. "# ready" is printed when all exist; the counts at the end are of all.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum ending { CLIENT, SERVER, RESET };

static int family, port, port_of_client;
static unsigned long long count;
static unsigned int bytes, unread, unsent, pending, pause_us;
static enum ending ending;
static bool endless, hold, half_close, both_close, crossing, keepalive, orphan, bound;
static volatile sig_atomic_t stopped;

static const struct argp_option options[] = {
	{ "family", 'f', "4|6|mapped", 0, "of the sockets; mapped: an IPv4 client at an IPv6 listener", 0 },
	{ "port", 'p', "PORT", 0, "of the listener", 0 },
	{ "client-port", 'P', "PORT", 0, "of the client, the same each time", 0 },
	{ "count", 'n', "N", 0, "so many connections, one after the other; 0: until SIGTERM, with --hold: none", 0 },
	{ "bytes", 'b', "BYTES", 0, "sent in each direction of each", 0 },
	{ "end", 'e', "client|server|reset", 0, "who closes first", 0 },
	{ "hold", 'H', NULL, 0, "make them all, print # ready, keep them until SIGTERM", 0 },
	{ "unread", 'u', "BYTES", 0, "with --hold: leave so many unread in the server's receive queue", 0 },
	{ "unsent", 's', "BYTES", 0, "with --hold: write so many to the server that its queue and the client's fill", 0 },
	{ "pause", 'i', "US", 0, "microseconds between connections", 0 },
	{ "half-close", 'c', NULL, 0, "with --hold: the client has shut its side down", 0 },
	{ "both-close", 'C', NULL, 0, "with --hold: and then the server has shut its side down, too", 0 },
	{ "crossing", 'x', NULL, 0, "with --both-close: but does not wait for the client's FIN", 0 },
	{ "keepalive", 'k', NULL, 0, "with --hold: SO_KEEPALIVE at the client", 0 },
	{ "orphan", 'o', NULL, 0, "with --hold: the client is closed", 0 },
	{ "pending", 'w', "N", 0, "with --hold: so many more clients that are not waited for, nor accepted", 0 },
	{ "bound", 'B', NULL, 0, "with --hold: nothing but a socket that is bound to the port", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	static char * const endings[] = { "client", "server", "reset", NULL };
	char *value;

	switch (key) {
	case 'f': family = !strcmp(argument, "mapped") ? 46 : atoi(argument); return 0;
	case 'p': port = atoi(argument); return 0;
	case 'P': port_of_client = atoi(argument); return 0;
	case 'n':
		count = strtoull(argument, NULL, 0);
		endless = !count;
		return 0;
	case 'b': bytes = atoi(argument); return 0;
	case 'e':
		ending = getsubopt(&argument, endings, &value);
		if ((int)ending < 0)
			argp_error(state, "--end takes client, server or reset");
		return 0;
	case 'H': hold = true; return 0;
	case 'u': unread = atoi(argument); return 0;
	case 's': unsent = atoi(argument); return 0;
	case 'i': pause_us = atoi(argument); return 0;
	case 'c': half_close = true; return 0;
	case 'C': half_close = both_close = true; return 0;
	case 'x': crossing = true; return 0;
	case 'k': keepalive = true; return 0;
	case 'o': orphan = true; return 0;
	case 'w': pending = atoi(argument); return 0;
	case 'B': bound = true; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void set_defaults(void)
{
	family = 4;
	port = 9090;
	port_of_client = 0;
	count = bytes = 1;
	unread = unsent = pending = pause_us = 0;
	ending = CLIENT;
	endless = hold = half_close = both_close = crossing = keepalive = orphan = bound = false;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t loopback(union address *address, bool v6, int number)
{
	memset(address, 0, sizeof(*address));
	if (v6) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_addr = in6addr_loopback;
		address->v6.sin6_port = htons(number);
		return sizeof(address->v6);
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address->v4.sin_port = htons(number);
	return sizeof(address->v4);
}

static int make_socket(bool v6, int number)
{
	int one = 1, fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union address address;
	socklen_t size = loopback(&address, v6, number);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		err(1, "socket");
	if (family == 46 && v6)
		address.v6.sin6_addr = in6addr_any;
	if (number && bind(fd, &address.any, size))
		err(1, "bind to port %d", number);
	return fd;
}

static int make_listener(void)
{
	int fd = make_socket(family != 4, port);

	if (listen(fd, 128))
		err(1, "listen");
	return fd;
}

static bool pass(int from, int to)
{
	char buffer[4096] = { 0 };
	unsigned int rest;

	for (rest = bytes; rest;) {
		ssize_t part = rest < sizeof(buffer) ? rest : sizeof(buffer), got;

		if (write(from, buffer, part) != part)
			return false;
		for (rest -= part; part; part -= got) {
			got = read(to, buffer, part);
			if (got <= 0)
				return false;
		}
	}
	return true;
}

static void reset_at_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Closes `first`, waits until `second` has noticed, and closes that. */
static bool end(int first, int second)
{
	char byte;
	bool fine;

	close(first);
	fine = read(second, &byte, 1) == 0 || (ending == RESET && errno == ECONNRESET);
	close(second);
	return fine;
}

/* Waits for the client's FIN, unless a filter drops it. */
static bool shut_server(int server)
{
	struct pollfd fds = { .fd = server, .events = POLLRDHUP };

	if (!crossing)
		poll(&fds, 1, 100);
	return !shutdown(server, SHUT_WR);
}

static bool keep(int client, int server)
{
	int one = 1;
	char *data = calloc(1, unread > unsent ? unread : unsent);
	bool fine;

	if (!data && (unread || unsent))
		err(1, "memory");
	fine = (!unread || write(client, data, unread) == (ssize_t)unread) &&
	       (!unsent || send(client, data, unsent, MSG_DONTWAIT) > 0);
	free(data);
	if (keepalive && setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)))
		return false;
	if (half_close && shutdown(client, SHUT_WR))
		return false;
	if (both_close && !shut_server(server))
		return false;
	if (orphan)
		close(client);
	return fine;
}

static void make_pending(void)
{
	union address address;
	socklen_t size = loopback(&address, family == 6, port);
	int client = make_socket(family == 6, 0);

	fcntl(client, F_SETFL, O_NONBLOCK);
	if (connect(client, &address.any, size) && errno != EINPROGRESS)
		err(1, "connect");
}

static bool one(int listener)
{
	union address address;
	socklen_t size = loopback(&address, family == 6, port);
	int client = make_socket(family == 6, port_of_client), server;

	if (connect(client, &address.any, size)) {
		warn("connect");
		close(client);
		return false;
	}
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0) {
		warn("accept");
		close(client);
		return false;
	}
	if (hold)
		return keep(client, server);
	if (!pass(client, server) || !pass(server, client)) {
		warn("passing data");
		close(client);
		close(server);
		return false;
	}
	if (ending == RESET)
		reset_at_close(client);
	if (ending == SERVER ? end(server, client) : end(client, server))
		return true;
	warn("end");
	return false;
}

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* For what is held by now and this. */
static void many_files(void)
{
	static rlim_t held = 64;
	struct rlimit limit;

	if (!hold)
		return;
	held += 2 * count + pending + 1;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = held;
	if (limit.rlim_max < held)
		limit.rlim_max = held;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "%llu files", (unsigned long long)held);
}

/* The connections of one set of options; adds up how many were made, and how many failed. */
static void make(unsigned long long *all_made, unsigned long long *all_errors)
{
	unsigned long long made = 0, errors = 0;
	int listener;

	many_files();
	if (bound) {
		make_socket(family != 4, port);
		return;
	}
	listener = make_listener();
	while (!stopped && ((endless && !hold) || made + errors < count)) {
		*(one(listener) ? &made : &errors) += 1;
		if (pause_us)
			usleep(pause_us);
	}
	if (!hold)
		close(listener);
	while (hold && pending--)
		make_pending();
	*all_made += made;
	*all_errors += errors;
}

static void wait_for_stop(void)
{
	sigset_t blocked, none;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &none);
	printf("# ready\n");
	fflush(stdout);
	while (!stopped)
		sigsuspend(&none);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	const struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART };
	unsigned long long made = 0, errors = 0;
	int first, next;
	bool held = false;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (first = 0; first < argc; first = next) {
		for (next = first + 1; next < argc && strcmp(argv[next], "+"); next++)
			;
		argv[first] = argv[0];
		set_defaults();
		argp_parse(&argp, next - first, argv + first, 0, NULL, NULL);
		make(&made, &errors);
		held |= hold;
	}
	if (held)
		wait_for_stop();
	printf("connections=%llu errors=%llu\n", made, errors);
	return errors != 0;
}
