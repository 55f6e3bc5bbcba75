// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words of a filter, and a record, from anywhere: it must end, with a filter or with one line that
 * says why not; and where the filter fits the record, its clauses must.
 *
 *	clang -DLIBFUZZER -fsanitize=fuzzer,address,undefined ...	libFuzzer brings its main()
 *	fuzz_filter FILE...						runs these inputs
 *	fuzz_filter							makes up its own
 *
 * An input is the filter's text, a NUL, and the bytes of the record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "filter.h"

struct end {
	uint8_t saddr[TCPTRACE_ADDR_LEN], daddr[TCPTRACE_ADDR_LEN];
	uint16_t sport, dport;
	uint8_t inet6, state, kind, ifindex;
};

static bool same_bits(const uint8_t *a, const uint8_t *b, int length)
{
	int i;

	for (i = 0; i < length; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static bool fits(const struct tcptrace_clause *clause, const struct filter_subject *subject)
{
	return same_bits(clause->saddr, subject->saddr, clause->saddr_len) &&
	       same_bits(clause->daddr, subject->daddr, clause->daddr_len) &&
	       (!clause->family || clause->family == subject->family) &&
	       subject->sport >= clause->sport_min && subject->sport <= clause->sport_max &&
	       subject->dport >= clause->dport_min && subject->dport <= clause->dport_max;
}

static void check_match(const struct filter *filter, const struct end *end)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct filter_subject subject = {
		.saddr = end->saddr, .daddr = end->daddr, .sport = end->sport, .dport = end->dport,
		.family = end->inet6 & 1 ? AF_INET6 : AF_INET, .state = end->state,
		.kind = end->kind, .ifindex = end->ifindex,
	};
	size_t count, i;

	count = filter_clauses(filter, clauses, TCPTRACE_CLAUSES_MAX);
	if (!filter_match(filter, &subject) || !count)
		return;
	for (i = 0; i < count; i++)
		if (fits(&clauses[i], &subject))
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size), rest;
	struct filter *filter = NULL;
	struct end end = { 0 };
	char error[64], *text = malloc(length + 1);
	int status;

	memcpy(text, data, length);
	text[length] = '\0';
	rest = size - length - (length < size);
	memcpy(&end, data + size - rest, rest < sizeof(end) ? rest : sizeof(end));

	error[0] = '\0';
	status = filter_parse(1, &text, &filter, error, sizeof(error));
	if (!status) {
		check_match(filter, &end);
		filter_free(filter);
	} else if ((status != FILTER_ERROR_SYNTAX && status != FILTER_ERROR_ADDRESS) || !error[0] ||
		   strnlen(error, sizeof(error)) == sizeof(error) || strpbrk(error, "\n\r")) {
		abort();
	}
	free(text);
	return 0;
}

#ifndef LIBFUZZER

static const char *const words[] = {
	"9090", ":80", "src", "dst", "sport", "dport", "dev", "=", "!=", ">", "<=", "(", ")", "not",
	"and", "or", "state", "exclude", "connected", "time-wait", "10.0.0.0/8", "10/255.0.0.0:1",
	"[::1]:443", "[2001:db8::/32]", "inet6:*", "inet:0", "*:", "any", "lo", "fwmark", "\\(",
};

#define RUNS	100000

static uint64_t random_state = 1;

static unsigned int random_below(unsigned int limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % limit;
}

/* Words in any order, some damaged, a record behind them. */
static size_t make_input(uint8_t *data, size_t size)
{
	size_t length = 0, count = random_below(24), i;

	for (i = 0; i < count; i++)
		length += sprintf((char *)data + length, "%s ",
				  words[random_below(sizeof(words) / sizeof(words[0]))]);
	for (i = random_below(4); i > 0 && length; i--)
		data[random_below(length)] = random_below(2) ? ' ' : random_below(256);
	data[length++] = '\0';
	for (i = 0; i < sizeof(struct end) && length < size; i++)
		data[length++] = random_below(2) ? 0 : random_below(256);
	return length;
}

static int run_file(const char *name)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t data[1024];
	int i, failed = 0;

	for (i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	for (i = 0; argc == 1 && i < RUNS; i++)
		LLVMFuzzerTestOneInput(data, make_input(data, sizeof(data)));
	return failed;
}

#endif
