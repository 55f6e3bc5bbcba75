/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter language: a bare port, or the expressions of ss (iproute2's ssfilter.y) and processes, preceded by state
 * selections. The part that a source can decide is pushed down as clauses; filter_match() always decides the whole.
 */
#ifndef TCPTRACE_FILTER_H
#define TCPTRACE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/process_ref.h"
#include "record/zone.h"
#include "tcptrace.h"

/* For --help. */
#define FILTER_DOC	"FILTER is a port, or an expression as in ss: 'sport = :9090 and dst 10.0.0.0/8'."
/* In commands that follow events. */
#define FILTER_PROCESS_DOC	FILTER_DOC " 'process nginx' and 'process 1234' are conditions, too."

#define FILTER_NO_DEVICE	"no such device; expected a name or a number that \"ip link\" shows"

/* In the others: a snapshot of a socket does not contain its process. */
#define FILTER_NO_PROCESS	"\"process\" works only in commands that follow events, such as watch and life; -p shows the processes of sockets"

struct filter;

/* What a filter can test in an endpoint or a record; addresses as in struct tcptrace_record. */
struct filter_subject {
	const uint8_t *saddr;
	const uint8_t *daddr;
	uint16_t sport;
	uint16_t dport;
	uint8_t family;
	uint8_t state;		/* enum tcptrace_state */
	uint8_t kind;		/* enum tcptrace_kind */
	struct zone zone;
	const struct process *process;	/* NULL: unknown, so no condition on it can fail */
};

/* Exit statuses as in ss: 255 for a syntax error, 1 for an address or port that cannot be parsed. */
enum filter_error { FILTER_ERROR_SYNTAX = 255, FILTER_ERROR_ADDRESS = 1 };

/*
 * Parses `count` words, joined with blanks as ss does; without words, the filter matches everything. `family`: that of
 * -4 or -6 (AF_INET, AF_INET6), of which addresses have to be; 0: either. Returns 0 and *filter, to be freed with
 * filter_free(); or an enum filter_error, and one line in `error` that names the wrong word and what was expected.
 */
int filter_parse(int count, char *const words[], int family, struct filter **filter, char *error, size_t error_size);
void filter_free(struct filter *filter);

/* From now on, a word that is no address is looked up as a host name, which may take its time. */
void filter_allow_hosts(void);

bool filter_match(const struct filter *filter, const struct filter_subject *subject);

/* True if there was neither an expression nor a state. */
bool filter_is_empty(const struct filter *filter);

/* True if it has a condition on a process. */
bool filter_asks_process(const struct filter *filter);

/*
 * The first device of its conditions that is neither a number nor one for which `exists` returns true; NULL: none. For
 * listings of one namespace: elsewhere it may be in any, or come later.
 */
const char *filter_missing_device(const struct filter *filter, bool (*exists)(const char *name));

/* Bit 1 << enum tcptrace_state for each state selected by state and exclude words; all if there were none. */
uint32_t filter_states(const struct filter *filter);

/* True if there were such words: they override options such as -a and -l. */
bool filter_has_states(const struct filter *filter);

/*
 * Restricts the filter to a family (AF_INET, AF_INET6; 0: both), for -4 and -6. As in ss, families in the filter itself
 * ("src inet6:*") come after the options and replace them.
 */
void filter_set_family(struct filter *filter, int family);

/*
 * The clauses that a source can decide. Their union holds every endpoint that the expression matches, maybe more.
 * States are left out: an endpoint changes its state, and its filter must not lose it. Returns how many `clauses` were
 * filled; 0: the expression cannot be bounded, or does not fit into `max`, so everything has to be recorded.
 */
size_t filter_clauses(const struct filter *filter, struct tcptrace_clause *clauses, size_t max);

#endif
