/* SPDX-License-Identifier: GPL-2.0-only */
/* One handler for each row of the probe table, for tcptrace_probe_init(). */
#ifndef TCPTRACE_HANDLERS_H
#define TCPTRACE_HANDLERS_H

#include "probe.h"

extern const struct tcptrace_handler tcptrace_handlers[TCPTRACE_PROBE_COUNT];

#endif
