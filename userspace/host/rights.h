/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether this process may see what TCP does on this host: the rule of module/rights.h, and what BPF wants besides. */
#ifndef TCPTRACE_RIGHTS_H
#define TCPTRACE_RIGHTS_H

#include <stddef.h>

#define RIGHTS_RULE	"CAP_NET_ADMIN and CAP_PERFMON (or CAP_SYS_ADMIN)"

/* A clause that names what is missing, such as "CAP_NET_ADMIN is missing in ..."; NULL: nothing is. */
const char *rights_missing(void);
/* The same for loading programs of BPF, for which the kernel asks for CAP_BPF too. */
const char *rights_missing_for_bpf(void);

/* One line for who was refused (EPERM, EACCES) by the module's files or its netlink family. */
void rights_explain(char *text, size_t size);

#endif
