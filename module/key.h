/* SPDX-License-Identifier: GPL-2.0-only */
/* The tuple that filters are compared with. Ports in host order; addresses in network order, IPv4 ones mapped. */
#ifndef TCPTRACE_KEY_H
#define TCPTRACE_KEY_H

#include <linux/in6.h>
#include <linux/types.h>

struct tcptrace_key {
	struct in6_addr saddr;
	struct in6_addr daddr;
	u32 netns;	/* inode; 0: not known */
	u16 sport;
	u16 dport;
	u8 family;
};

#endif
