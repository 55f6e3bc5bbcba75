/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that this program did not choose: names of processes, devices, hosts and files, and the content of recordings.
 * It may have been chosen to harm a terminal, or a program that parses the output. So all such text passes through
 * here, once, on its way into text, JSON, SVG and exports alike.
 *
 * The result is well-formed UTF-8 (RFC 3629) of harmless characters. Each other byte becomes "\x1b" with its value in
 * two hexadecimal digits. A backslash is kept, except before "x" and two such digits, where it becomes "\x5c". So
 * replacing each "\xHH" by its byte restores the original.
 *
 * These characters are not harmless:
 *
 *   U+0000 to U+001F, U+007F to U+009F		controls: they move the cursor, set colours, break lines
 *   U+2028, U+2029				they break lines for programs that split text by Unicode's rules
 *   U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069	they reorder the text around them (Bidi_Control)
 *   U+FDD0 to U+FDEF, U+xFFFE, U+xFFFF		noncharacters; XML rejects some of them
 */
#ifndef TCPTRACE_SAFE_TEXT_H
#define TCPTRACE_SAFE_TEXT_H

#include <stddef.h>

/* The maximum length of an escaped byte. */
#define SAFE_TEXT_GROWTH	4

/*
 * Appends the text at `text` to p: `size` bytes, or those before a NUL. Returns the position after it, at most
 * SAFE_TEXT_GROWTH * size bytes further.
 */
char *put_safe(char *p, const char *text, size_t size);

/* For messages: valid until the fourth call from here. */
const char *safe_string(const char *text);
/* The same, cut to `room` bytes, without splitting a character or an escape. */
const char *safe_string_cut(const char *text, size_t room);

/* How many of the first `room` bytes of a safe text of `length` bytes are complete characters and escapes. */
size_t safe_text_cut(const char *text, size_t length, size_t room);

/*
 * From now on, all non-ASCII characters are escaped: on a terminal that does not use UTF-8, parts of them may be
 * controls.
 */
void safe_text_ascii(void);

#endif
