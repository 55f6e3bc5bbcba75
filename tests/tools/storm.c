// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that come and go over loopback, many at a time, each at a different point of its life: what a reader that
 * starts in the middle has to get right. Each client binds a port of its own, so that a port identifies a connection.
 *
 * SIGUSR1 stops the storm after the current step, and starts it again. At each stop it prints one line for each
 * connection so far, and then "# quiet CONNECTIONS":
 *
 *	port=PORT created=TIME ending=TIME over=TIME bytes_out=N bytes_in=N
 *
 * Times are CLOCK_MONOTONIC in nanoseconds, each from before a call: connect(), the first shutdown() or close(), the
 * last close(); `over` is from after that; 0 if it has not happened yet. Bytes are the client's.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS	20000
#define SLOTS_MAX	256

enum phase { FREE, WAITING, OPEN, CLIENT_CLOSED, SERVER_CLOSED, CLIENT_SHUT, SERVER_SHUT };

static struct connection {
	uint64_t created, ending, over;
	unsigned int out, in;
} made[CONNECTIONS];

static struct slot {
	enum phase phase;
	int client, server;
	unsigned int number;
	/* What the other side has not read yet. */
	unsigned int to_server, to_client;
} slots[SLOTS_MAX];

static int port = 9090, first_port = 10000, listener;
static unsigned int slot_count = 40, pause_us = 1000, count, seed = 1;
static volatile sig_atomic_t turn, stopped;

static const struct argp_option options[] = {
	{ "port", 'p', "PORT", 0, "of the listener", 0 },
	{ "client-port", 'P', "PORT", 0, "of the first client", 0 },
	{ "slots", 'n', "N", 0, "so many connections at a time", 0 },
	{ "pause", 'i', "US", 0, "microseconds between two steps", 0 },
	{ "seed", 's', "N", 0, "of the choice of steps", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 'p': port = atoi(argument); return 0;
	case 'P': first_port = atoi(argument); return 0;
	case 'n':
		slot_count = atoi(argument);
		if (!slot_count || slot_count > SLOTS_MAX)
			argp_error(state, "--slots takes 1 to %d", SLOTS_MAX);
		return 0;
	case 'i': pause_us = atoi(argument); return 0;
	case 's': seed = atoi(argument); return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int bound(int number)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(number),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "socket of port %d", number);
	return fd;
}

/* ---- the steps of a connection ---- */

static void begin(struct slot *slot)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	if (count == CONNECTIONS)
		errx(1, "more than %d connections", CONNECTIONS);
	slot->number = count++;
	slot->client = bound(first_port + slot->number);
	slot->to_server = slot->to_client = 0;
	made[slot->number].created = now();
	if (connect(slot->client, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	slot->phase = WAITING;
}

/* Accepts the next connection in the queue, not necessarily the caller's. */
static void take(void)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int fd = accept(listener, (struct sockaddr *)&address, &size);
	unsigned int i, number = ntohs(address.sin_port) - first_port;

	if (fd < 0)
		err(1, "accept");
	for (i = 0; i < slot_count; i++) {
		if (slots[i].phase != WAITING || slots[i].number != number)
			continue;
		slots[i].server = fd;
		slots[i].phase = OPEN;
		return;
	}
	errx(1, "a connection of port %d that nobody made", ntohs(address.sin_port));
}

static void pass(int fd, unsigned int *unread, unsigned int *total)
{
	static const char data[3000];
	unsigned int bytes = 1 + random() % sizeof(data);

	if (*unread > 30000)
		return;
	if (write(fd, data, bytes) != (ssize_t)bytes)
		err(1, "write");
	*unread += bytes;
	*total += bytes;
}

static void take_in(int fd, unsigned int *unread)
{
	char data[40000];

	while (*unread) {
		ssize_t got = read(fd, data, *unread);

		if (got <= 0)
			err(1, "read");
		*unread -= got;
	}
}

static void talk(struct slot *slot)
{
	switch (random() % 4) {
	case 0: return pass(slot->client, &slot->to_server, &made[slot->number].out);
	case 1: return pass(slot->server, &slot->to_client, &made[slot->number].in);
	case 2: return take_in(slot->server, &slot->to_server);
	case 3: return take_in(slot->client, &slot->to_client);
	}
}

static void reset_at_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void begin_end(struct slot *slot)
{
	made[slot->number].ending = now();
	switch (random() % 5) {
	case 0:
		reset_at_close(slot->client);
		/* fallthrough */
	case 1:
		close(slot->client);
		slot->phase = CLIENT_CLOSED;
		break;
	case 2:
		/* With unread data this resets the connection, too. */
		close(slot->server);
		slot->phase = SERVER_CLOSED;
		break;
	case 3:
		shutdown(slot->client, SHUT_WR);
		slot->phase = CLIENT_SHUT;
		break;
	case 4:
		shutdown(slot->server, SHUT_WR);
		slot->phase = SERVER_SHUT;
		break;
	}
}

static void end(struct slot *slot)
{
	if (slot->phase != CLIENT_CLOSED)
		close(slot->client);
	if (slot->phase != SERVER_CLOSED)
		close(slot->server);
	made[slot->number].over = now();
	slot->phase = FREE;
}

static void step(struct slot *slot)
{
	switch (slot->phase) {
	case FREE:
		begin(slot);
		break;
	case WAITING:
		take();
		break;
	case OPEN:
		if (random() % 3)
			talk(slot);
		else
			begin_end(slot);
		break;
	default:
		end(slot);
	}
}

/* ---- */

static void report(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		printf("port=%u created=%ju ending=%ju over=%ju bytes_out=%u bytes_in=%u\n", first_port + i,
		       (uintmax_t)made[i].created, (uintmax_t)made[i].ending, (uintmax_t)made[i].over, made[i].out,
		       made[i].in);
	printf("# quiet %u\n", count);
	fflush(stdout);
}

static void on_signal(int signal)
{
	if (signal == SIGTERM)
		stopped = 1;
	else
		turn = 1;
}

static void be_quiet(const sigset_t *none)
{
	turn = 0;
	report();
	while (!turn && !stopped)
		sigsuspend(none);
	turn = 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct timespec rest = { };
	sigset_t blocked, none;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	srandom(seed);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGUSR1);
	/* Only between steps, so that no call is interrupted. */
	sigprocmask(SIG_BLOCK, &blocked, &none);
	listener = bound(port);
	if (listen(listener, SLOTS_MAX))
		err(1, "listen");
	printf("# ready\n");
	fflush(stdout);
	while (!stopped) {
		step(&slots[random() % slot_count]);
		rest.tv_sec = pause_us / 1000000;
		rest.tv_nsec = pause_us % 1000000 * 1000;
		pselect(0, NULL, NULL, NULL, &rest, &none);
		if (turn)
			be_quiet(&none);
	}
	return EXIT_SUCCESS;
}
