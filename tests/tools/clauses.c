// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clauses.h"

void wish_init(struct wish *wish, unsigned int level)
{
	memset(wish, 0, sizeof(*wish));
	wish->filter.abi = TCPTRACE_ABI;
	wish->filter.level = level;
}

size_t wish_size(const struct wish *wish)
{
	return sizeof(wish->filter) + wish->filter.clauses * sizeof(*wish->clauses);
}

static void parse_ports(const char *text, __u16 *min, __u16 *max)
{
	unsigned int first, last;
	int found = sscanf(text, "%u-%u", &first, &last);

	if (found < 1)
		errx(2, "no port: %s", text);
	*min = first;
	*max = found == 2 ? last : first;
}

static void parse_prefix(char *text, __u8 *address, __u8 *length)
{
	char *slash = strchr(text, '/');

	if (slash)
		*slash = '\0';
	memset(address, 0, TCPTRACE_ADDR_LEN);
	if (inet_pton(AF_INET6, text, address) == 1) {
		*length = slash ? atoi(slash + 1) : 128;
		return;
	}
	if (inet_pton(AF_INET, text, address + 12) != 1)
		errx(2, "no address: %s", text);
	address[10] = 0xff;
	address[11] = 0xff;
	*length = 96 + (slash ? atoi(slash + 1) : 32);
}

void wish_add(struct wish *wish, char *text)
{
	static char * const keys[] = { "sport", "dport", "saddr", "daddr", "family", "netns", NULL };
	struct tcptrace_clause *clause = &wish->clauses[wish->filter.clauses];
	char *value;

	if (wish->filter.clauses > TCPTRACE_CLAUSES_MAX)
		errx(2, "too many clauses");
	wish->filter.clauses++;
	clause->sport_max = UINT16_MAX;
	clause->dport_max = UINT16_MAX;
	while (*text) {
		char *part = text;
		int key = getsubopt(&text, keys, &value);

		if (key < 0 || !value)
			errx(2, "no part of a clause: %s", part);
		switch (key) {
		case 0: parse_ports(value, &clause->sport_min, &clause->sport_max); break;
		case 1: parse_ports(value, &clause->dport_min, &clause->dport_max); break;
		case 2: parse_prefix(value, clause->saddr, &clause->saddr_len); break;
		case 3: parse_prefix(value, clause->daddr, &clause->daddr_len); break;
		case 4: clause->family = *value == '4' ? AF_INET : AF_INET6; break;
		case 5: clause->netns = strtoul(value, NULL, 0); break;
		}
	}
}

static bool prefix_fits(const __u8 *prefix, unsigned int length, const __u8 *address)
{
	unsigned int bit;

	for (bit = 0; bit < length; bit++)
		if ((prefix[bit / 8] ^ address[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static bool clause_fits(const struct tcptrace_clause *clause, const struct tcptrace_record *record)
{
	return record->sport >= clause->sport_min && record->sport <= clause->sport_max &&
	       record->dport >= clause->dport_min && record->dport <= clause->dport_max &&
	       (!clause->family || clause->family == record->family) &&
	       (!clause->netns || clause->netns == record->netns) &&
	       prefix_fits(clause->saddr, clause->saddr_len, record->saddr) &&
	       prefix_fits(clause->daddr, clause->daddr_len, record->daddr);
}

bool wish_fits(const struct wish *wish, const struct tcptrace_record *record)
{
	unsigned int i;

	for (i = 0; i < wish->filter.clauses; i++)
		if (clause_fits(&wish->clauses[i], record))
			return true;
	return !wish->filter.clauses;
}
