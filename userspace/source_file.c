// SPDX-License-Identifier: GPL-2.0-only
/* A source that is a file, see capture_file.h. It may be damaged, or made to do damage. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_file.h"
#include "record_check.h"
#include "source_open.h"

#define BUFFER	((size_t)1024 * sizeof(struct tcptrace_record))

struct source_file {
	struct source source;
	int fd;
	char *name;
	unsigned char *buffer;
	size_t head, tail;		/* what is in it */
	uint64_t offset;		/* of head, in the file */
	uint64_t count;			/* records taken */
	bool events;			/* what was there is over: `first` is the first event */
	bool has_first;
	struct tcptrace_record first;
	bool ended;
	int failed;			/* an error is final */
	struct tcptrace_lost lost;	/* as seen on the way */
	struct tcptrace_lost tally;	/* as the trailer has it */
};

static struct source_file *file_of(struct source *source)
{
	return (struct source_file *)source;
}

static int __attribute__((format(printf, 3, 4)))
fail(struct source_file *file, int error, const char *format, ...)
{
	va_list arguments;
	int length = snprintf(file->source.error, sizeof(file->source.error), "%.128s: ", file->name);

	va_start(arguments, format);
	vsnprintf(file->source.error + length, sizeof(file->source.error) - length, format,
		  arguments);
	va_end(arguments);
	file->failed = error;
	return error;
}

/* Returns how many bytes are in the buffer, `wanted` but at the end of the file; or -errno. */
static ssize_t peek(struct source_file *file, size_t wanted)
{
	while (file->tail - file->head < wanted) {
		ssize_t got;

		if (file->head) {
			memmove(file->buffer, file->buffer + file->head, file->tail - file->head);
			file->tail -= file->head;
			file->head = 0;
		}
		got = read(file->fd, file->buffer + file->tail, BUFFER - file->tail);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(file, -errno, "%s", strerror(errno));
		if (!got)
			break;
		file->tail += got;
	}
	return file->tail - file->head < wanted ? file->tail - file->head : wanted;
}

static void consume(struct source_file *file, size_t size)
{
	file->head += size;
	file->offset += size;
}

/* ---- the header ---- */

static int check_header(struct source_file *file, const struct capture_header *header, size_t size)
{
	if (!size)
		return fail(file, -ENODATA, "empty, not a recording of tcptrace");
	if (size < sizeof(header->magic) || memcmp(header->magic, CAPTURE_MAGIC, sizeof(header->magic)))
		return fail(file, -EBADMSG, "not a recording of tcptrace (tcptrace-ctl record makes one)");
	if (size < sizeof(*header))
		return fail(file, -EBADMSG, "truncated within its header, at byte %zu", size);
	if (header->byte_order == __builtin_bswap32(CAPTURE_BYTE_ORDER))
		return fail(file, -EBADMSG, "recorded on a machine of the other byte order");
	if (header->byte_order != CAPTURE_BYTE_ORDER)
		return fail(file, -EBADMSG, "damaged: its header has no byte order");
	if (header->abi != TCPTRACE_ABI)
		return fail(file, -EPROTONOSUPPORT,
			    "recorded with ABI %u, this tcptrace-ctl reads %u: use the version that recorded it",
			    header->abi, TCPTRACE_ABI);
	if (header->record_size != sizeof(struct tcptrace_record))
		return fail(file, -EBADMSG, "damaged: records of %u bytes, not %zu",
			    header->record_size, sizeof(struct tcptrace_record));
	if (header->header_size < sizeof(*header) || header->header_size > CAPTURE_HEADER_MAX ||
	    header->header_size % sizeof(uint64_t))
		return fail(file, -EBADMSG, "damaged: a header of %u bytes", header->header_size);
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
	error = check_header(file, &header, size);
	if (error)
		return error;
	size = peek(file, header.header_size);
	if (size < 0)
		return size;
	if ((size_t)size < header.header_size)
		return fail(file, -EBADMSG, "truncated within its header, at byte %zd", size);
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

static int end(struct source_file *file, const struct tcptrace_record *trailer)
{
	ssize_t more = peek(file, 1);

	if (more < 0)
		return more;
	if (more)
		return fail(file, -EBADMSG, "damaged: data after the end, at byte %llu",
			    (unsigned long long)file->offset);
	/* Of types that are not known nobody can say whether they were events. */
	if (!file->lost.unknown && file->lost.events != trailer->u.lost.events)
		return fail(file, -EBADMSG, "damaged: it has %llu events and says %llu",
			    (unsigned long long)file->lost.events,
			    (unsigned long long)trailer->u.lost.events);
	file->tally = trailer->u.lost;
	file->ended = true;
	return SOURCE_END;
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

/* The next record of any type. What is whole before an error is handed out before it. */
static int take(struct source_file *file, const struct tcptrace_record **taken)
{
	struct tcptrace_record *record;
	ssize_t size;

	for (;;) {
		if (file->failed)
			return file->failed;
		if (file->ended)
			return SOURCE_END;
		size = peek(file, sizeof(*record));
		if (size < 0)
			return size;
		if ((size_t)size < sizeof(*record))
			return fail(file, -EBADMSG, "truncated after %llu records, at byte %llu",
				    (unsigned long long)file->count,
				    (unsigned long long)(file->offset + size));
		record = (void *)(file->buffer + file->head);
		consume(file, sizeof(*record));
		if (record->type == TCPTRACE_T_LOST && record->cookie == CAPTURE_TRAILER)
			return end(file, record);
		file->count++;
		if (record_known(record))
			break;
		/* Of a newer version, or so it seems. */
		file->lost.unknown++;
	}
	if (!record_sound(record))
		return fail(file, -EBADMSG, "damaged: record %llu, at byte %llu, has a field out of range",
			    (unsigned long long)file->count,
			    (unsigned long long)(file->offset - sizeof(*record)));
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

	if (file->events)
		return 0;
	for (;;) {
		result = take(file, &record);
		if (result != SOURCE_RECORD)
			break;
		if (record->type != TCPTRACE_T_SNAPSHOT) {
			file->first = *record;
			file->has_first = true;
			break;
		}
		result = each(record, arg);
		if (result)
			return result;
	}
	file->events = true;
	/* An error comes again with the next record: what was whole is shown first. */
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

	if (!file->events)
		file_snapshot(source, skip, NULL);
	if (file->has_first) {
		file->has_first = false;
		*record = &file->first;
		return SOURCE_RECORD;
	}
	return take(file, record);
}

/* It is never idle. */
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

/* The recorder knew more than what lies in the stream; but this reader may have skipped some, too. */
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

static const struct source_ops ops = {
	.snapshot = file_snapshot,
	.next = file_next,
	.complete_until = file_complete_until,
	.wait = file_wait,
	.losses = file_losses,
	.close = file_close,
};

int source_file_open_fd(int fd, const char *name, struct source **source, char *error,
			size_t error_size)
{
	struct source_file *file = calloc(1, sizeof(*file));
	int result = -ENOMEM;

	if (file) {
		file->source.ops = &ops;
		file->fd = fd;
		file->name = strdup(name);
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

		snprintf(error, error_size, "%s: %s", name, strerror(errno));
		return result;
	}
	return source_file_open_fd(fd, name, source, error, error_size);
}
