// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <string.h>

#include "crc32c.h"

#define POLYNOMIAL	0x82f63b78u	/* reversed: the lowest bit is the highest power */

static inline uint64_t word_at(const unsigned char *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return word;
}

/* ---- by a table for each of eight bytes ---- */

static uint32_t tables[8][256];

static void make_tables(void)
{
	unsigned int i, j;

	for (i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (j = 0; j < 8; j++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][i] = crc;
	}
	for (j = 1; j < 8; j++)
		for (i = 0; i < 256; i++)
			tables[j][i] = tables[j - 1][i] >> 8 ^ tables[0][tables[j - 1][i] & 255];
}

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t size)
{
	const unsigned char *at = data;
	unsigned int i;

	if (!tables[0][1])
		make_tables();
	crc = ~crc;
	for (; size >= 8; size -= 8, at += 8) {
		uint64_t word = le64toh(word_at(at)) ^ crc;

		for (crc = 0, i = 0; i < 8; i++, word >>= 8)
			crc ^= tables[7 - i][word & 255];
	}
	for (; size; size--)
		crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 255];
	return ~crc;
}

/* ---- by the instruction ---- */

#ifdef __x86_64__
#include <nmmintrin.h>

__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const unsigned char *at, size_t size)
{
	uint64_t sum = ~crc;

#pragma GCC unroll 8
	for (; size >= 8; size -= 8, at += 8)
		sum = _mm_crc32_u64(sum, word_at(at));
	for (; size; size--)
		sum = _mm_crc32_u8(sum, *at++);
	return ~sum;
}

#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, data, size);
#endif
	return crc32c_by_table(crc, data, size);
}
