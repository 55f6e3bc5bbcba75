/* SPDX-License-Identifier: GPL-2.0-only */
/* The flight recorder: what is recorded even while nobody reads (module parameter `flight`). */
#ifndef TCPTRACE_FLIGHT_H
#define TCPTRACE_FLIGHT_H

#include "uapi/tcptrace.h"

/* The errors of tcptrace_filter_set(). May sleep. */
int tcptrace_flight_init(enum tcptrace_level level);
void tcptrace_flight_exit(void);
/* What is recorded so; OFF: nothing. */
enum tcptrace_level tcptrace_flight_level(void);

#endif
