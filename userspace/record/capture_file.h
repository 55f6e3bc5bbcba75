/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The format that `record` writes and --source=FILE reads:
 *
 *   header	struct capture_header, `header_size` bytes
 *   records	struct tcptrace_record each, with its checksum in `position`: first the existing
 *		sockets, as type SNAPSHOT, then the events in order of time; a LOST record
 *		where records were lost, u.lost says how many; before the first record with
 *		a device, and where it was renamed, a record of type CAPTURE_DEVICE
 *   trailer	one more LOST record, with the cookie CAPTURE_TRAILER; u.lost has the sums of all
 *		losses, and in `events` the number of events. Nothing follows. A file
 *		without a trailer is truncated.
 *
 * A record's checksum continues that of the previous record. So missing or reordered records are detected like a
 * changed byte.
 *
 * Everything is in the byte order of the recording host. docs/abi.md describes the record.
 */
#ifndef TCPTRACE_CAPTURE_FILE_H
#define TCPTRACE_CAPTURE_FILE_H

#include <stdint.h>

#include "tcptrace.h"

#define CAPTURE_MAGIC		"TCPTRACE"
#define CAPTURE_BYTE_ORDER	0x01020304u
#define CAPTURE_TRAILER		0x454c494152540000ull	/* no socket has this cookie */
#define CAPTURE_DEVICE		256			/* a type of recordings alone: `comm` is the name of device `ifindex` in `netns` */
#define CAPTURE_HEADER_MAX	65536			/* limit for a growing header */

struct capture_header {
	char magic[8];		/* CAPTURE_MAGIC, no NUL */
	uint32_t byte_order;	/* CAPTURE_BYTE_ORDER */
	uint32_t header_size;	/* bytes before the first record, a multiple of 8; may grow, but no field moves */
	uint16_t abi;		/* TCPTRACE_ABI */
	uint16_t types_version;
	uint32_t record_size;
	int64_t realtime;	/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	uint64_t boot;		/* from struct tcptrace_map, 0: unknown */
	uint64_t start;		/* CLOCK_MONOTONIC when recording started, ns */
	uint32_t level;		/* the requested enum tcptrace_level */
	uint32_t checksum;	/* of all `header_size` bytes, with this field 0 */
	char host[72];		/* NUL-terminated */
	char release[72];	/* of the kernel */
	uint8_t reserved2[56];
};

_Static_assert(sizeof(struct capture_header) == 256, "the header is a format");

/* `header_size` is valid, and all of it is in memory. */
uint32_t capture_header_checksum(const struct capture_header *header);

/* `before`: of the previous record, 0 for the first. The value of `position` is ignored. */
uint32_t capture_checksum(uint32_t before, const struct tcptrace_record *record);

#endif
