// SPDX-License-Identifier: GPL-2.0-only
/* The checksum of recordings against what others have computed: RFC 3720 appendix B.4, and the check value of its kind. */
#include "crc32c.h"
#include "test.h"

static void vector(const void *data, size_t size, uint32_t wanted, const char *what)
{
	is_int(crc32c(0, data, size), wanted, "%s", what);
	is_int(crc32c_by_table(0, data, size), wanted, "%s, by table", what);
}

int main(void)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32], bytes[200];
	unsigned int i, size, wrong = 0;

	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = 31 - i;
	}
	vector(zeros, sizeof(zeros), 0x8a9136aa, "32 times 0");
	vector(ones, sizeof(ones), 0x62a8ab43, "32 times 255");
	vector(up, sizeof(up), 0x46dd794e, "0 to 31");
	vector(down, sizeof(down), 0x113fdb5c, "31 to 0");
	vector("123456789", 9, 0xe3069283, "123456789");
	vector("", 0, 0, "nothing");
	is_int(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283, "in two parts");

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 37 + 11;
	for (i = 0; i < 8; i++)
		for (size = 0; size < sizeof(bytes) - i; size++)
			wrong += crc32c(i, bytes + i, size) != crc32c_by_table(i, bytes + i, size);
	is_int(wrong, 0, "both ways agree, from any address and of any size");
	return done_testing();
}
