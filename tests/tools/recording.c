// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the events of a recording, one a line: its cookie, what text_record() says of it, and all its bytes but
 * position and time, so that two recordings of the same events can be compared.
 */
#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../../userspace/capture_file.h"
#include "record_text.h"

static void print(const struct tcptrace_record *record)
{
	const unsigned char *bytes = (const void *)record;
	struct tcptrace_record copy = *record;
	size_t i;

	copy.position = 0;
	copy.time = 0;
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
	FILE *file;

	if (argc != 2)
		errx(2, "usage: recording FILE");
	file = fopen(argv[1], "r");
	if (!file)
		err(1, "%s", argv[1]);
	if (fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.magic, CAPTURE_MAGIC, sizeof(header.magic)) ||
	    fseek(file, header.header_size, SEEK_SET))
		errx(1, "%s: not a recording", argv[1]);
	while (fread(&record, sizeof(record), 1, file) == 1)
		if (record.type != TCPTRACE_T_SNAPSHOT && record.type != TCPTRACE_T_LOST)
			print(&record);
	return 0;
}
