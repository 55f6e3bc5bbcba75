// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/safe_text.h"
#include "host/resolve.h"

#define HOSTS		1024	/* maximum number cached */
#define HOST_MAX	255	/* maximum length of a host name in DNS */
#define PORT_RANGE	"/proc/sys/net/ipv4/ip_local_port_range"

const char *resolve_service(uint16_t port)
{
	static const char *names[UINT16_MAX + 1], none[1];
	const struct servent *service;

	if (!names[port]) {
		setservent(1);
		service = getservbyport(htons(port), "tcp");
		names[port] = service ? strdup(safe_string_cut(service->s_name, RESOLVE_SERVICE_MAX)) : none;
	}
	return names[port] && names[port] != none ? names[port] : NULL;
}

/* NULL: no name. */
static char *look_up(uint8_t family, const uint8_t *address)
{
	char name[HOST_MAX + 1];
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	memcpy(&v6.sin6_addr, address, sizeof(v6.sin6_addr));
	memcpy(&v4.sin_addr, address + 12, sizeof(v4.sin_addr));
	if (getnameinfo(family == AF_INET ? (void *)&v4 : (void *)&v6, family == AF_INET ? sizeof(v4) : sizeof(v6),
			name, sizeof(name), NULL, 0, NI_NAMEREQD))
		return NULL;
	return strdup(safe_string_cut(name, HOST_MAX));
}

const char *resolve_host(uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN])
{
	static struct {
		uint8_t family;		/* 0: empty */
		uint8_t address[TCPTRACE_ADDR_LEN];
		char *name;		/* NULL: no name */
	} hosts[HOSTS], *host;

	host = &hosts[hash_16(address, family) % HOSTS];
	if (host->family != family || memcmp(host->address, address, sizeof(host->address))) {
		host->family = family;
		memcpy(host->address, address, sizeof(host->address));
		free(host->name);
		host->name = look_up(family, address);
	}
	return host->name;
}

bool resolve_ephemeral(uint16_t port)
{
	static unsigned int lowest = 1024, highest = 4999;	/* if it cannot be read, as in ss */
	static bool asked;
	FILE *file;

	if (!asked) {
		unsigned int from, to;

		asked = true;
		file = fopen(PORT_RANGE, "r");
		if (file && fscanf(file, "%u %u", &from, &to) == 2) {
			lowest = from;
			highest = to;
		}
		if (file)
			fclose(file);
	}
	return port >= lowest && port <= highest;
}
