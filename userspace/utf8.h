/* SPDX-License-Identifier: GPL-2.0-only */
/* For names that come from outside, where whoever reads ours refuses what is no UTF-8 (RFC 3629). */
#ifndef TCPTRACE_UTF8_H
#define TCPTRACE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at `text` has, at most `size`; 0: none is there. */
static inline size_t utf8_length(const unsigned char *text, size_t size)
{
	/* What could be said in fewer bytes is none. */
	static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	size_t length = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2, i;
	uint32_t code = *text & (0x7f >> length);

	if (*text < 0x80)
		return size > 0;
	if (*text < 0xc2 || *text > 0xf4 || length > size)
		return 0;
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : length;
}

/* Each byte that belongs to no character becomes '?'. */
static inline void utf8_clean(char *text, size_t size)
{
	size_t i = 0;

	while (i < size) {
		size_t length = utf8_length((unsigned char *)text + i, size - i);

		if (!length)
			text[i] = '?';
		i += length ? length : 1;
	}
}

#endif
