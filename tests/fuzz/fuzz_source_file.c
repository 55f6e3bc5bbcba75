// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file reader against damaged recordings: it may refuse, it may not crash, read or write out of
 * bounds, hang, or hand out a record that a view cannot use. Meant for a build with
 * SANITIZE=address,undefined. The damage is the same in each run.
 *
 *   fuzz_source_file [ROUNDS]      damages recordings of its own
 *   fuzz_source_file FILE...       reads these, for instance what another fuzzer found
 *
 * Most are made right again as far as their checksums go: whoever means harm does that, too.
 *
 * With -DLIBFUZZER it is one for clang's -fsanitize=fuzzer.
 */
#include <ctype.h>

#include "../unit/capture_make.h"
#include "names.h"
#include "record_check.h"
#include "source_open.h"

#define ROUNDS	20000

static unsigned long long records, refused;

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
	records++;
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
		refused++;
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
		refused++;
		demand(*error && !strchr(error, '\n'), "an error without one line");
		return;
	}
	read_all(source, size);
	source_close(source);
}

#ifdef LIBFUZZER

/* With checksums made right: what is behind them is what is to be reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct capture capture;

	if (size > sizeof(capture.data))
		return -1;
	capture.size = size;
	memcpy(capture.data, data, size);
	capture_seal(&capture);
	one(capture.data, size);
	return 0;
}

#else

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint64_t)seed * below >> 32;
}

static void make(struct capture *capture)
{
	uint32_t count = any(12), i;

	capture_begin(capture);
	for (i = 0; i < count; i++)
		capture_add(capture, TCPTRACE_T_SNAPSHOT, i, 80);
	count = any(12);
	for (i = 0; i < count; i++) {
		capture_add(capture, 1 + any(TCPTRACE_T_DROP), 100 + i, 80);
		if (!any(4))
			capture_lost(capture, 100 + i, any(10));
	}
	capture_end(capture, 0);
}

/* Half of it where it hurts most: the header, and the fields that index something. */
static void damage(struct capture *capture)
{
	uint32_t changes = any(6);

	while (changes--) {
		size_t at = any(2) ? any(capture->size) : any(64);

		if (!any(3) && capture->size > 256 + 192)
			at = 256 + any((capture->size - 256) / 192) * 192 +
			     offsetof(struct tcptrace_record, sport) + any(24);
		switch (any(4)) {
		case 0:
			capture->data[at] = any(256);
			break;
		case 1:
			capture->data[at] ^= 1 << any(8);
			break;
		case 2:
			capture->data[at] = any(2) ? 0xff : 0;
			break;
		default:
			if (!any(4))
				capture->size = 1 + any(capture->size);
		}
	}
}

static void read_file(const char *name)
{
	static unsigned char data[1 << 24];
	FILE *file = fopen(name, "r");

	if (!file) {
		perror(name);
		exit(1);
	}
	one(data, fread(data, 1, sizeof(data), file));
	fclose(file);
}

int main(int argc, char *argv[])
{
	unsigned long rounds = ROUNDS, i;
	static struct capture capture;
	int at;

	if (argc > 1 && !isdigit((unsigned char)*argv[1])) {
		for (at = 1; at < argc; at++)
			read_file(argv[at]);
		return 0;
	}
	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 10);
	for (i = 0; i < rounds; i++) {
		make(&capture);
		/* An accident, or on purpose. */
		capture_seal(&capture);
		damage(&capture);
		if (any(4))
			capture_seal(&capture);
		one(capture.data, capture.size);
	}
	printf("%lu recordings, %llu records, %llu recordings refused\n", rounds, records, refused);
	/* Nothing refused, or nothing read, would mean that nothing was tested. */
	return !records || !refused || refused == rounds;
}

#endif
