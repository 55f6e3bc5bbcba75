/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as lines for grep and awk: key=value, separated by one blank. */
#ifndef TOOLS_RECORD_TEXT_H
#define TOOLS_RECORD_TEXT_H

#include <stdio.h>

#include "tcptrace.h"

/* "?" for unknown values. */
const char *text_state(unsigned int state);
const char *text_type(unsigned int type);
const char *text_op(unsigned int op);
const char *text_level(unsigned int level);
/* TCPTRACE_L_SEGMENT + 1 for a word that is no level */
unsigned int text_to_level(const char *word);

/* As `ss` prints an address, without brackets: a mapped one of an IPv6 socket is ::ffff:a.b.c.d */
void text_address(char *text, size_t size, unsigned int family, const void *address);

void text_record(FILE *to, const struct tcptrace_record *record);

#endif
