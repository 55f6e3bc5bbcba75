/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32C, the checksum of SCTP and iSCSI (RFC 9260 appendix A). It detects every change within 32 bits, and misses
 * others with a probability of 2^-32. It does not protect against manipulation: whoever changes the data can change the
 * checksum.
 */
#ifndef TCPTRACE_CRC32C_H
#define TCPTRACE_CRC32C_H

#include <isa-l/crc.h>
#include <stddef.h>
#include <stdint.h>

/* Continues `crc` with `size` bytes; `crc` is 0 at the beginning. */
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return ~crc32_iscsi((unsigned char *)data, size, ~crc);
}

#endif
