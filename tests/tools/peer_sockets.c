// SPDX-License-Identifier: GPL-2.0-only
/* The sockets of a peer, and their addresses; see peer.h. */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders.h"
#include "peer.h"

#define SOCKETS	64

static struct {
	char name[16];
	int fd;
} sockets[SOCKETS];

int peer_find(const char *name)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (!strcmp(sockets[i].name, name))
			return sockets[i].fd;
	errx(EXIT_FAILURE, "no socket %s", name);
}

void peer_add(const char *name, int fd)
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

void peer_remove(const char *name)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (!strcmp(sockets[i].name, name))
			sockets[i].name[0] = '\0';
}

int peer_socket(void)
{
	return peer_find(order_word(1));
}

socklen_t peer_parse(union address *address, const char *text, const char *port)
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

int peer_port(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}
