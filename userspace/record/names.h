/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of what records hold as numbers, both ways. A number may come from
 * anywhere: what has no name is "?". Those of the levels are in level.h.
 */
#ifndef TCPTRACE_NAMES_H
#define TCPTRACE_NAMES_H

#include "tcptrace.h"

/* The kernel's names without their prefix, which are netstat's too: "SYN_RECV", "FIN_WAIT1". */
const char *state_name(unsigned int state);

/* What ss prints: "SYN-RECV", "FIN-WAIT-1", "ESTAB", "UNCONN". */
const char *state_name_ss(unsigned int state);

/* Either name, in any case; -1: no state has it. */
int state_parse(const char *name);

/* "listen", "state" and so on, as in JSON. */
const char *type_name(unsigned int type);
int type_parse(const char *name);

/* "open", "acked" and so on; enum tcptrace_op in small letters. */
const char *op_name(unsigned int op);
int op_parse(const char *name);

#endif
