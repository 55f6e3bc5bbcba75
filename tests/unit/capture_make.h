/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings made in memory, intact and damaged ones. */
#ifndef TCPTRACE_CAPTURE_MAKE_H
#define TCPTRACE_CAPTURE_MAKE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "record/capture_file.h"

struct capture {
	_Alignas(struct tcptrace_record) unsigned char data[256 * 1024];
	size_t size;
	uint64_t events;
};

static inline void capture_put(struct capture *capture, const void *data, size_t size)
{
	if (capture->size + size > sizeof(capture->data))
		abort();
	memcpy(capture->data + capture->size, data, size);
	capture->size += size;
}

static inline struct capture_header *capture_begin(struct capture *capture)
{
	struct capture_header header = {
		.byte_order = CAPTURE_BYTE_ORDER,
		.header_size = sizeof(header),
		.abi = TCPTRACE_ABI,
		.types_version = TCPTRACE_TYPES_VERSION,
		.record_size = sizeof(struct tcptrace_record),
		.realtime = 1700000000000000000,
		.boot = 4711,
		.start = 900,
		.level = TCPTRACE_L_SEGMENT,
		.host = "host",
		.release = "6.1.0",
	};

	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	capture->size = 0;
	capture->events = 0;
	capture_put(capture, &header, sizeof(header));
	return (void *)capture->data;
}

static inline struct tcptrace_record *capture_add(struct capture *capture, enum tcptrace_type type,
						  uint64_t time, uint16_t port)
{
	struct tcptrace_record record = {
		.time = time,
		.cookie = time + 1000000,
		.type = type,
		.saddr = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
		.daddr = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
		.sport = port,
		.dport = 40000,
		.family = AF_INET,
		.kind = TCPTRACE_K_FULL,
		.old_state = TCPTRACE_S_ESTABLISHED,
		.new_state = TCPTRACE_S_CLOSE_WAIT,
		.comm = "nc",
	};

	capture->events += type != TCPTRACE_T_SNAPSHOT;
	capture_put(capture, &record, sizeof(record));
	return (void *)(capture->data + capture->size - sizeof(record));
}

static inline void capture_lost(struct capture *capture, uint64_t time, uint64_t overwritten)
{
	struct tcptrace_record record = {
		.time = time,
		.type = TCPTRACE_T_LOST,
		.u.lost.overwritten = overwritten,
	};

	capture_put(capture, &record, sizeof(record));
}

static inline struct tcptrace_record *capture_end(struct capture *capture, uint64_t overwritten)
{
	struct tcptrace_record record = {
		.type = TCPTRACE_T_LOST,
		.cookie = CAPTURE_TRAILER,
		.u.lost = { .overwritten = overwritten, .missed = 7, .events = capture->events },
	};

	capture_put(capture, &record, sizeof(record));
	return (void *)(capture->data + capture->size - sizeof(record));
}

/* Where the records start, if the header is right about it. */
static inline size_t capture_records(const struct capture *capture)
{
	const struct capture_header *header = (const void *)capture->data;
	bool well = capture->size >= sizeof(*header) && header->header_size >= sizeof(*header) &&
		    header->header_size <= capture->size && header->header_size % sizeof(uint64_t) == 0;

	return well ? header->header_size : sizeof(*header);
}

/* Makes all checksums valid, even those of damaged data. */
static inline void capture_seal(struct capture *capture)
{
	struct capture_header *header = (void *)capture->data;
	size_t at = capture_records(capture);
	uint32_t checksum = 0;

	if (at <= capture->size && header->header_size == at)
		header->checksum = capture_header_checksum(header);
	for (; at + sizeof(struct tcptrace_record) <= capture->size; at += sizeof(struct tcptrace_record)) {
		struct tcptrace_record *record = (void *)(capture->data + at);

		checksum = capture_checksum(checksum, record);
		record->position = checksum;
	}
}

/* Returns a descriptor with the data as it is, positioned at the beginning. */
static inline int capture_fd(const struct capture *capture)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	if (fd < 0 || write(fd, capture->data, capture->size) != (ssize_t)capture->size ||
	    lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static inline void capture_save(struct capture *capture, const char *name)
{
	FILE *file = fopen(name, "w");

	capture_seal(capture);
	if (!file || fwrite(capture->data, 1, capture->size, file) != capture->size || fclose(file))
		abort();
}

#endif
