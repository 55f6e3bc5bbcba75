/* SPDX-License-Identifier: GPL-2.0-only */
/* The levels: their words, and which records belong to which. */
#ifndef TCPTRACE_LEVEL_H
#define TCPTRACE_LEVEL_H

#include <stdint.h>

#include "tcptrace.h"

/* "life" and so on; "?" if it is no level. */
const char *level_word(uint32_t level);

/* The level with this name, or -1. */
int level_parse(const char *word);

/* Bit 1 << enum tcptrace_type for each type of event that a reader of `level` receives. */
uint32_t level_types(uint32_t level);

#endif
