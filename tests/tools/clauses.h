/* SPDX-License-Identifier: GPL-2.0-only */
/* A reader's filter, from the words of a command line, and which records of the ring it matches. */
#ifndef TOOLS_CLAUSES_H
#define TOOLS_CLAUSES_H

#include <stdbool.h>

#include "tcptrace.h"

/* The argument of write(2), in one piece. */
struct wish {
	struct tcptrace_filter filter;
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX + 1];	/* one more than allowed, to be refused */
};

void wish_init(struct wish *wish, unsigned int level);
size_t wish_size(const struct wish *wish);

/*
 * Adds a clause: parts "key=value" with commas between them. Keys: sport, dport (a number or MIN-MAX),
 * saddr, daddr (IPv4 or IPv6, with or without /LENGTH), family (4, 6), netns. Ends the program on an error.
 */
void wish_add(struct wish *wish, char *text);

/* Does it match a clause, or are there none? */
bool wish_fits(const struct wish *wish, const struct tcptrace_record *record);

#endif
