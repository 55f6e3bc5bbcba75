// SPDX-License-Identifier: GPL-2.0-only
/* A source that reads a file, see capture_file.h. The file may be damaged, or made to do harm. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/out.h"
#include "base/safe_text.h"
#include "record/capture_file.h"
#include "record/device.h"
#include "record/record_check.h"
#include "source/source_open.h"

#define BUFFER		((size_t)1024 * sizeof(struct tcptrace_record))
#define NAME_SHOWN	128	/* maximum length of a name in a message */

struct source_file {
	struct source source;
	int fd;
	bool regular;			/* its end is known and can be read up to */
	char *name;			/* made safe by safe_text.h */
	unsigned char *buffer;
	size_t head, tail;		/* the content of the buffer */
	uint64_t offset;		/* of head in the file */
	uint64_t count;			/* records read */
	uint32_t checksum;		/* of the last record */
	bool events;			/* there was at least one */
	bool past_snapshot;		/* the sockets were returned; next is `first`, if has_first, the first event */
	bool has_first;
	struct tcptrace_record first;
	uint64_t last;			/* time of the last event */
	bool ended;
	int failed;			/* an error is final */
	struct tcptrace_lost lost;	/* as found while reading */
	struct tcptrace_lost tally;	/* from the trailer */
};

static struct source_file *file_of(struct source *source)
{
	return (struct source_file *)source;
}

/* Reports an error at this byte offset. */
static int __attribute__((format(printf, 3, 4)))
fail(struct source_file *file, uint64_t offset, const char *format, ...)
{
	char *error = file->source.error;
	size_t size = sizeof(file->source.error);
	va_list arguments;
	int length = snprintf(error, size, "%s: byte %" PRIu64 ": ", file->name, offset);

	va_start(arguments, format);
	vsnprintf(error + length, size - length, format, arguments);
	va_end(arguments);
	file->failed = -EBADMSG;
	return file->failed;
}

/* The file itself cannot be read. */
static int fail_read(struct source_file *file, int error)
{
	snprintf(file->source.error, sizeof(file->source.error), "%s: %s", file->name, strerror(-error));
	file->failed = error;
	return error;
}

/* Waits if a non-blocking pipe is empty, see write_all.h. Returns as read(2), or -errno. */
static ssize_t read_some(int fd, void *buffer, size_t size)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };
	ssize_t got;

	do {
		got = read(fd, buffer, size);
		if (got < 0 && errno == EAGAIN && poll(&more, 1, -1) > 0)
			errno = EINTR;
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* Returns how many bytes are in the buffer: `wanted`, or less at the end of the file; or -errno. */
static ssize_t peek(struct source_file *file, size_t wanted)
{
	while (file->tail - file->head < wanted) {
		ssize_t got;

		if (file->head) {
			memmove(file->buffer, file->buffer + file->head, file->tail - file->head);
			file->tail -= file->head;
			file->head = 0;
		}
		got = read_some(file->fd, file->buffer + file->tail, BUFFER - file->tail);
		if (got < 0)
			return fail_read(file, got);
		if (!got)
			break;
		file->tail += got;
	}
	return file->tail - file->head < wanted ? file->tail - file->head : wanted;
}

/* Disabled by the usual macro of fuzzers' compilers, so that modified input gets through. */
static bool matches(uint64_t found, uint32_t checksum)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)found;
	(void)checksum;
	return true;
#else
	return found == checksum;
#endif
}

static void consume(struct source_file *file, size_t size)
{
	file->head += size;
	file->offset += size;
}

/* ---- the header ---- */

#define AT(field)	offsetof(struct capture_header, field)

/* What must be valid before the checksum can be checked. */
static int check_begin(struct source_file *file, const struct capture_header *header, size_t size)
{
	if (!size)
		return fail(file, 0, "empty, not a recording of tcptrace");
	if (size < sizeof(header->magic) || memcmp(header->magic, CAPTURE_MAGIC, sizeof(header->magic)))
		return fail(file, AT(magic), "not a recording of tcptrace (tcptrace-ctl record makes one)");
	if (size < sizeof(*header))
		return fail(file, size, "truncated within its header");
	if (header->byte_order == __builtin_bswap32(CAPTURE_BYTE_ORDER))
		return fail(file, AT(byte_order), "recorded on a machine with the other byte order");
	if (header->byte_order != CAPTURE_BYTE_ORDER)
		return fail(file, AT(byte_order), "its header is damaged: no valid byte order");
	if (header->header_size < sizeof(*header) || header->header_size > CAPTURE_HEADER_MAX ||
	    header->header_size % sizeof(uint64_t))
		return fail(file, AT(header_size), "its header is damaged: invalid size %u", header->header_size);
	return 0;
}

/* Checks the complete header. */
static int check_header(struct source_file *file, const struct capture_header *header)
{
	if (!matches(header->checksum, capture_header_checksum(header)))
		return fail(file, AT(checksum), header->checksum ?
			    "its header is damaged: its checksum does not match" :
			    "no checksums: recorded by an older tcptrace-ctl, which can show it");
	if (header->abi != TCPTRACE_ABI)
		return fail(file, AT(abi), "recorded with ABI %u, this tcptrace-ctl reads %u: use the version that recorded it",
			    header->abi, TCPTRACE_ABI);
	if (header->record_size != sizeof(struct tcptrace_record))
		return fail(file, AT(record_size), "its records have %u bytes, not %zu", header->record_size,
			    sizeof(struct tcptrace_record));
	if (header->level > TCPTRACE_L_SEGMENT)
		return fail(file, AT(level), "its level is %u, which does not exist", header->level);
	return 0;
}

static int read_header(struct source_file *file)
{
	struct capture_header header;
	ssize_t size = peek(file, sizeof(header));
	int error;

	if (size < 0)
		return size;
	memcpy(&header, file->buffer + file->head, size);
	error = check_begin(file, &header, size);
	if (error)
		return error;
	size = peek(file, header.header_size);
	if (size < 0)
		return size;
	if ((size_t)size < header.header_size)
		return fail(file, size, "truncated within its header");
	error = check_header(file, (const void *)(file->buffer + file->head));
	if (error)
		return error;
	consume(file, header.header_size);

	file->source.realtime = header.realtime;
	file->source.boot = header.boot;
	file->source.types = header.types_version;
	file->source.level = header.level;
	snprintf(file->source.host, sizeof(file->source.host), "%.*s",
		 (int)sizeof(header.host) - 1, header.host);
	snprintf(file->source.release, sizeof(file->source.release), "%.*s",
		 (int)sizeof(header.release) - 1, header.release);
	return 0;
}

/* ---- the records ---- */

#undef AT
#define AT(field)	offsetof(struct tcptrace_record, field)

static int end(struct source_file *file, const struct tcptrace_record *trailer, uint64_t offset)
{
	ssize_t more = peek(file, 1);

	if (more < 0)
		return more;
	if (more)
		return fail(file, file->offset, "damaged: data follows the end");
	/* For unknown types it is not known whether they were events. */
	if (!file->lost.unknown && file->lost.events != trailer->u.lost.events)
		return fail(file, offset + AT(u.lost.events), "damaged: it has %" PRIu64 " events, but its trailer says %llu",
			    (uint64_t)file->lost.events, trailer->u.lost.events);
	file->tally = trailer->u.lost;
	file->ended = true;
	return SOURCE_END;
}

/* Readers see the names of devices where they ask for them, not as records. */
static int take_device(struct source_file *file, const struct tcptrace_record *record, uint64_t offset)
{
	struct zone zone = zone_of_record(record);

	if (!zone.ifindex)
		return fail(file, offset + AT(ifindex), "damaged: record %" PRIu64 " names no device", file->count);
	if (!record->comm[0] || record->comm[sizeof(record->comm) - 1])
		return fail(file, offset + AT(comm), "damaged: record %" PRIu64 " has no name for its device", file->count);
	if (device_name_set(&zone, record->comm))
		return 0;
	return fail_read(file, -ENOMEM);
}

static void count(struct source_file *file, const struct tcptrace_record *record)
{
	const struct tcptrace_lost *lost = &record->u.lost;

	if (record->type != TCPTRACE_T_LOST) {
		file->lost.events += record->type != TCPTRACE_T_SNAPSHOT;
		return;
	}
	file->lost.overwritten += lost->overwritten;
	file->lost.nested += lost->nested;
	file->lost.missed += lost->missed;
	file->lost.unknown += lost->unknown;
}

/* Checks a record by itself, and in its place. */
static int check(struct source_file *file, const struct tcptrace_record *record, uint64_t offset)
{
	size_t fault = record_fault(record);

	if (fault)
		return fail(file, offset + fault, "damaged: record %" PRIu64 " has a field out of range", file->count);
	if (record->type == TCPTRACE_T_SNAPSHOT) {
		if (file->events)
			return fail(file, offset + AT(type), "damaged: record %" PRIu64 " is of an existing socket "
				    "but stands among the events", file->count);
		return 0;
	}
	if (record->time < file->last)
		return fail(file, offset + AT(time), "damaged: record %" PRIu64 " is older than the one before it",
			    file->count);
	file->events = true;
	file->last = record->time;
	return 0;
}

/* The next record of any type. Records before an error are returned before it. */
static int take(struct source_file *file, const struct tcptrace_record **taken)
{
	struct tcptrace_record *record;
	uint64_t offset;
	ssize_t size;
	int error;

	for (;;) {
		if (file->failed)
			return file->failed;
		if (file->ended)
			return SOURCE_END;
		offset = file->offset;
		size = peek(file, sizeof(*record));
		if (size < 0)
			return size;
		if ((size_t)size < sizeof(*record))
			return fail(file, offset + size, "truncated after %" PRIu64 " record%s, or still being written",
				    file->count, plural(file->count));
		record = (void *)(file->buffer + file->head);
		consume(file, sizeof(*record));
		file->checksum = capture_checksum(file->checksum, record);
		if (!matches(record->position, file->checksum))
			return fail(file, offset, "damaged: record %" PRIu64 " does not match its checksum", file->count + 1);
		if (record->type == TCPTRACE_T_LOST && record->cookie == CAPTURE_TRAILER)
			return end(file, record, offset);
		file->count++;
		if (record_known(record))
			break;
		if (record->type == CAPTURE_DEVICE) {
			error = take_device(file, record, offset);
			if (error)
				return error;
			continue;
		}
		if (file->source.types <= TCPTRACE_TYPES_VERSION)
			return fail(file, offset + AT(type), "damaged: record %" PRIu64 " is of type %u, which does not exist",
				    file->count, record->type);
		file->lost.unknown++;
	}
	error = check(file, record, offset);
	if (error)
		return error;
	record_terminate(record);
	count(file, record);
	*taken = record;
	return SOURCE_RECORD;
}

static int file_snapshot(struct source *source, source_each each, void *arg)
{
	struct source_file *file = file_of(source);
	const struct tcptrace_record *record;
	int result;

	if (file->past_snapshot)
		return 0;
	while (take(file, &record) == SOURCE_RECORD) {
		if (record->type != TCPTRACE_T_SNAPSHOT) {
			file->first = *record;
			file->has_first = true;
			break;
		}
		result = each(record, arg);
		if (result)
			return result;
	}
	file->past_snapshot = true;
	/* An error is returned again with the next record: what was intact is shown first. */
	return 0;
}

static int skip(const struct tcptrace_record *record, void *arg)
{
	(void)record;
	(void)arg;
	return 0;
}

static int file_next(struct source *source, const struct tcptrace_record **record)
{
	struct source_file *file = file_of(source);

	if (!file->past_snapshot)
		file_snapshot(source, skip, NULL);
	if (file->has_first) {
		file->has_first = false;
		*record = &file->first;
		return SOURCE_RECORD;
	}
	return take(file, record);
}

/* Reads the rest without keeping it. A pipe is left alone: it may have no end yet. */
static int file_verify(struct source *source)
{
	struct source_file *file = file_of(source);
	const struct tcptrace_record *record;
	int outcome;

	if (file->failed || !file->regular)
		return file->failed;
	do
		outcome = take(file, &record);
	while (outcome == SOURCE_RECORD);
	return outcome < 0 ? outcome : 0;
}

/* A file is never idle. */
static uint64_t file_complete_until(const struct source *source)
{
	(void)source;
	return UINT64_MAX;
}

static int file_wait(struct source *source, int timeout_ms)
{
	(void)source;
	(void)timeout_ms;
	return 0;
}

/* The recorder may know of more losses than the stream contains; this reader may have skipped records, too. */
static void file_losses(struct source *source, struct tcptrace_lost *lost)
{
	const struct source_file *file = file_of(source);

	*lost = file->lost;
	if (file->ended) {
		lost->overwritten = file->tally.overwritten;
		lost->nested = file->tally.nested;
		lost->missed = file->tally.missed;
		lost->unknown += file->tally.unknown;
	}
}

static void file_close(struct source *source)
{
	struct source_file *file = file_of(source);

	if (file->fd > STDIN_FILENO)
		close(file->fd);
	free(file->buffer);
	free(file->name);
	free(file);
}

_Static_assert(DEVICE_NAME_LEN == TCPTRACE_COMM_LEN, "a record has room for the name of a device");

static const struct source_ops ops = {
	.snapshot = file_snapshot,
	.next = file_next,
	.complete_until = file_complete_until,
	.wait = file_wait,
	.verify = file_verify,
	.losses = file_losses,
	.close = file_close,
};

int source_file_open_fd(int fd, const char *name, struct source **source, char *error,
			size_t error_size)
{
	struct source_file *file = calloc(1, sizeof(*file));
	int result = -ENOMEM;
	struct stat status;

	if (file) {
		file->source.ops = &ops;
		file->fd = fd;
		file->regular = !fstat(fd, &status) && S_ISREG(status.st_mode);
		file->name = strdup(safe_string_cut(name, NAME_SHOWN));
		file->buffer = malloc(BUFFER);
		if (file->name && file->buffer) {
			result = read_header(file);
			if (!result) {
				*source = &file->source;
				return 0;
			}
		}
	}
	snprintf(error, error_size, "%s", result == -ENOMEM ? "out of memory" : file->source.error);
	if (file)
		file_close(&file->source);
	return result;
}

int source_file_open(const char *name, struct source **source, char *error, size_t error_size)
{
	int fd = STDIN_FILENO;

	if (!strcmp(name, "-"))
		return source_file_open_fd(fd, "standard input", source, error, error_size);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int result = -errno;

		snprintf(error, error_size, "%s: %s", safe_string_cut(name, NAME_SHOWN), strerror(errno));
		return result;
	}
	return source_file_open_fd(fd, name, source, error, error_size);
}
