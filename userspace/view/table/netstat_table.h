/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of netstat: its heading, and a socket as one of its lines. */
#ifndef TCPTRACE_NETSTAT_TABLE_H
#define TCPTRACE_NETSTAT_TABLE_H

#include <stdbool.h>

#include "base/out.h"
#include "host/process.h"
#include "host/sockdiag.h"

struct netstat_table {
	bool all, listening;		/* which sockets; neither: those with a peer */
	bool extended, programs, timers, wide;
	bool numeric_hosts, numeric_ports, numeric_users;
	const struct processes *processes;	/* NULL: not requested */
	const struct sockdiag *diag;		/* NULL: only the record is used */
	struct out *out;
	/* IPv6, printed after all of IPv4. */
	char *later;
	size_t later_used, later_room;
};

void netstat_table_headings(struct netstat_table *table);

/* Returns 0 or -ENOMEM. */
int netstat_table_row(struct netstat_table *table, const struct tcptrace_record *record);

/* Prints the stored rows. */
void netstat_table_end(struct netstat_table *table);

#endif
