/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that obeys orders on its standard input, one line of words each, and answers each with one line: "ok" and a
 * result, or "error" and the name of the errno.
 */
#ifndef ORDERS_H
#define ORDERS_H

#include <stdbool.h>

extern int order_words;

/* The next order; false if there are no more. */
bool order_next(void);
/* Its words from 0 on, the order itself. A missing word ends the program. */
const char *order_word(int number);
long order_number(int number);
/* A word that may be missing. */
long order_number_or(int number, long otherwise);
bool order_is(const char *word);

/* "ok RESULT"; if that is negative, "error" and errno. */
void order_answer(long result);

#endif
