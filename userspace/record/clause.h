/* SPDX-License-Identifier: GPL-2.0-only */
/* Clauses as text: what a reader requested from the module, in the filter language. */
#ifndef TCPTRACE_CLAUSE_H
#define TCPTRACE_CLAUSE_H

#include <stddef.h>
#include <stdio.h>

#include "tcptrace.h"

/* "src 10.0.0.0/8 and dport = :9090", several joined with "or"; "everything" if there are none. */
void clauses_print(FILE *file, const struct tcptrace_clause *clauses, size_t count);

#endif
