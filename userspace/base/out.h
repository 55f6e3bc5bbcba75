/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output for hundreds of thousands of lines: a buffer, and writers that append to a line without parsing a format.
 * out_room() returns where a line starts, each put_*() returns where the next one continues, and out_done() keeps the
 * line:
 *
 *	char *p = out_room(out);
 *	p = put_text(p, "Recv-Q ");
 *	p = put_u64(p, 17);
 *	*p++ = '\n';
 *	out_done(out, p);
 */
#ifndef TCPTRACE_OUT_H
#define TCPTRACE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUT_BUFFER	65536
#define OUT_LINE	2048	/* maximum between out_room() and out_done() */

struct out {
	int fd;
	int error;		/* -errno of the first write that failed; nothing is written afterwards */
	size_t used;
	char buffer[OUT_BUFFER];
};

void out_init(struct out *out, int fd);

/* Writes the buffer. Returns 0 or the error. */
int out_flush(struct out *out);

/*
 * The same at the end of the program. False: something was not written; a message was printed unless nobody reads any
 * more.
 */
bool out_close(struct out *out);

/* Appends a text of any length. */
void out_write(struct out *out, const char *text, size_t size);

static inline char *out_room(struct out *out)
{
	if (out->used > OUT_BUFFER - OUT_LINE)
		out_flush(out);
	return out->buffer + out->used;
}

static inline void out_done(struct out *out, const char *end)
{
	out->used = end - out->buffer;
}

static inline char *put_mem(char *p, const void *text, size_t size)
{
	memcpy(p, text, size);
	return p + size;
}

/* A literal: its length is known at compile time. */
#define put_text(p, literal)	put_mem(p, "" literal, sizeof(literal) - 1)

static inline char *put_string(char *p, const char *text)
{
	return put_mem(p, text, strlen(text));
}

/*
 * Numbers below a thousand are copied from a table. Copies of a fixed size are cheaper than copies of the right size;
 * the excess is overwritten by what follows. OUT_LINE leaves room for it.
 */
extern const char put_digits[4001];	/* "000 " to "999 " */
extern const char put_numbers[4001];	/* "0", "1" to "999", with the length in the fourth byte */

static inline char *put_2(char *p, unsigned int value)
{
	return put_mem(p, put_digits + 4 * value + 1, 2);
}

static inline char *put_3(char *p, unsigned int value)
{
	memcpy(p, put_digits + 4 * value, 4);
	return p + 3;
}

/* Below a thousand, without leading zeros. */
static inline char *put_small(char *p, unsigned int value)
{
	memcpy(p, put_numbers + 4 * value, 4);
	return p + put_numbers[4 * value + 3];
}

/* Below a million, such as a port. */
static inline char *put_port(char *p, unsigned int value)
{
	if (value < 1000)
		return put_small(p, value);
	p = put_small(p, value / 1000);
	return put_3(p, value % 1000);
}

char *put_u64_long(char *p, uint64_t value);

static inline char *put_u64(char *p, uint64_t value)
{
	return value < 1000 ? put_small(p, value) : put_u64_long(p, value);
}

static inline char *put_i64(char *p, int64_t value)
{
	if (value >= 0)
		return put_u64(p, value);
	*p++ = '-';
	return put_u64(p, -(uint64_t)value);
}

/* The plural ending of a noun. */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* "1 byte", "2 bytes" */
static inline char *put_count(char *p, uint64_t count, const char *what)
{
	p = put_u64(p, count);
	*p++ = ' ';
	p = put_string(p, what);
	if (count != 1)
		*p++ = 's';
	return p;
}

/* Blanks from p up to `column`; none if p is already there. Up to 15 more bytes may be written after it. */
static inline char *put_column(char *p, char *column)
{
	if (p >= column)
		return p;
	for (; p < column; p += 16)
		memcpy(p, "                ", 16);
	return column;
}

char *put_right_long(char *p, uint64_t value, unsigned int width);

/* Right-aligned in a field of at most 8 characters. */
static inline char *put_right(char *p, uint64_t value, unsigned int width)
{
	if (value >= 1000)
		return put_right_long(p, value, width);
	memcpy(p, "        ", 8);
	memcpy(p + width - put_numbers[4 * value + 3], put_numbers + 4 * value, 4);
	return p + width;
}

/*
 * A duration with at least three digits and a unit: 850ns 12.3us 1.24ms 2.10s 312s. At most 7 characters below a day.
 */
char *put_duration(char *p, uint64_t ns);

/* CLOCK_REALTIME as HH:MM:SS.uuuuuu in the local time zone. */
#define PUT_CLOCK_WIDTH	15

struct put_clock {
	uint64_t second, start;	/* ns: where the second and the millisecond of `text` start */
	char text[16];		/* "HH:MM:SS.mmm"; all 0: none yet */
};

/* Another millisecond than last time. */
void put_clock_set(struct put_clock *clock, uint64_t ns);

static inline char *put_clock(char *p, struct put_clock *clock, uint64_t ns)
{
	if (ns - clock->start >= 1000000 || !clock->text[0])
		put_clock_set(clock, ns);
	memcpy(p, clock->text, sizeof(clock->text));
	return put_3(p + 12, (uint32_t)(ns - clock->start) / 1000);
}

#endif
