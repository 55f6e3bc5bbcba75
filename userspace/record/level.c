// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "record/level.h"

#define WORD(name, number, word) [number] = word,
static const char *const words[] = { TCPTRACE_LEVELS(WORD) };

#define COUNT (sizeof(words) / sizeof(words[0]))

const char *level_word(uint32_t level)
{
	return level < COUNT ? words[level] : "?";
}

int level_parse(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

uint32_t level_types(uint32_t level)
{
	const uint32_t segment = 1u << TCPTRACE_T_SEGMENT;
	const uint32_t queue = 1u << TCPTRACE_T_SEND | 1u << TCPTRACE_T_RECV | 1u << TCPTRACE_T_ACK |
			       1u << TCPTRACE_T_WINDOW;
	uint32_t types = 0;

#define BIT(name, number, word) types |= 1u << (number);
	TCPTRACE_TYPES(BIT)
	switch (level) {
	case TCPTRACE_L_OFF:
		return 0;
	case TCPTRACE_L_LIFE:
		return types & ~(queue | segment);
	case TCPTRACE_L_QUEUE:
		return types & ~segment;
	default:
		return types;
	}
}
