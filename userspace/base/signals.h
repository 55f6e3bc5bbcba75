/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ctrl-C as a regular end: a command that follows records checks signals_stop(), processes what has arrived so far,
 * prints its summary and returns 0.
 */
#ifndef TCPTRACE_SIGNALS_H
#define TCPTRACE_SIGNALS_H

#include <poll.h>
#include <stdbool.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP set a flag. A second one of the same kind ends the program as usual. A SIGHUP
 * that was ignored (nohup) stays ignored.
 */
void signals_catch(void);

/*
 * Called in a signal handler before a signal ends the program: a second one of those above, or another one. NULL:
 * nothing.
 */
void signals_last_words(void (*say)(void));

/* True once one of them was received. */
bool signals_stop(void);

/* The signal received; 0: none. */
int signals_which(void);

/*
 * poll(2) that cannot miss a signal which arrives right before it. Returns -EINTR once signals_stop() is true, even if
 * it was true before; otherwise as poll(2), with -errno.
 */
int signals_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
