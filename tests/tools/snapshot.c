// SPDX-License-Identifier: GPL-2.0-only
/* Reads /proc/tcptrace/sockets with a buffer of a chosen size and prints each record as a line of text. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record_text.h"

static size_t size = 1 << 16;
static int walks = 1;

static const struct argp_option options[] = {
	{ "size", 's', "BYTES", 0, "of the buffer given to read(2)", 0 },
	{ "walks", 'w', "N", 0, "so many times from the start, a line \"# walk\" before each", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 's': size = strtoul(argument, NULL, 0); return 0;
	case 'w': walks = atoi(argument); return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void walk(struct tcptrace_record *buffer)
{
	int fd = open(TCPTRACE_PROC_SOCKETS, O_RDONLY);
	ssize_t got, i;

	if (fd < 0)
		err(1, "%s", TCPTRACE_PROC_SOCKETS);
	while ((got = read(fd, buffer, size)) > 0) {
		if (got % sizeof(*buffer) || got > (ssize_t)size)
			errx(1, "read of %zu bytes gave %zd", size, got);
		for (i = 0; i < got / (ssize_t)sizeof(*buffer); i++)
			text_record(stdout, &buffer[i]);
	}
	if (got < 0) {
		printf("%s\n", strerrorname_np(errno));
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	struct tcptrace_record *buffer;
	int i;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	buffer = malloc(size);
	if (!buffer)
		err(1, "%zu bytes", size);
	for (i = 0; i < walks; i++) {
		if (walks > 1)
			printf("# walk\n");
		walk(buffer);
	}
	free(buffer);
	return 0;
}
