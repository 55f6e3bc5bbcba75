// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/safe_text.h"

#define STRINGS	4	/* buffers of safe_string(): more than one message needs */

static bool ascii_only;

void safe_text_ascii(void)
{
	ascii_only = true;
}

/* ---- which characters ---- */

static const struct {
	uint32_t first, last;
} harmful[] = {
	{ 0x80, 0x9f },				/* C1 controls */
	{ 0x61c, 0x61c }, { 0x200e, 0x200f },	/* directional marks */
	{ 0x2028, 0x202e },			/* separators of lines, and directional embeddings */
	{ 0x2066, 0x2069 },			/* directional isolates */
	{ 0xd800, 0xdfff },			/* surrogates: halves of UTF-16 */
	{ 0xfdd0, 0xfdef },			/* noncharacters */
};

static bool is_harmful(uint32_t code)
{
	size_t i;

	for (i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
		if (code >= harmful[i].first && code <= harmful[i].last)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

/* The length of the harmless non-ASCII character at `text`; 0: there is none. */
static size_t length_beyond_ascii(const unsigned char *text, size_t size)
{
	/* Overlong encodings are not well-formed. */
	static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	size_t length = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2, i;
	uint32_t code = *text & (0x7f >> length);

	if (*text < 0xc2 || *text > 0xf4 || length > size || ascii_only)
		return 0;
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || is_harmful(code) ? 0 : length;
}

/* ---- escapes ---- */

static bool is_escape(const char *text, size_t size)
{
	return size >= SAFE_TEXT_GROWTH && text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) &&
	       isxdigit((unsigned char)text[3]);
}

static char *put_escape(char *p, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	*p++ = '\\';
	*p++ = 'x';
	*p++ = digits[byte >> 4];
	*p++ = digits[byte & 0xf];
	return p;
}

/* The length of the harmless character at `text`; 0: its first byte has to be escaped. */
static inline size_t harmless(const char *text, size_t size)
{
	unsigned char first = *text;

	if (first >= 0x80)
		return length_beyond_ascii((const unsigned char *)text, size);
	if (first == '\\')
		return !is_escape(text, size);
	return first >= ' ' && first != 0x7f;
}

#define EACH_BYTE(x)	(0x0101010101010101ull * (x))

/*
 * Sets bit 7 of the first byte that is not plain ASCII: below 0x20, above 0x7e, or a backslash. The bits of the bytes
 * after it are unreliable.
 */
static inline uint64_t odd_bytes(uint64_t word)
{
	uint64_t backslashes = word ^ EACH_BYTE('\\');

	return ((word - EACH_BYTE(0x20)) | (word + EACH_BYTE(0x01)) | word |
		((backslashes - EACH_BYTE(0x01)) & ~backslashes)) & EACH_BYTE(0x80);
}

char *put_safe(char *p, const char *text, size_t size)
{
	const char *end = text + size;

	/* Most text is plain ASCII, and this runs for each record. */
	while (end - text >= (ptrdiff_t)sizeof(uint64_t)) {
		uint64_t word, odd;
		size_t plain;

		memcpy(&word, text, sizeof(word));
		memcpy(p, &word, sizeof(word));
		odd = odd_bytes(le64toh(word));
		plain = odd ? (size_t)__builtin_ctzll(odd) / 8 : sizeof(word);
		p += plain;
		text += plain;
		if (odd)
			break;
	}
	while (text < end && *text) {
		size_t length = harmless(text, end - text);

		if (!length)
			p = put_escape(p, *text++);
		for (; length; length--)
			*p++ = *text++;
	}
	return p;
}

size_t safe_text_cut(const char *text, size_t length, size_t room)
{
	size_t back;

	if (length <= room)
		return length;
	for (back = 1; back < SAFE_TEXT_GROWTH && back <= room; back++)
		if (is_escape(text + room - back, length - room + back))
			return room - back;
	while (room && (text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

const char *safe_string_cut(const char *text, size_t room)
{
	static char *strings[STRINGS];
	static unsigned int next;
	char **string = &strings[next++ % STRINGS];
	size_t size = strlen(text);

	free(*string);
	*string = malloc(SAFE_TEXT_GROWTH * size + 1);
	if (!*string)
		return "?";
	size = put_safe(*string, text, size) - *string;
	(*string)[safe_text_cut(*string, size, room)] = '\0';
	return *string;
}

const char *safe_string(const char *text)
{
	return safe_string_cut(text, SIZE_MAX);
}
