/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32C, the checksum of SCTP and iSCSI (RFC 9260 appendix A): no change within 32 bits stays unseen, another one
 * once in 2^32. Not against who means harm: whoever changes the data changes the checksum as well.
 */
#ifndef TCPTRACE_CRC32C_H
#define TCPTRACE_CRC32C_H

#include <isa-l/crc.h>
#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes behind those that `crc` is of; 0: of none. */
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return ~crc32_iscsi((unsigned char *)data, size, ~crc);
}

#endif
