// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "record/capture_file.h"
#include "record/crc32c.h"

#define SUM_AT	offsetof(struct capture_header, checksum)

uint32_t capture_header_checksum(const struct capture_header *header)
{
	static const uint32_t none;
	const char *bytes = (const char *)header;
	size_t behind = SUM_AT + sizeof(none);
	uint32_t sum = crc32c(0, bytes, SUM_AT);

	sum = crc32c(sum, &none, sizeof(none));
	return crc32c(sum, bytes + behind, header->header_size - behind);
}

uint32_t capture_checksum(uint32_t before, const struct tcptrace_record *record)
{
	const char *behind = (const char *)record + sizeof(record->position);

	return crc32c(before, behind, sizeof(*record) - sizeof(record->position));
}
