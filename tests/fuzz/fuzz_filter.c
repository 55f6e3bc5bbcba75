// SPDX-License-Identifier: GPL-2.0-only
/*
 * An arbitrary filter and record: parsing ends, with a filter or with one line that says why not; and if the filter
 * matches the record, its clauses do. An input is the words, separated by newlines, a NUL, and the bytes of the record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "filter/filter.h"

#define WORDS_MAX	64

struct endpoint {
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

static void check_match(const struct filter *filter, const struct endpoint *ep)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct filter_subject subject = {
		.saddr = ep->saddr, .daddr = ep->daddr, .sport = ep->sport, .dport = ep->dport,
		.family = ep->inet6 & 1 ? AF_INET6 : AF_INET, .state = ep->state,
		.kind = ep->kind, .zone.ifindex = ep->ifindex,
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
	size_t length = strnlen((const char *)data, size), rest = size - length - (length < size);
	char error[64] = "", *text = strndup((const char *)data, size), *left = text, *words[WORDS_MAX];
	struct filter *filter = NULL;
	struct endpoint ep = { 0 };
	int count = 0, status;

	memcpy(&ep, data + size - rest, rest < sizeof(ep) ? rest : sizeof(ep));
	while (count < WORDS_MAX && (words[count] = strsep(&left, "\n")))
		count++;
	status = filter_parse(count, words, 0, &filter, error, sizeof(error));
	if (!status) {
		check_match(filter, &ep);
		filter_free(filter);
	} else if ((status != FILTER_ERROR_SYNTAX && status != FILTER_ERROR_ADDRESS) || !error[0] ||
		   strnlen(error, sizeof(error)) == sizeof(error) || strpbrk(error, "\n\r\x1b")) {
		abort();
	}
	free(text);
	return 0;
}
