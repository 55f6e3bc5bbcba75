// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/netns.h"
#include "host/port_settings.h"

#define SYSCTL		"/proc/sys/net/ipv4/"

/* ---- words ---- */

/* Parses a port at *text and moves *text past it; -1: there is none. */
static long take_port(const char **text)
{
	char *end;
	long port;

	if (**text < '0' || **text > '9')
		return -1;
	port = strtol(*text, &end, 10);
	*text = end;
	return port < PORTS ? port : -1;
}

bool port_set_parse(struct port_set *set, const char *text)
{
	while (*text && *text != '\n') {
		long port = take_port(&text), last = port;

		if (*text == '-') {
			text++;
			last = take_port(&text);
		}
		if (port < 0 || last < port)
			return false;
		for (; port <= last; port++)
			port_set_add(set, port);
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			return false;
	}
	return true;
}

bool port_settings_parse(struct port_settings *settings, const char *text)
{
	long low = take_port(&text), high;

	if (*text != '-' && *text != '\t' && *text != ' ')
		return false;
	text++;
	high = take_port(&text);
	if (low < 1 || high < low || (*text && *text != '\n'))
		return false;
	settings->low = low;
	settings->high = high;
	return true;
}

/* ---- the files ---- */

/* Reads a whole file; to be freed. The list of reserved ports may be long. NULL: it cannot be read. */
static char *read_sysctl(const char *name)
{
	char path[128], *text = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), SYSCTL "%s", name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (getdelim(&text, &room, '\0', file) < 0 && ferror(file)) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static int read_number(const char *name)
{
	char *text = read_sysctl(name);
	int number = text ? atoi(text) : 0;

	free(text);
	return number;
}

static void read_own(struct port_settings *settings)
{
	char *range = read_sysctl("ip_local_port_range");
	char *reserved = read_sysctl("ip_local_reserved_ports");

	settings->reserved = reserved ? calloc(1, sizeof(*settings->reserved)) : NULL;
	settings->known = range && port_settings_parse(settings, range) &&
			  (!settings->reserved || port_set_parse(settings->reserved, reserved));
	settings->why = settings->known ? NULL : SYSCTL "ip_local_port_range cannot be read";
	settings->tw_reuse = read_number("tcp_tw_reuse");
	settings->timestamps = read_number("tcp_timestamps");
	free(range);
	free(reserved);
}

/* ---- namespaces ---- */

/* These sysctls show the namespace of the reader, so this process enters the other one for a moment. */
static void read_other(struct port_settings *settings, uint32_t netns)
{
	int own, error = netns_visit(netns, &own);

	settings->why = error == -ENOENT ? "no process here is in that network namespace any more, and it has no name" :
					   "its network namespace cannot be entered";
	if (error)
		return;
	read_own(settings);
	netns_return(own);
}

void port_settings_read(struct port_settings *settings, uint32_t netns)
{
	memset(settings, 0, sizeof(*settings));
	if (netns == netns_own())
		read_own(settings);
	else
		read_other(settings, netns);
}
