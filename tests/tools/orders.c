// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders.h"

#define WORDS	6

int order_words;
static char *words[WORDS];

bool order_next(void)
{
	static char *line;
	static size_t size;
	char *rest;

	if (!line) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		puts("# ready");
	}
	do {
		if (getline(&line, &size, stdin) <= 0)
			return false;
		order_words = 0;
		rest = line;
		while (order_words < WORDS && (words[order_words] = strsep(&rest, " \n")))
			order_words += *words[order_words] != '\0';
	} while (!order_words);
	return true;
}

const char *order_word(int number)
{
	if (number >= order_words)
		errx(EXIT_FAILURE, "%s: something is missing", words[0]);
	return words[number];
}

long order_number(int number)
{
	return atol(order_word(number));
}

long order_number_or(int number, long otherwise)
{
	return number < order_words ? atol(words[number]) : otherwise;
}

bool order_is(const char *word)
{
	return !strcmp(words[0], word);
}

void order_answer(long result)
{
	if (result < 0)
		printf("error %s\n", strerrorname_np(errno));
	else
		printf("ok %ld\n", result);
}
