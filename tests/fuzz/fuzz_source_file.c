// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file reader with arbitrary recordings: it may refuse them, but must not crash, read or write out of bounds, hang,
 * or return a record that a view cannot use.
 *
 *	source_file --mend FILE...	makes whole recordings of these files
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/names.h"
#include "record/record_check.h"
#include "recordings.h"
#include "source/source_open.h"

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "handed out: %s\n", what);
	abort();
}

static int use(const struct tcptrace_record *record, void *arg)
{
	(void)arg;
	demand(record_known(record), "an unknown type");
	demand(record_sound(record), "a field out of range");
	demand(strnlen(record->comm, sizeof(record->comm)) < sizeof(record->comm), "an endless name");
	demand(state_name(record->new_state) && state_name(record->old_state), "a state without name");
	return 0;
}

static void read_all(struct source *source, size_t size)
{
	const struct tcptrace_record *record;
	struct tcptrace_lost lost;
	size_t count = 0;
	int outcome;

	source_snapshot(source, use, NULL);
	while ((outcome = source_next(source, &record)) == SOURCE_RECORD) {
		use(record, NULL);
		demand(count++ <= size / sizeof(*record), "more than there is");
	}
	demand(outcome == SOURCE_END || outcome < 0, "an outcome that a file cannot have");
	if (outcome < 0) {
		demand(*source->error && !strchr(source->error, '\n'), "an error without one line");
		demand(source_next(source, &record) == outcome, "something behind an error");
	}
	source_losses(source, &lost);
}

static void one(const void *data, size_t size)
{
	struct source *source;
	char error[256] = "";
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	if (source_file_open_fd(fd, "FILE", &source, error, sizeof(error))) {
		demand(*error && !strchr(error, '\n'), "an error without one line");
		return;
	}
	read_all(source, size);
	source_close(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one(data, size);
	return 0;
}

static void mend(const char *name)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(name, "r+");
	size_t size;

	if (!file) {
		perror(name);
		exit(1);
	}
	size = recording_mend(data, fread(data, 1, sizeof(data) / 2, file), sizeof(data));
	rewind(file);
	if (fwrite(data, 1, size, file) != size || fclose(file) || truncate(name, size)) {
		perror(name);
		exit(1);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	if (*argc < 2 || strcmp((*argv)[1], "--mend"))
		return 0;
	for (i = 2; i < *argc; i++)
		mend((*argv)[i]);
	exit(0);
}
