/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's sock_diag reports of TCP sockets, for what records do not contain: timers, memory, struct tcp_info,
 * marks. Queried once for all sockets, then found by cookie.
 */
#ifndef TCPTRACE_SOCKDIAG_H
#define TCPTRACE_SOCKDIAG_H

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <stdint.h>

struct sockdiag;

struct sockdiag_request {
	uint32_t states;	/* bit 1 << enum tcptrace_state */
	uint8_t extensions;	/* bit 1 << (INET_DIAG_... - 1) */
};

/* Of the network namespace of the process. Returns 0, or -errno. */
int sockdiag_open(struct sockdiag **diag, const struct sockdiag_request *request);
void sockdiag_close(struct sockdiag *diag);

/* NULL: no such socket. */
const struct nlmsghdr *sockdiag_find(const struct sockdiag *diag, uint64_t cookie);

static inline const struct inet_diag_msg *sockdiag_head(const struct nlmsghdr *message)
{
	return mnl_nlmsg_get_payload(message);
}

/* Its attributes by number, NULL if absent. */
struct sockdiag_attributes {
	const struct nlattr *by[INET_DIAG_MAX + 1];
};

void sockdiag_parse(const struct nlmsghdr *message, struct sockdiag_attributes *attributes);
/* The same of the attributes in one that is a nest. NULL: it has none. */
void sockdiag_parse_nested(const struct nlattr *nest, struct sockdiag_attributes *attributes);

/* The attribute, if it has at least `size` bytes; else NULL. */
const void *sockdiag_payload(const struct nlattr *attribute, size_t size);

#endif
