// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <time.h>

#include "base/out.h"
#include "base/write_all.h"

#define ONES(t, end)	t "0" end t "1" end t "2" end t "3" end t "4" end \
			t "5" end t "6" end t "7" end t "8" end t "9" end
#define TENS(t, end)	ONES(t "0", end) ONES(t "1", end) ONES(t "2", end) ONES(t "3", end) \
			ONES(t "4", end) ONES(t "5", end) ONES(t "6", end) ONES(t "7", end) \
			ONES(t "8", end) ONES(t "9", end)
#define FROM_10(end)	ONES("1", end) ONES("2", end) ONES("3", end) ONES("4", end) ONES("5", end) \
			ONES("6", end) ONES("7", end) ONES("8", end) ONES("9", end)
#define FROM_100(end)	TENS("1", end) TENS("2", end) TENS("3", end) TENS("4", end) TENS("5", end) \
			TENS("6", end) TENS("7", end) TENS("8", end) TENS("9", end)

const char put_digits[4001] = TENS("0", " ") FROM_100(" ");
const char put_numbers[4001] = ONES("", "\0\0\1") FROM_10("\0\2") FROM_100("\3");

void out_init(struct out *out, int fd)
{
	out->fd = fd;
	out->error = 0;
	out->used = 0;
}

int out_flush(struct out *out)
{
	if (!out->error)
		out->error = write_all(out->fd, out->buffer, out->used);
	out->used = 0;
	return out->error;
}

bool out_close(struct out *out)
{
	if (!out_flush(out) || out->error == -EPIPE)
		return true;
	errno = -out->error;
	warn("standard output");
	return false;
}

void out_write(struct out *out, const char *text, size_t size)
{
	if (size > OUT_BUFFER - out->used)
		out_flush(out);
	if (size > OUT_BUFFER) {
		if (!out->error)
			out->error = write_all(out->fd, text, size);
		return;
	}
	memcpy(out->buffer + out->used, text, size);
	out->used += size;
}

char *put_u64_long(char *p, uint64_t value)
{
	char text[24], *at = text + 20;

	while (value >= 1000) {
		at -= 3;
		put_mem(at, put_digits + 4 * (value % 1000), 3);
		value /= 1000;
	}
	p = put_small(p, value);
	return put_mem(p, at, text + 20 - at);
}

char *put_right_long(char *p, uint64_t value, unsigned int width)
{
	char text[24];
	char *end = put_u64_long(text, value);
	unsigned int length = end - text;

	if (length < width)
		p = put_column(p, p + width - length);
	return put_mem(p, text, length);
}

/* `value` in hundredths, with as many decimals as it takes for three digits. */
static inline char *put_three(char *p, uint32_t hundredths)
{
	uint32_t whole = hundredths / 100, rest = hundredths % 100;

	p = put_small(p, whole);
	if (whole >= 100)
		return p;
	*p++ = '.';
	if (whole < 10)
		return put_2(p, rest);
	*p++ = '0' + rest / 10;
	return p;
}

char *put_duration(char *p, uint64_t ns)
{
	if (ns < 1000000) {
		if (ns < 1000) {
			p = put_small(p, ns);
			return put_text(p, "ns");
		}
		p = put_three(p, (uint32_t)ns / 10);
		return put_text(p, "us");
	}
	if (ns < 1000000000) {
		p = put_three(p, (uint32_t)ns / 10000);
		return put_text(p, "ms");
	}
	if (ns < 1000000000000)
		p = put_three(p, ns / 10000000);
	else
		p = put_u64(p, ns / 1000000000);
	*p++ = 's';
	return p;
}

static void set_second(struct put_clock *clock, uint64_t ns)
{
	time_t time = ns / 1000000000;
	struct tm tm;
	char *p = clock->text;

	localtime_r(&time, &tm);
	p = put_2(p, tm.tm_hour);
	*p++ = ':';
	p = put_2(p, tm.tm_min);
	*p++ = ':';
	p = put_2(p, tm.tm_sec);
	*p++ = '.';
	clock->second = ns - ns % 1000000000;
}

void put_clock_set(struct put_clock *clock, uint64_t ns)
{
	if (ns - clock->second >= 1000000000 || !clock->text[0])
		set_second(clock, ns);
	put_3(clock->text + 9, (uint32_t)(ns - clock->second) / 1000000);
	clock->start = ns - ns % 1000000;
}
