/* SPDX-License-Identifier: GPL-2.0-only */
/* The flags in byte 13 of the TCP header. */
#ifndef TCPTRACE_TCP_FLAGS_H
#define TCPTRACE_TCP_FLAGS_H

#include <netinet/tcp.h>

/* RFC 3168; not in all versions of glibc. */
#ifndef TH_ECE
#define TH_ECE	0x40
#endif
#ifndef TH_CWR
#define TH_CWR	0x80
#endif

#endif
