/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_PRINT_SUMMARY_H
#define TCPTRACE_PRINT_SUMMARY_H

#include "session/summary.h"

summary_print print_summary;

#endif
