// SPDX-License-Identifier: GPL-2.0-only
/* Intact recordings, and everything that can be wrong with one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "capture_make.h"
#include "record/device.h"
#include "source/source_open.h"
#include "test.h"

static struct capture capture;

/* Unchanged, with checksums that may be wrong. */
static struct source *open_as_it_is(char *error, size_t size, int *result)
{
	struct source *source = NULL;

	*result = source_file_open_fd(capture_fd(&capture), "FILE", &source, error, size);
	return source;
}

/* An attacker makes the checksums right. */
static struct source *open_capture(char *error, size_t size, int *result)
{
	capture_seal(&capture);
	return open_as_it_is(error, size, result);
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

/*
 * What a reader gets from a source: "S" snapshot, "E" event, each with its time, "L" loss with its number; then how it
 * ended.
 */
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

static const char *seen_as_it_is(void)
{
	static char text[8192];
	char error[256] = "";
	int result;
	struct source *source = open_as_it_is(error, sizeof(error), &result);

	snprintf(text, sizeof(text), "%s", source ? seen(source) : error);
	source_close(source);
	return text;
}

static const char *seen_of_capture(void)
{
	capture_seal(&capture);
	return seen_as_it_is();
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

/* ---- intact ones ---- */

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

/* A pipe returns pieces of any size. */
static void pipe_in_pieces(void)
{
	struct source *source = NULL;
	char error[256] = "";
	int ends[2], result;
	size_t at;

	fill();
	capture_end(&capture, 5);
	capture_seal(&capture);
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
	REFUSED(capture.size = 0; (void)header, "byte 0: empty, not a recording of tcptrace");
	REFUSED(capture.size = 5; (void)header,
		"byte 0: not a recording of tcptrace (tcptrace-ctl record makes one)");
	REFUSED(header->magic[7] = 'e', "byte 0: not a recording of tcptrace (tcptrace-ctl record makes one)");
	REFUSED(capture.size = 100; (void)header, "byte 100: truncated within its header");
	REFUSED(header->abi = 2,
		"byte 16: recorded with ABI 2, this tcptrace-ctl reads 1: use the version that recorded it");
	REFUSED(header->byte_order = 0x04030201, "byte 8: recorded on a machine with the other byte order");
	REFUSED(header->byte_order = 0, "byte 8: its header is damaged: no valid byte order");
	REFUSED(header->record_size = 0, "byte 20: its records have 0 bytes, not 192");
	REFUSED(header->level = 4, "byte 48: its level is 4, which does not exist");
	REFUSED(header->header_size = 8, "byte 12: its header is damaged: invalid size 8");
	REFUSED(header->header_size = 260, "byte 12: its header is damaged: invalid size 260");
	REFUSED(header->header_size = 0xfffffff8, "byte 12: its header is damaged: invalid size 4294967288");
	REFUSED(header->header_size = 1024, "byte 448: truncated within its header");

	capture_begin(&capture);
	is_str(seen_as_it_is(), "FILE: byte 52: no checksums: recorded by an older tcptrace-ctl, which can show it",
	       "one from before there were checksums");
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
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: byte 1216: truncated after 5 records, or still being written",
	       "no trailer: what is whole, then the error");
	capture.size = whole - 1;
	is_str(seen_of_capture(), "S1 S2 E3 L5 -74 FILE: byte 1215: truncated after 4 records, or still being written",
	       "within a record");
	capture.size = header + record + 10;
	is_str(seen_of_capture(), "S1 -74 FILE: byte 458: truncated after 1 record, or still being written",
	       "within the snapshot");
	capture.size = header;
	is_str(seen_of_capture(), "-74 FILE: byte 256: truncated after 0 records, or still being written",
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

/* By the layout of tests/abi/layout.txt. */
#define OUT_OF_RANGE(byte) "-74 FILE: byte " #byte ": damaged: record 6 has a field out of range"

static void damaged(void)
{
	DAMAGED(record->family = 0, OUT_OF_RANGE(1292));
	DAMAGED(record->family = 3, OUT_OF_RANGE(1292));
	DAMAGED(record->kind = 4, OUT_OF_RANGE(1293));
	DAMAGED(record->old_state = 12, OUT_OF_RANGE(1294));
	DAMAGED(record->new_state = 255, OUT_OF_RANGE(1295));
	DAMAGED(record->type = TCPTRACE_T_SNAPSHOT,
		"-74 FILE: byte 1284: damaged: record 6 is of an existing socket but stands among the events");
	DAMAGED(record->type = TCPTRACE_T_LOST + 1, "-74 FILE: byte 1284: damaged: record 6 is of type 18, which does not exist");
	DAMAGED(record->type = CAPTURE_DEVICE, "-74 FILE: byte 1356: damaged: record 6 names no device");
	DAMAGED((record->type = CAPTURE_DEVICE, record->ifindex = 7, record->comm[0] = '\0'),
		"-74 FILE: byte 1336: damaged: record 6 has no name for its device");
	DAMAGED((record->type = CAPTURE_DEVICE, record->ifindex = 7, memset(record->comm, 'x', sizeof(record->comm))),
		"-74 FILE: byte 1336: damaged: record 6 has no name for its device");
	DAMAGED(record->type = 0, "-74 FILE: byte 1284: damaged: record 6 is of type 0, which does not exist");
	DAMAGED(record->time = 5, "-74 FILE: byte 1224: damaged: record 6 is older than the one before it");

	fill();
	capture_end(&capture, 5)->u.lost.events = 1000;
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: byte 1392: damaged: it has 2 events, but its trailer says 1000",
	       "records are missing in the middle");
	fill();
	capture_end(&capture, 5);
	capture_put(&capture, "x", 1);
	is_str(seen_of_capture(), "S1 S2 E3 L5 E6 -74 FILE: byte 1408: damaged: data follows the end",
	       "something behind the trailer");
}

/* ---- names of devices ---- */

static void add_device(uint32_t netns, uint32_t ifindex, const char *name)
{
	struct tcptrace_record record = { .type = CAPTURE_DEVICE, .netns = netns, .ifindex = ifindex };

	snprintf(record.comm, sizeof(record.comm), "%s", name);
	capture_put(&capture, &record, sizeof(record));
}

/* NULL as a word. */
static const char *name_of(uint32_t netns, uint32_t ifindex)
{
	return device_name(&(struct zone){ .netns = netns, .ifindex = ifindex }) ?: "unknown";
}

static const char *host_says;

static bool ask_host(const struct zone *zone, char name[DEVICE_NAME_LEN])
{
	(void)zone;
	if (host_says)
		strcpy(name, host_says);
	return host_says;
}

static void devices(void)
{
	const struct tcptrace_record *record;
	char error[256] = "";
	struct source *source;
	int result;

	capture_begin(&capture);
	add_device(70, 2, "eth0");
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 1, 80);
	add_device(71, 2, "123456789012345");
	capture_add(&capture, TCPTRACE_T_STATE, 3, 80);
	add_device(70, 2, "wan0");
	capture_add(&capture, TCPTRACE_T_STATE, 4, 80);
	capture_end(&capture, 0);
	is_str(seen_of_capture(), "S1 E3 E4 end", "names are no records for a reader, and no events");

	source = open_as_it_is(error, sizeof(error), &result);
	source_next(source, &record);
	is_str(name_of(71, 2), "123456789012345", "the longest name, in one namespace");
	is_str(name_of(70, 2), "eth0", "the same number in another");
	source_next(source, &record);
	is_str(name_of(70, 2), "wan0", "the new name from where it was renamed");
	is_str(name_of(70, 3), "unknown", "a device that no record names");
	is_str(name_of(72, 2), "unknown", "nor in that namespace");
	source_close(source);

	device_names_live(ask_host, 0);
	is_str(name_of(72, 2), "unknown", "live, a device that is gone");
	host_says = "veth1";
	is_str(name_of(72, 2), "veth1", "one that there is");
	host_says = "uplink";
	is_str(name_of(72, 2), "uplink", "renamed");
	host_says = NULL;
	is_str(name_of(72, 2), "uplink", "gone: it had that name");
	is_str(name_of(72, 0), "unknown", "no device");
	device_names_live(ask_host, DEVICE_AGAIN_NS);
	host_says = "eth0";
	is_str(name_of(73, 2), "eth0", "a name is kept for a while");
	host_says = "eth1";
	is_str(name_of(73, 2), "eth0", "without asking for it each time");
	device_names_live(NULL, 0);
}

/* ---- checksums ---- */

static void swap_records(unsigned int at, unsigned int other)
{
	struct tcptrace_record *records = (void *)(capture.data + sizeof(struct capture_header)), kept = records[at];

	records[at] = records[other];
	records[other] = kept;
}

static void remove_record(unsigned int at)
{
	struct tcptrace_record *records = (void *)(capture.data + sizeof(struct capture_header));

	memmove(&records[at], &records[at + 1], capture.data + capture.size - (unsigned char *)&records[at + 1]);
	capture.size -= sizeof(*records);
}

static void fill_and_seal(void)
{
	fill();
	capture_end(&capture, 5);
	capture_seal(&capture);
}

#define MISMATCH(number, byte) "-74 FILE: byte " #byte ": damaged: record " #number " does not match its checksum"

static void out_of_place(void)
{
	fill_and_seal();
	swap_records(0, 1);
	is_str(seen_as_it_is(), MISMATCH(1, 256), "two sockets in another order");
	fill_and_seal();
	swap_records(2, 4);
	is_str(seen_as_it_is(), "S1 S2 " MISMATCH(3, 640), "two events in another order");
	fill_and_seal();
	remove_record(1);
	is_str(seen_as_it_is(), "S1 " MISMATCH(2, 448), "one that is missing");
	fill_and_seal();
	remove_record(4);
	is_str(seen_as_it_is(), "S1 S2 E3 L5 " MISMATCH(5, 1024), "the last one before the end");
}

/* What is intact before byte `at` of a recording, as from seen(); with an error in the header, nothing is. */
static bool is_told(size_t at)
{
	static const char *const parts[] = { "S1 ", "S2 ", "E3 ", "L5 ", "E6 " };
	size_t header = sizeof(struct capture_header), record, i;
	const char *text = seen_as_it_is();
	char wanted[128] = "";

	if (at < header)
		return !strncmp(text, "FILE: byte ", strlen("FILE: byte "));
	record = (at - header) / sizeof(struct tcptrace_record);
	for (i = 0; i < record; i++)
		strcat(wanted, parts[i]);
	sprintf(wanted + strlen(wanted), "-74 FILE: byte %zu: damaged: record %zu does not match its checksum",
		header + record * sizeof(struct tcptrace_record), record + 1);
	return !strcmp(text, wanted);
}

static void any_byte(void)
{
	size_t at, unseen = 0;

	for (fill_and_seal(), at = 0; at < capture.size; at++) {
		capture.data[at] ^= 1 << at % 8;
		unseen += !is_told(at);
		capture.data[at] ^= 1 << at % 8;
	}
	is_int(unseen, 0, "of %zu bytes each that is another one is told, with what is whole before it", capture.size);
	is_str(seen_as_it_is(), "S1 S2 E3 L5 E6 end", "and it is whole when none is");
}

/* ---- stopping early ---- */

static void rest(void)
{
	const struct tcptrace_record *record;
	struct source *source;
	char error[256];
	int result;

	fill_and_seal();
	source = open_as_it_is(error, sizeof(error), &result);
	is_int(source_verify(source), 0, "nothing was read yet: it is whole");
	source_close(source);

	capture.data[1300] ^= 1;
	source = open_as_it_is(error, sizeof(error), &result);
	is_int(source_next(source, &record), SOURCE_RECORD, "one record is read, and is well");
	is_int(source_verify(source), -EBADMSG, "in the rest of it something is wrong");
	is_str(source->error, "FILE: byte 1216: damaged: record 6 does not match its checksum", "that is said");
	is_int(source_next(source, &record), -EBADMSG, "and stays");
	source_close(source);
}

/* A pipe that may be written to for hours is not waited for. */
static void rest_of_a_pipe(void)
{
	const struct tcptrace_record *record;
	struct source *source = NULL;
	char error[256] = "";
	int ends[2];

	fill();
	capture_seal(&capture);
	if (pipe(ends) || write(ends[1], capture.data, capture.size) != (ssize_t)capture.size)
		abort();
	is_int(source_file_open_fd(ends[0], "PIPE", &source, error, sizeof(error)), 0, "a pipe that stays open %s", error);
	is_int(source_next(source, &record), SOURCE_RECORD, "one record of it");
	is_int(source_verify(source), 0, "its rest is not waited for");
	source_close(source);
	close(ends[1]);
}

/* It may be empty for a while, and return EAGAIN if it is non-blocking. */
static void pipe_without_blocking(void)
{
	struct source *source = NULL;
	char error[256] = "";
	int ends[2];
	size_t at;

	fill_and_seal();
	if (pipe2(ends, O_NONBLOCK))
		abort();
	if (!fork()) {
		close(ends[0]);
		for (at = 0; at < capture.size; at += 64) {
			if (write(ends[1], capture.data + at, 64) != 64)
				_exit(1);
			/* Until somebody has read it. */
			for (int held = 1; held;)
				if (ioctl(ends[1], FIONREAD, &held))
					_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	is_int(source_file_open_fd(ends[0], "PIPE", &source, error, sizeof(error)), 0, "a pipe that does not block %s", error);
	is_str(source ? seen(source) : "", "S1 S2 E3 L5 E6 end", "is waited for");
	source_close(source);
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
	devices();
	out_of_place();
	any_byte();
	rest();
	rest_of_a_pipe();
	pipe_without_blocking();
	unended_comm();
	names();
	return done_testing();
}
