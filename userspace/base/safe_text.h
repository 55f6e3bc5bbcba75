/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that this program did not choose: names of processes, devices, hosts, files, what a recording says. Whoever chose
 * it may have chosen it to harm a terminal, or whoever parses what we print. So every such text goes through here, once,
 * on its way into text, JSON, SVG and exports alike.
 *
 * What comes out is well-formed UTF-8 (RFC 3629) of harmless characters. Each byte of all else becomes "\x1b", its value
 * in two hexadecimal digits. A backslash stays as it is, but before "x" and two such digits, where it becomes "\x5c": so
 * whoever replaces each "\xHH" by its byte has the text as it was.
 *
 * Not harmless are
 *
 *   U+0000 to U+001F, U+007F to U+009F		controls: they move the cursor, colour, break lines
 *   U+2028, U+2029				they break lines, too, for who reads JSON or splits text by Unicode's rules
 *   U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069	they reorder what stands around them (Bidi_Control)
 *   U+FDD0 to U+FDEF, U+xFFFE, U+xFFFF		no characters; XML refuses some of them
 */
#ifndef TCPTRACE_SAFE_TEXT_H
#define TCPTRACE_SAFE_TEXT_H

#include <stddef.h>

/* What a byte becomes at most, in bytes. */
#define SAFE_TEXT_GROWTH	4

/*
 * Appends at p what is at `text`: `size` bytes, or those before a NUL. Returns where the text goes on, at most
 * SAFE_TEXT_GROWTH * size bytes further.
 */
char *put_safe(char *p, const char *text, size_t size);

/* For a message: good until the fourth call from here on. */
const char *safe_string(const char *text);
/* The same, cut to `room` bytes, of which no character and no escape is a part only. */
const char *safe_string_cut(const char *text, size_t room);

/* How many of the first `room` bytes of a safe text of `length` are whole characters and whole escapes. */
size_t safe_text_cut(const char *text, size_t length, size_t room);

/*
 * From now on everything beyond ASCII is escaped: for a terminal that is not in UTF-8, to which a part of a character
 * may be a control.
 */
void safe_text_ascii(void);

#endif
