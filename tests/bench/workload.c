// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define TEXT(...)    #__VA_ARGS__
#define TEXT_OF(...) TEXT(__VA_ARGS__)

void bench_mark(void)
{
#ifdef __x86_64__
	asm volatile(".byte " TEXT_OF(BENCH_MARK_BYTES));
#endif
}

int bench_check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
		exit(1);
	}
	return result;
}

unsigned int bench_number(const char *text)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = text ? strtoul(text, &end, 10) : 0;
	if (!text || errno || *end || !number || number > 100000000) {
		fprintf(stderr, "%s: a number from 1 to 100000000 is wanted, not '%s'\n", program_invocation_short_name,
			text ? text : "");
		exit(2);
	}
	return number;
}

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int bench_listen(int backlog)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(BENCH_PORT) };
	int fd = bench_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	int one = 1;

	bench_check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	bench_check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	bench_check(listen(fd, backlog), "listen");
	return fd;
}

int bench_connect(int listener, uint32_t from, int *accepted)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = bench_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	int one = 1;

	if (from) {
		/* The port is chosen by connect(), when the peer is known: not one per source address. */
		bench_check(setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)),
			    "IP_BIND_ADDRESS_NO_PORT");
		address.sin_addr.s_addr = htonl(from);
		bench_check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	}
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(BENCH_PORT);
	bench_check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	*accepted = bench_check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	return fd;
}

uint64_t bench_conns(unsigned int count)
{
	/* Reset, not FIN: no TIME_WAIT is left, and the last connection costs what the first did. */
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int listener = bench_listen(16);
	unsigned int i;
	int fd, accepted;
	uint64_t start;

	bench_mark();
	start = bench_now();
	for (i = 0; i < count; i++) {
		fd = bench_connect(listener, 0, &accepted);
		bench_check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
		close(fd);
		close(accepted);
	}
	start = bench_now() - start;
	bench_mark();
	close(listener);
	return start;
}

uint64_t bench_pingpong(unsigned int count)
{
	int listener = bench_listen(1), one = 1, fd, accepted;
	uint64_t start;
	unsigned int i;
	char byte = 'x';

	fd = bench_connect(listener, 0, &accepted);
	/* Otherwise the second byte waits for the first one's delayed ACK. */
	bench_check(setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");

	bench_mark();
	start = bench_now();
	for (i = 0; i < count; i++) {
		bench_check(write(fd, &byte, 1), "write");
		bench_check(read(accepted, &byte, 1), "read");
	}
	start = bench_now() - start;
	bench_mark();
	close(fd);
	close(accepted);
	close(listener);
	return start;
}
