/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that does what its standard input says, one line of words after the other, and answers each with one
 * line: "ok", with what is worth telling, or "error" with the errno's name.
 */
#ifndef ORDERS_H
#define ORDERS_H

#include <stdbool.h>

extern int order_words;

/* The next order; false where there is none any more. */
bool order_next(void);
/* Its words from 0 on, the order itself. One that is missing ends the program. */
const char *order_word(int number);
long order_number(int number);
/* One that may be missing. */
long order_number_or(int number, long otherwise);
bool order_is(const char *word);

/* "ok RESULT"; where that is negative, "error" and errno. */
void order_answer(long result);

#endif
