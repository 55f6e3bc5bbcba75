// SPDX-License-Identifier: GPL-2.0-only
/* Recordings that are whole, and all that can be wrong with one. */
#include <errno.h>
#include <fcntl.h>

#include "capture_make.h"
#include "source_open.h"
#include "test.h"

static struct capture capture;

static struct source *open_capture(char *error, size_t size, int *result)
{
	struct source *source = NULL;

	*result = source_file_open_fd(capture_fd(&capture), "FILE", &source, error, size);
	return source;
}

static int add_time(const struct tcptrace_record *record, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "S%llu ", record->time);
	return 0;
}

static int stop_at_once(const struct tcptrace_record *record, void *arg)
{
	(void)record;
	(void)arg;
	return 42;
}

/* What a reader sees of a source: "S" snapshot, "E" event, each with its time, "L" lost with how many; then how it ended. */
static const char *seen(struct source *source)
{
	static char text[8192];
	const struct tcptrace_record *record;
	int outcome;

	text[0] = '\0';
	source_snapshot(source, add_time, text);
	while ((outcome = source_next(source, &record)) == SOURCE_RECORD) {
		if (record->type == TCPTRACE_T_LOST)
			sprintf(text + strlen(text), "L%llu ", record->u.lost.overwritten);
		else
			sprintf(text + strlen(text), "E%llu ", record->time);
	}
	if (outcome == SOURCE_END)
		strcat(text, "end");
	else
		sprintf(text + strlen(text), "%d %s", outcome, source->error);
	return text;
}

static const char *seen_of_capture(void)
{
	static char text[8192];
	char error[256] = "";
	int result;
	struct source *source = open_capture(error, sizeof(error), &result);

	snprintf(text, sizeof(text), "%s", source ? seen(source) : error);
	source_close(source);
	return text;
}

static void fill(void)
{
	capture_begin(&capture);
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 1, 80);
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 2, 80);
	capture_add(&capture, TCPTRACE_T_STATE, 3, 80);
	capture_lost(&capture, 4, 5);
	capture_add(&capture, TCPTRACE_T_STATE, 6, 80);
}

/* ---- whole ones ---- */

static void whole(void)
{
	const struct tcptrace_record *record;
	struct tcptrace_lost lost;
	struct source *source;
	char error[256];
	int result;

	fill();
	capture_end(&capture, 5);
	source = open_capture(error, sizeof(error), &result);
	is_int(result, 0, "a recording is opened");
	ok(!source->live, "and is not live");
	is_int(source->realtime, 1700000000000000000, "its clock");
	is_int(source->boot, 4711, "its module");
	is_str(source->host, "host", "its host");
	is_str(source->release, "6.1.0", "its kernel");
	is_str(seen(source), "S1 S2 E3 L5 E6 end", "snapshots, events, a loss in its place, the end");
	is_int(source_next(source, &record), SOURCE_END, "the end stays");
	is_int(source_wait(source, -1), 0, "waiting does not");
	source_losses(source, &lost);
	is_int(lost.events, 2, "events");
	is_int(lost.overwritten, 5, "overwritten, counted once");
	is_int(lost.missed, 7, "missed, which only the trailer knows");
	source_close(source);

	source = open_capture(error, sizeof(error), &result);
	is_int(source_next(source, &record), SOURCE_RECORD, "without a snapshot");
	is_int(record->time, 3, "the first is the first event");
	source_close(source);

	source = open_capture(error, sizeof(error), &result);
	is_int(source_snapshot(source, stop_at_once, NULL), 42, "a snapshot that is stopped");
	source_close(source);

	capture_begin(&capture);
	capture_end(&capture, 0);
	is_str(seen_of_capture(), "end", "a recording of nothing");

	capture_begin(&capture);
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 1, 80);
	capture_end(&capture, 0);
	is_str(seen_of_capture(), "S1 end", "only sockets");
}

static void long_one(void)
{
	const struct tcptrace_record *record;
	struct source *source;
	char error[256];
	int result, i, count = 0;

	capture_begin(&capture);
	for (i = 0; i < 1200; i++)
		capture_add(&capture, TCPTRACE_T_STATE, i, 80);
	capture_end(&capture, 0);
	source = open_capture(error, sizeof(error), &result);
	while (source_next(source, &record) == SOURCE_RECORD && record->time == (uint64_t)count)
		count++;
	is_int(count, 1200, "longer than the buffer");
	source_close(source);
}

/* A pipe hands out pieces of any size. */
static void pipe_in_pieces(void)
{
	struct source *source = NULL;
	char error[256] = "";
	int ends[2], result;
	size_t at;

	fill();
	capture_end(&capture, 5);
	if (pipe(ends))
		abort();
	if (!fork()) {
		close(ends[0]);
		for (at = 0; at < capture.size; at += 61)
			if (write(ends[1], capture.data + at,
				  capture.size - at < 61 ? capture.size - at : 61) < 0)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	result = source_file_open_fd(ends[0], "PIPE", &source, error, sizeof(error));
	is_int(result, 0, "a pipe %s", error);
	is_str(source ? seen(source) : "", "S1 S2 E3 L5 E6 end", "in pieces that fit nothing");
	source_close(source);
}

/* ---- newer ones ---- */

static void newer(void)
{
	struct capture_header *header;
	struct tcptrace_lost lost;
	struct source *source;
	unsigned char more[64] = { 0 };
	char error[256];
	int result;

	header = capture_begin(&capture);
	header->header_size += sizeof(more);
	header->types_version = TCPTRACE_TYPES_VERSION + 1;
	capture_put(&capture, more, sizeof(more));
	capture_add(&capture, TCPTRACE_T_STATE, 3, 80);
	capture_add(&capture, TCPTRACE_T_LOST + 1, 4, 80)->new_state = 200;
	capture_add(&capture, TCPTRACE_T_STATE, 5, 80);
	capture_end(&capture, 0);
	source = open_capture(error, sizeof(error), &result);
	is_str(source ? seen(source) : error, "E3 E5 end",
	       "a longer header and an unknown type are passed over");
	source_losses(source, &lost);
	is_int(lost.unknown, 1, "and the type is counted");
	source_close(source);
}

/* ---- broken ones ---- */

#define REFUSED(change, text) do {						\
		struct capture_header *header = capture_begin(&capture);	\
		capture_end(&capture, 0);					\
		change;								\
		is_str(seen_of_capture(), "FILE: " text, "%s", #change);	\
	} while (0)

static void headers(void)
{
	REFUSED(capture.size = 0; (void)header, "empty, not a recording of tcptrace");
	REFUSED(capture.size = 5; (void)header,
		"not a recording of tcptrace (tcptrace-ctl record makes one)");
	REFUSED(header->magic[7] = 'e', "not a recording of tcptrace (tcptrace-ctl record makes one)");
	REFUSED(capture.size = 100; (void)header, "truncated within its header, at byte 100");
	REFUSED(header->abi = 2,
		"recorded with ABI 2, this tcptrace-ctl reads 1: use the version that recorded it");
	REFUSED(header->byte_order = 0x04030201, "recorded on a machine of the other byte order");
	REFUSED(header->byte_order = 0, "damaged: its header has no byte order");
	REFUSED(header->record_size = 0, "damaged: records of 0 bytes, not 192");
	REFUSED(header->header_size = 8, "damaged: a header of 8 bytes");
	REFUSED(header->header_size = 260, "damaged: a header of 260 bytes");
	REFUSED(header->header_size = 0xfffffff8, "damaged: a header of 4294967288 bytes");
	REFUSED(header->header_size = 1024, "truncated within its header, at byte 448");
}

static void unended_texts(void)
{
	struct capture_header *header = capture_begin(&capture);
	struct source *source;
	char error[256];
	int result;

	memset(header->host, 'h', sizeof(header->host));
	memset(header->release, 'r', sizeof(header->release));
	capture_end(&capture, 0);
	source = open_capture(error, sizeof(error), &result);
	is_int(strlen(source->host), sizeof(source->host) - 1, "a host name that does not end, ends");
	is_int(strlen(source->release), sizeof(source->release) - 1, "and a release");
	source_close(source);
}

static void truncated(void)
{
	size_t whole, header = sizeof(struct capture_header), record = sizeof(struct tcptrace_record);

	fill();
	whole = capture.size;
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: truncated after 5 records, at byte 1216",
	       "no trailer: what is whole, then the error");
	capture.size = whole - 1;
	is_str(seen_of_capture(), "S1 S2 E3 L5 -74 FILE: truncated after 4 records, at byte 1215",
	       "within a record");
	capture.size = header + record + 10;
	is_str(seen_of_capture(), "S1 -74 FILE: truncated after 1 records, at byte 458",
	       "within the snapshot");
	capture.size = header;
	is_str(seen_of_capture(), "-74 FILE: truncated after 0 records, at byte 256",
	       "right behind the header");
}

#define DAMAGED(change, text) do {						\
		struct tcptrace_record *record;					\
		fill();								\
		record = capture_add(&capture, TCPTRACE_T_STATE, 7, 80);	\
		change;								\
		capture_end(&capture, 5);					\
		is_str(seen_of_capture(), "S1 S2 E3 L5 E6 " text, "%s", #change); \
	} while (0)

#define OUT_OF_RANGE "-74 FILE: damaged: record 6, at byte 1216, has a field out of range"

static void damaged(void)
{
	DAMAGED(record->old_state = 12, OUT_OF_RANGE);
	DAMAGED(record->new_state = 255, OUT_OF_RANGE);
	DAMAGED(record->kind = 4, OUT_OF_RANGE);
	DAMAGED(record->family = 0, OUT_OF_RANGE);
	DAMAGED(record->family = 3, OUT_OF_RANGE);
	DAMAGED(record->type = TCPTRACE_T_SNAPSHOT,
		"E7 -74 FILE: damaged: it has 2 events and says 3");

	fill();
	capture_end(&capture, 5)->u.lost.events = 1000;
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: damaged: it has 2 events and says 1000",
	       "records are missing in the middle");
	fill();
	capture_end(&capture, 5);
	capture_put(&capture, "x", 1);
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: damaged: data after the end, at byte 1408",
	       "something behind the trailer");
}

static void unended_comm(void)
{
	const struct tcptrace_record *record;
	struct source *source;
	char error[256];
	int result;

	capture_begin(&capture);
	memset(capture_add(&capture, TCPTRACE_T_STATE, 1, 80)->comm, 'x', TCPTRACE_COMM_LEN);
	capture_end(&capture, 0);
	source = open_capture(error, sizeof(error), &result);
	is_int(source_next(source, &record), SOURCE_RECORD, "a name that does not end");
	is_int(strlen(record->comm), TCPTRACE_COMM_LEN - 1, "ends");
	source_close(source);
}

/* ---- by name ---- */

static void names(void)
{
	struct source_request request = { .level = TCPTRACE_L_LIFE };
	struct source *source = NULL;
	char error[256];

	is_int(source_open("/nonexistent/x", &request, &source, error, sizeof(error)), -ENOENT, "no file");
	is_str(error, "/nonexistent/x: No such file or directory", "is said");
	ok(source_open("/", &request, &source, error, sizeof(error)) < 0, "a folder");
	is_str(error, "/: Is a directory", "is said");
	is_int(source_open("", &request, &source, error, sizeof(error)), -EINVAL, "no name");
	ok(!source, "none of them opened anything");
}

int main(void)
{
	whole();
	long_one();
	pipe_in_pieces();
	newer();
	headers();
	unended_texts();
	truncated();
	damaged();
	unended_comm();
	names();
	return done_testing();
}
