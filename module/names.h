/* SPDX-License-Identifier: GPL-2.0-only */
/* Words for numbers, from the X-macros of the uapi. */
#ifndef TCPTRACE_NAMES_H
#define TCPTRACE_NAMES_H

#include "uapi/tcptrace.h"

#define TCPTRACE_LEVEL_CASE(name, number, word) case TCPTRACE_L_##name: return word;

static inline const char *tcptrace_level_name(enum tcptrace_level level)
{
	switch (level) {
	TCPTRACE_LEVELS(TCPTRACE_LEVEL_CASE)
	}
	return "?";
}

#endif
