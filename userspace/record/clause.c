// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "record/clause.h"

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static const char *joint(bool *first)
{
	const char *text = *first ? "" : " and ";

	*first = false;
	return text;
}

static bool is_mapped(const __u8 *prefix, __u8 length)
{
	return length >= 96 && !memcmp(prefix, mapped, sizeof(mapped));
}

/* An address implies its family; otherwise the family has to be printed. */
static bool family_is_plain(const struct tcptrace_clause *clause)
{
	bool inet = clause->family == AF_INET;

	return (clause->saddr_len && is_mapped(clause->saddr, clause->saddr_len) == inet) ||
	       (clause->daddr_len && is_mapped(clause->daddr, clause->daddr_len) == inet);
}

static void print_prefix(FILE *file, bool *first, const char *word, const __u8 *prefix, __u8 length)
{
	char text[INET6_ADDRSTRLEN];

	if (!length)
		return;
	fprintf(file, "%s%s ", joint(first), word);
	if (is_mapped(prefix, length)) {
		inet_ntop(AF_INET, prefix + 12, text, sizeof(text));
		fputs(text, file);
		if (length < 128)
			fprintf(file, "/%d", length - 96);
	} else {
		inet_ntop(AF_INET6, prefix, text, sizeof(text));
		fprintf(file, "[%s", text);
		if (length < 128)
			fprintf(file, "/%d", length);
		fputc(']', file);
	}
}

static void print_ports(FILE *file, bool *first, const char *word, __u16 min, __u16 max)
{
	if (min == max) {
		fprintf(file, "%s%s = :%u", joint(first), word, min);
		return;
	}
	if (min > 0)
		fprintf(file, "%s%s >= :%u", joint(first), word, min);
	if (max < 65535)
		fprintf(file, "%s%s <= :%u", joint(first), word, max);
}

static void print_clause(FILE *file, const struct tcptrace_clause *clause)
{
	bool first = true;

	if (clause->family && !family_is_plain(clause))
		fprintf(file, "%ssrc %s:*", joint(&first),
			clause->family == AF_INET ? "inet" : "inet6");
	print_prefix(file, &first, "src", clause->saddr, clause->saddr_len);
	print_prefix(file, &first, "dst", clause->daddr, clause->daddr_len);
	print_ports(file, &first, "sport", clause->sport_min, clause->sport_max);
	print_ports(file, &first, "dport", clause->dport_min, clause->dport_max);
	/* No expression of the language can say this. */
	if (clause->netns)
		fprintf(file, "%snetns %u", joint(&first), clause->netns);
	if (clause->cgroup)
		fprintf(file, "%scgroup %llu", joint(&first), (unsigned long long)clause->cgroup);
	if (first)
		fputs("everything", file);
}

void clauses_print(FILE *file, const struct tcptrace_clause *clauses, size_t count)
{
	size_t i;

	if (!count)
		fputs("everything", file);
	for (i = 0; i < count; i++) {
		fputs(i ? " or " : "", file);
		if (count > 1)
			fputs("( ", file);
		print_clause(file, &clauses[i]);
		if (count > 1)
			fputs(" )", file);
	}
}
