/* SPDX-License-Identifier: GPL-2.0-only */
/* Included before any other header: the prefix of our lines in the kernel log. */
#ifndef TCPTRACE_LOG_H
#define TCPTRACE_LOG_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#endif
