// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checksum of recordings, compared with published values: RFC 3720 appendix B.4, and the check value of this CRC.
 */
#include "record/crc32c.h"
#include "test.h"

int main(void)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];
	unsigned int i;

	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = 31 - i;
	}
	is_int(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa, "32 times 0");
	is_int(crc32c(0, ones, sizeof(ones)), 0x62a8ab43, "32 times 255");
	is_int(crc32c(0, up, sizeof(up)), 0x46dd794e, "0 to 31");
	is_int(crc32c(0, down, sizeof(down)), 0x113fdb5c, "31 to 0");
	is_int(crc32c(0, "123456789", 9), 0xe3069283, "123456789");
	is_int(crc32c(0, "", 0), 0, "nothing");
	is_int(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283, "in two parts");
	return done_testing();
}
