/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_UNKNOWN_H
#define TCPTRACE_UNKNOWN_H

#include <stdint.h>

/* A duration or a number of bytes that is not known. */
#define UNKNOWN	UINT64_MAX

#endif
