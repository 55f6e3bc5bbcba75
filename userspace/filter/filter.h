/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter language: a bare port, or the expressions of ss (iproute2's
 * ssfilter.y) and processes, with state selections before them. The part that a source can
 * decide is pushed down as clauses; filter_match() always decides the whole.
 */
#ifndef TCPTRACE_FILTER_H
#define TCPTRACE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/process_ref.h"
#include "tcptrace.h"

/* For --help. */
#define FILTER_DOC	"FILTER is a port, or an expression as in ss: 'sport = :9090 and dst 10.0.0.0/8'."
/* Where it is followed what happens. */
#define FILTER_PROCESS_DOC	FILTER_DOC " 'process nginx' and 'process 1234' are conditions, too."

/* Where it is not: a socket that is only looked at does not say whose it is. */
#define FILTER_NO_PROCESS	"\"process\" works only in commands that follow events, such as watch and life; -p shows the processes of sockets"

struct filter;

/* What a filter can ask of an endpoint or a record; addresses as in struct tcptrace_record. */
struct filter_subject {
	const uint8_t *saddr;
	const uint8_t *daddr;
	uint16_t sport;
	uint16_t dport;
	uint8_t family;
	uint8_t state;		/* enum tcptrace_state */
	uint8_t kind;		/* enum tcptrace_kind */
	uint32_t ifindex;
	const struct process *process;	/* NULL: may be any, so that no condition on it is against it */
};

/* Exit statuses as ss has them: 255 for bad syntax, 1 for an address or port that cannot be parsed. */
enum filter_error { FILTER_ERROR_SYNTAX = 255, FILTER_ERROR_ADDRESS = 1 };

/*
 * Parses `words` (count of them, joined with blanks as ss does). No word: a filter that fits all.
 * Returns 0 and *filter, to be freed with filter_free(); or an enum filter_error, and one line
 * in `error` that names the word that was wrong and what would be right.
 */
int filter_parse(int count, char *const words[], struct filter **filter, char *error, size_t error_size);
void filter_free(struct filter *filter);

bool filter_match(const struct filter *filter, const struct filter_subject *subject);

/* True where no expression and no state was given. */
bool filter_is_empty(const struct filter *filter);

/* True where a condition is on a process. */
bool filter_asks_process(const struct filter *filter);

/* Bit 1 << enum tcptrace_state for each state selected by state/exclude words; all where there were none. */
uint32_t filter_states(const struct filter *filter);

/* True where there were such words: they override options like -a and -l. */
bool filter_has_states(const struct filter *filter);

/*
 * Restricts to a family (AF_INET, AF_INET6; 0: both), for -4 and -6. As in ss, families that
 * the filter names itself ("src inet6:*") come after the options and replace theirs.
 */
void filter_set_family(struct filter *filter, int family);

/*
 * The clauses that a source can decide: their union holds every endpoint that the expression fits, maybe more.
 * States are left out: an endpoint changes its state, its filter must not lose it. Returns how many of
 * `clauses` were filled; 0: cannot be bounded (or does not fit in `max`), everything must come.
 */
size_t filter_clauses(const struct filter *filter, struct tcptrace_clause *clauses, size_t max);

#endif
