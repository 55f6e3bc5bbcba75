// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/port_settings.h"

#define SYSCTL		"/proc/sys/net/ipv4/"
#define OWN		"/proc/self/ns/net"

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

static bool is_netns(const char *path, uint32_t netns)
{
	struct stat stat_of;

	return !stat(path, &stat_of) && stat_of.st_ino == netns;
}

/* An open file that stands for the namespace; -1: none was found. */
static int open_netns(uint32_t netns)
{
	static const char *const patterns[] = { "/run/netns/*", "/proc/[0-9]*/ns/net" };
	size_t i, k;
	int fd = -1;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && fd < 0; i++) {
		glob_t found;

		if (glob(patterns[i], GLOB_NOSORT, NULL, &found))
			continue;
		for (k = 0; k < found.gl_pathc && fd < 0; k++)
			if (is_netns(found.gl_pathv[k], netns))
				fd = open(found.gl_pathv[k], O_RDONLY | O_CLOEXEC);
		globfree(&found);
	}
	return fd;
}

/* These sysctls show the namespace of the reader, so this process enters the other one for a moment. */
static void read_other(struct port_settings *settings, uint32_t netns)
{
	int own = open(OWN, O_RDONLY | O_CLOEXEC);
	int other = own < 0 ? -1 : open_netns(netns);

	settings->why = "no process here is in that network namespace any more, and it has no name";
	if (other >= 0 && setns(other, CLONE_NEWNET)) {
		settings->why = "its network namespace cannot be entered";
	} else if (other >= 0) {
		read_own(settings);
		if (setns(own, CLONE_NEWNET))
			abort();
	}
	if (other >= 0)
		close(other);
	if (own >= 0)
		close(own);
}

void port_settings_read(struct port_settings *settings, uint32_t netns)
{
	memset(settings, 0, sizeof(*settings));
	if (is_netns(OWN, netns))
		read_own(settings);
	else
		read_other(settings, netns);
}
