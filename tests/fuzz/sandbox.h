/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs commands of tcptrace-ctl one after the other in this process, each as if in a process of its own: static
 * variables are reset, allocated memory is freed, exit() ends the command and not us, and nothing reaches the machine:
 * its output is kept, it opens no file for writing and asks no name server.
 *
 * The Makefile makes this so: it puts the objects of the program together, gives their variables sections of their own,
 * and lets them call the functions here instead of those that sandbox.syms lists.
 */
#ifndef TCPTRACE_SANDBOX_H
#define TCPTRACE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox_text {
	char *data;	/* NUL at the end */
	size_t size;
	size_t room;
};

struct sandbox {
	int status;			/* its exit status */
	struct sandbox_text out, err;	/* what it wrote to standard output and standard error */
	size_t heap;			/* the most bytes that it had allocated at once */
};

/* Once, before the first run. */
void sandbox_begin(void);

/* `input` is its standard input. The result is valid until the next run. */
const struct sandbox *sandbox_run(int (*run)(int argc, char *argv[]), int argc, char *argv[], const void *input, size_t size);

/* Fails, with a message about `what`, unless it is lines of UTF-8 without control characters other than `controls`. */
void sandbox_demand_text(const struct sandbox_text *text, const char *controls, const char *what);

/* Ends this process with a message, as a crash does. */
void sandbox_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
