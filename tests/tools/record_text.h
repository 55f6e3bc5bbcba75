/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as lines that grep and awk like: key=value, one blank between. */
#ifndef TOOLS_RECORD_TEXT_H
#define TOOLS_RECORD_TEXT_H

#include <stdio.h>

#include "tcptrace.h"

/* "?" for what they do not know. */
const char *text_state(unsigned int state);
const char *text_type(unsigned int type);
const char *text_op(unsigned int op);
const char *text_level(unsigned int level);
/* TCPTRACE_L_SEGMENT + 1 for a word that is no level */
unsigned int text_to_level(const char *word);

/* As `ss` prints an address, without brackets: an IPv6 socket's mapped one stays ::ffff:a.b.c.d */
void text_address(char *text, size_t size, unsigned int family, const void *address);

void text_record(FILE *to, const struct tcptrace_record *record);

#endif
