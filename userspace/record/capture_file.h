/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `record` writes and --source=FILE reads:
 *
 *   header	struct capture_header, `header_size` bytes
 *   records	struct tcptrace_record each, `position` its checksum: first what was
 *		there, as type SNAPSHOT, then the events in order of time; a LOST record
 *		where records were lost, u.lost says how many
 *   trailer	one more LOST record, its cookie CAPTURE_TRAILER, u.lost the tally of all
 *		and in `events` how many events there are; nothing follows. A file
 *		without it is truncated.
 *
 * A record's checksum goes on from that of the one before: records that are missing, or in another order, are as
 * visible as a byte that is another one.
 *
 * All in the byte order of the host that recorded. docs/abi.md explains the record.
 */
#ifndef TCPTRACE_CAPTURE_FILE_H
#define TCPTRACE_CAPTURE_FILE_H

#include <stdint.h>

#include "tcptrace.h"

#define CAPTURE_MAGIC		"TCPTRACE"
#define CAPTURE_BYTE_ORDER	0x01020304u
#define CAPTURE_TRAILER		0x454c494152540000ull	/* no socket has this cookie */
#define CAPTURE_HEADER_MAX	65536			/* a header may grow, but not without a bound */

struct capture_header {
	char magic[8];		/* CAPTURE_MAGIC, no NUL */
	uint32_t byte_order;	/* CAPTURE_BYTE_ORDER */
	uint32_t header_size;	/* bytes until the first record, a multiple of 8, may grow; no field moves, of any ABI */
	uint16_t abi;		/* TCPTRACE_ABI */
	uint16_t types_version;
	uint32_t record_size;
	int64_t realtime;	/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	uint64_t boot;		/* of struct tcptrace_map, 0: unknown */
	uint64_t start;		/* CLOCK_MONOTONIC, when recording began, ns */
	uint32_t level;		/* enum tcptrace_level that was asked for */
	uint32_t checksum;	/* of all `header_size` bytes, with 0 here */
	char host[72];		/* NUL at the end */
	char release[72];	/* of the kernel */
	uint8_t reserved2[56];
};

_Static_assert(sizeof(struct capture_header) == 256, "the header is a format");

/* `header_size` is right, and so many bytes are there. */
uint32_t capture_header_checksum(const struct capture_header *header);

/* `before`: of the record before, 0 of the first one. What is in `position` does not matter. */
uint32_t capture_checksum(uint32_t before, const struct tcptrace_record *record);

#endif
