// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the events of a recording, one per line: its cookie, the text of text_record(), and all its bytes except
 * position, time and CPU, so that two recordings of the same events can be compared: the task may be moved to another
 * CPU between the probes of two sources. With --snapshot it prints the sockets that existed at the beginning, as the
 * tool of that name does.
 */
#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../../userspace/record/capture_file.h"
#include "record_text.h"

static bool chosen(const struct tcptrace_record *record, bool snapshot)
{
	return (record->type == TCPTRACE_T_SNAPSHOT) == snapshot && record->type != TCPTRACE_T_LOST;
}

static void print(const struct tcptrace_record *record)
{
	struct tcptrace_record copy = *record;
	const unsigned char *bytes = (const void *)&copy;
	size_t i = strnlen(copy.comm, sizeof(copy.comm));

	copy.position = 0;
	copy.time = 0;
	copy.cpu = 0;
	/* Before 5.17, the bytes after the end of a name are the rest of a longer one. */
	memset(copy.comm + i, 0, sizeof(copy.comm) - i);
	printf("%016llx bytes=", record->cookie);
	for (i = offsetof(struct tcptrace_record, cookie); i < sizeof(*record); i++)
		printf("%02x", bytes[i]);
	putchar(' ');
	text_record(stdout, &copy);
}

int main(int argc, char **argv)
{
	struct capture_header header;
	struct tcptrace_record record;
	bool snapshot = argc > 2 && !strcmp(argv[1], "--snapshot");
	const char *name = argv[1 + snapshot];
	FILE *file;

	if (argc != 2 + snapshot)
		errx(2, "usage: recording [--snapshot] FILE");
	file = fopen(name, "r");
	if (!file)
		err(1, "%s", name);
	if (fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.magic, CAPTURE_MAGIC, sizeof(header.magic)) ||
	    fseek(file, header.header_size, SEEK_SET))
		errx(1, "%s: not a recording", name);
	while (fread(&record, sizeof(record), 1, file) == 1) {
		if (!chosen(&record, snapshot))
			continue;
		if (snapshot)
			text_record(stdout, &record);
		else
			print(&record);
	}
	return 0;
}
