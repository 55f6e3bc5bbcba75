/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of numbers in records, in both directions. A number may be invalid: without a name it is "?". The names of
 * levels are in level.h.
 */
#ifndef TCPTRACE_NAMES_H
#define TCPTRACE_NAMES_H

#include "tcptrace.h"

/* The kernel's names without prefix, also used by netstat: "SYN_RECV", "FIN_WAIT1". */
const char *state_name(unsigned int state);

/* What ss prints: "SYN-RECV", "FIN-WAIT-1", "ESTAB", "UNCONN". */
const char *state_name_ss(unsigned int state);

/* Either name, in any case; -1: not a state. */
int state_parse(const char *name);

/* "listen", "state" and so on, as in JSON. */
const char *type_name(unsigned int type);
int type_parse(const char *name);

/* "open", "acked" and so on; enum tcptrace_op in lower case. */
const char *op_name(unsigned int op);
int op_parse(const char *name);

#endif
