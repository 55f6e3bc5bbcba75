// SPDX-License-Identifier: GPL-2.0-only
/* Text from outside, made harmless: checked with glibc's decoder of UTF-8, and each byte is recovered. */
#include <ctype.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/safe_text.h"
#include "test.h"

static iconv_t decoder;
static bool all_escaped;	/* what is beyond ASCII */

/* The code point at `text`, and its length; 0: not well-formed, according to iconv(3). */
static size_t decode(const char *text, size_t size, uint32_t *code)
{
	size_t length;

	for (length = 1; length <= size && length <= 4; length++) {
		char *in = (char *)text, *to = (char *)code;
		size_t left = length, room = sizeof(*code);

		iconv(decoder, NULL, NULL, NULL, NULL);
		if (iconv(decoder, &in, &left, &to, &room) != (size_t)-1 && !left && !room)
			return length;
	}
	return 0;
}

/* The definition in safe_text.h, implemented differently. */
static bool is_refused(uint32_t code)
{
	static const uint32_t refused[] = {
		0x7f, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067,
		0x2068, 0x2069,
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (code == refused[i])
			return true;
	return code < 0x20 || (code >= 0x80 && code < 0xa0) || (code >= 0xfdd0 && code <= 0xfdef) ||
	       code % 0x10000 >= 0xfffe || (all_escaped && code >= 0x80);
}

static bool is_written(const char *text, size_t size)
{
	return size >= 4 && text[0] == '\\' && text[1] == 'x' && strspn(text + 2, "0123456789abcdefABCDEF") >= 2;
}

/* `text` ends with a NUL behind `size`. */
static void wanted_of(const char *text, size_t size, char *wanted)
{
	size_t at = 0;

	while (at < size) {
		uint32_t code;
		size_t length = decode(text + at, size - at, &code);

		if (!length || is_refused(code) || (code == '\\' && is_written(text + at, size - at))) {
			length = length ?: 1;
			while (length--)
				wanted += sprintf(wanted, "\\x%02x", (unsigned char)text[at++]);
			continue;
		}
		memcpy(wanted, text + at, length);
		wanted += length;
		at += length;
	}
	*wanted = '\0';
}

/* Replaces each escape by its byte. */
static size_t bytes_of(const char *safe, size_t size, char *bytes)
{
	char *to = bytes;
	size_t at;

	for (at = 0; at < size;) {
		unsigned int byte;

		if (is_written(safe + at, size - at) && sscanf(safe + at + 2, "%2x", &byte) == 1) {
			*to++ = byte;
			at += 4;
		} else {
			*to++ = safe[at++];
		}
	}
	return to - bytes;
}

static bool is_right(const char *text, size_t size)
{
	char bytes[33] = "", safe[4 * 32 + 1], wanted[4 * 32 + 1], back[4 * 32 + 1];
	char *end;

	memcpy(bytes, text, size);
	memset(safe, 'Z', sizeof(safe));
	end = put_safe(safe, bytes, size);
	size = strlen(bytes);
	wanted_of(bytes, size, wanted);
	return (size_t)(end - safe) == strlen(wanted) && !memcmp(safe, wanted, end - safe) &&
	       end <= safe + SAFE_TEXT_GROWTH * size && bytes_of(safe, end - safe, back) == size &&
	       !memcmp(back, bytes, size);
}

/* Alone, before and after others, and cut at the end of a name of 15 bytes. */
static unsigned int wrong_around(const char *text, size_t size)
{
	static const char *const before[] = { "", "a", "\xc3", "\\", "\\x4", "abcdefg", "fourteen byte" };
	static const char *const behind[] = { "", "z", "\x80", "41", "\\x41" };
	unsigned int wrong = 0;
	char name[32];
	size_t i, j;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		for (j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
			size_t first = strlen(before[i]), last = strlen(behind[j]);

			memcpy(name, before[i], first);
			memcpy(name + first, text, size);
			memcpy(name + first + size, behind[j], last);
			wrong += !is_right(name, first + size + last);
			wrong += !is_right(name, first + size + last < 15 ? first + size + last : 15);
		}
	return wrong;
}

static unsigned int wrong_single(void)
{
	unsigned int byte, wrong = 0;

	for (byte = 1; byte < 256; byte++)
		wrong += wrong_around((char[]){ byte }, 1);
	return wrong;
}

static void test_bytes(void)
{
	static const unsigned char edges[] = { 0x01, 0x1f, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff };
	unsigned int a, b, c, d, wrong = 0;

	is_int(wrong_single(), 0, "each byte");
	for (a = 1; a < 256; a++)
		for (b = 1; b < 256; b++)
			wrong += !is_right((char[]){ a, b }, 2) + !is_right((char[]){ 'x', a, b, 'x' }, 4);
	is_int(wrong, 0, "each two bytes");
	for (a = 0xdf, wrong = 0; a <= 0xf0; a++)
		for (b = 1; b < 256; b++)
			for (c = 1; c < 256; c++)
				wrong += !is_right((char[]){ a, b, c }, 3);
	is_int(wrong, 0, "each three bytes that begin as those of three do, and beside these");
	for (a = 0xef, wrong = 0; a <= 0xff; a++)
		for (b = 1; b < 256; b++)
			for (c = 0; c < sizeof(edges); c++)
				for (d = 0; d < sizeof(edges); d++)
					wrong += !is_right((char[]){ a, b, edges[c], edges[d] }, 4);
	is_int(wrong, 0, "four bytes that begin as those of four do, and beside these, to five and six");
}

/* Encodes it in `length` bytes, even if that is too many for UTF-8. */
static size_t encode(uint32_t code, size_t length, char *text)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	if (length == 1) {
		text[0] = code;
		return 1;
	}
	for (i = length; --i; code >>= 6)
		text[i] = 0x80 | (code & 0x3f);
	text[0] = lead[length] | code;
	return length;
}

static void test_characters(void)
{
	static const uint32_t bounds[] = { 0x7f, 0x7ff, 0xd7ff, 0xdfff, 0xfdcf, 0xfdef, 0xfffd, 0xffff, 0x1fffd, 0xfffff, 0x10ffff };
	unsigned int wrong = 0, cut = 0, kept = 0;
	uint32_t code;
	char text[8], safe[32];
	size_t i, length, size;

	for (code = 1; code < 0x140000; code++) {
		length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		encode(code, length, text);
		wrong += !is_right(text, length);
		kept += put_safe(safe, text, length) == safe + length;
	}
	is_int(wrong, 0, "each code point, and beyond the last one");
	/* All code points except surrogates, controls, 66 noncharacters, separators and marks; without NUL. */
	is_int(kept, 0x110000 - 0x800 - 65 - 66 - 2 - 12, "those that stay");
	for (i = 0, wrong = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		for (code = bounds[i] - 1; code <= bounds[i] + 2; code++)
			for (length = 1; length <= 4; length++)
				for (size = encode(code, length, text); size; size--, cut++)
					wrong += wrong_around(text, size);
	is_int(wrong, 0, "around each boundary, in fewer bytes and in more, cut off after each: %u", cut);
}

static void test_escapes(void)
{
	static const struct {
		const char *text, *safe;
	} texts[] = {
		{ "nginx: worker", "nginx: worker" },
		{ "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\xa6\x80", "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\xa6\x80" },
		{ "\033[31mred", "\\x1b[31mred" },
		{ "a\nb\tc\177", "a\\x0ab\\x09c\\x7f" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },
		{ "\x9b" "31m", "\\x9b31m" },
		{ "\xe2\x80\xae" "cod.exe", "\\xe2\\x80\\xaecod.exe" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xef\xbf\xbf", "\\xef\\xbf\\xbf" },
		{ "C:\\windows", "C:\\windows" },
		{ "\\", "\\" },
		{ "\\x", "\\x" },
		{ "\\x1", "\\x1" },
		{ "\\x1b[31m", "\\x5cx1b[31m" },
		{ "\\\\x1B", "\\\\x5cx1B" },
		{ "\\\033", "\\\\x1b" },
		{ "", "" },
	};
	char safe[64];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_str(safe_string(texts[i].text), texts[i].safe, "%s", texts[i].safe);
	is_int(put_safe(safe, "ab\0cdefghijkl", 13) - safe, 2, "a NUL ends it");
	is_int(put_safe(safe, "abcdefgh\0ijkl", 13) - safe, 8, "where eight bytes are taken at once, too");
}

/* Never splits a character or an escape, whatever precedes it. */
static void test_cut(void)
{
	static const char text[] = "a\033b\xc3\xa9" "c\\\xe2\x82\xac\xf0\x9f\xa6\x80\\x4\xff";
	const char *safe = safe_string(text);
	size_t length = strlen(safe), room, wrong = 0, last = 0;

	for (room = 0; room <= length + 3; room++) {
		size_t cut = safe_text_cut(safe, length, room);
		char bytes[64], again[256];
		size_t size = bytes_of(safe, cut, bytes);

		/* The result is the escaped beginning, and a prefix of the whole. */
		bytes[size] = '\0';
		wanted_of(bytes, size, again);
		wrong += cut > room || cut < last || strlen(again) != cut || memcmp(again, safe, cut) || memcmp(bytes, text, size);
		wrong += room >= 3 && cut + 3 < (room < length ? room : length);
		last = cut;
	}
	is_int(wrong, 0, "whole characters and escapes, at most 3 bytes less");
	is_int(last, length, "all, where there is room for it");
	is_str(safe_string_cut("ab\033", 5), "ab", "a string is cut");
}

static void test_strings(void)
{
	const char *a = safe_string("a\n"), *b = safe_string("b\n"), *c = safe_string("c\n"), *d = safe_string("d\n");
	char text[1024];

	snprintf(text, sizeof(text), "%s %s %s %s", a, b, c, d);
	is_str(text, "a\\x0a b\\x0a c\\x0a d\\x0a", "four in one message");
}

int main(void)
{
	decoder = iconv_open("UTF-32LE", "UTF-8");
	if (decoder == (iconv_t)-1)
		abort();
	test_escapes();
	test_strings();
	test_cut();
	test_bytes();
	test_characters();
	safe_text_ascii();
	all_escaped = true;
	is_int(wrong_single(), 0, "each byte, where all beyond ASCII is escaped");
	is_str(safe_string("Gr\xc3\xbc"), "Gr\\xc3\\xbc", "and a letter");
	iconv_close(decoder);
	return done_testing();
}
