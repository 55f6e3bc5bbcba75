/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit tests that report in TAP: each check prints "ok N - text" or "not ok N - text" with the actual and the expected
 * value; done_testing() prints the plan and returns the exit status of main(). A test without any check has failed.
 *
 *	int main(void)
 *	{
 *		ok(isatty(0) >= 0, "isatty");
 *		is_int(1 + 1, 2, "sum of %d and %d", 1, 1);
 *		is_str(name, "ESTAB", "name");
 *		return done_testing();
 *	}
 */
#ifndef TCPTRACE_TEST_H
#define TCPTRACE_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned int test_count;
static unsigned int test_failed;

#define TEST_PRINTF(text, first)	__attribute__((unused, format(printf, text, first)))

static inline void test_line(bool passed, const char *text, va_list arguments)
{
	printf("%s %u - ", passed ? "ok" : "not ok", ++test_count);
	vprintf(text, arguments);
	putchar('\n');
	if (!passed)
		test_failed++;
	/* Flushed, so that earlier checks are visible if the next line crashes. */
	fflush(stdout);
}

/* A line that is not a check. */
TEST_PRINTF(1, 2) static inline void diag(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	printf("# ");
	vprintf(text, arguments);
	putchar('\n');
	va_end(arguments);
}

TEST_PRINTF(4, 5)
static inline bool test_ok(bool passed, const char *condition, int line, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	test_line(passed, text, arguments);
	va_end(arguments);
	if (!passed)
		diag("line %d: %s", line, condition);
	return passed;
}

TEST_PRINTF(4, 5)
static inline bool test_is_int(long long got, long long wanted, int line, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	test_line(got == wanted, text, arguments);
	va_end(arguments);
	if (got != wanted)
		diag("line %d: got %lld, wanted %lld", line, got, wanted);
	return got == wanted;
}

TEST_PRINTF(4, 5)
static inline bool test_is_str(const char *got, const char *wanted, int line, const char *text, ...)
{
	bool same = got && wanted ? !strcmp(got, wanted) : got == wanted;
	va_list arguments;

	va_start(arguments, text);
	test_line(same, text, arguments);
	va_end(arguments);
	if (!same)
		diag("line %d: got \"%s\", wanted \"%s\"", line, got ? got : "(null)",
		     wanted ? wanted : "(null)");
	return same;
}

/* Each takes a text as printf() does, and returns whether the check passed. */
#define ok(condition, ...)		test_ok(!!(condition), #condition, __LINE__, __VA_ARGS__)
#define is_int(got, wanted, ...)	test_is_int(got, wanted, __LINE__, __VA_ARGS__)
#define is_str(got, wanted, ...)	test_is_str(got, wanted, __LINE__, __VA_ARGS__)

/* Replaces a check that is impossible here; the text says why. */
TEST_PRINTF(1, 2) static inline void skip(const char *why, ...)
{
	va_list arguments;

	va_start(arguments, why);
	printf("ok %u # SKIP ", ++test_count);
	vprintf(why, arguments);
	putchar('\n');
	va_end(arguments);
}

static inline int done_testing(void)
{
	printf("1..%u\n", test_count);
	if (test_failed)
		diag("%u of %u failed", test_failed, test_count);
	return test_failed || !test_count;
}

#endif
