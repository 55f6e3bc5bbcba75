/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether this process may see what TCP does on this host: the rule of module/rights.h, and what BPF needs in addition.
 */
#ifndef TCPTRACE_RIGHTS_H
#define TCPTRACE_RIGHTS_H

#include <stddef.h>

#define RIGHTS_RULE	"CAP_NET_ADMIN and CAP_PERFMON (or CAP_SYS_ADMIN)"

/* A clause that names what is missing, such as "CAP_NET_ADMIN is missing in ..."; NULL: nothing. */
const char *rights_missing(void);
/* The same for loading BPF programs, for which the kernel also requires CAP_BPF. */
const char *rights_missing_for_bpf(void);

/* One line for an access to the module's files or netlink family that was refused (EPERM, EACCES). */
void rights_explain(char *text, size_t size);

#endif
