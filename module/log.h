/* SPDX-License-Identifier: GPL-2.0-only */
/* Before any other header: our lines in the kernel log begin with our name. */
#ifndef TCPTRACE_LOG_H
#define TCPTRACE_LOG_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#endif
