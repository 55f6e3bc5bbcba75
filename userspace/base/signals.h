/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ctrl-C as an end that one waits for: a command that follows records sees
 * signals_stop(), takes what is there until now, prints its tally and returns 0.
 */
#ifndef TCPTRACE_SIGNALS_H
#define TCPTRACE_SIGNALS_H

#include <poll.h>
#include <stdbool.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP set a flag; a second one of the same kind ends the program
 * as ever. A SIGHUP that was ignored (nohup) stays ignored.
 */
void signals_catch(void);

/*
 * What has to be done, in a signal's handler, before a signal ends the program: a second one of those above, or
 * another one that would. NULL: nothing any more.
 */
void signals_last_words(void (*say)(void));

/* True once one of them has come. */
bool signals_stop(void);

/* The signal that came, 0: none. */
int signals_which(void);

/*
 * poll(2) that cannot miss a signal which comes right before it: -EINTR once signals_stop() is true,
 * also where it was true already; else as poll(2), with -errno.
 */
int signals_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
