/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's own sock_diag says of TCP sockets, for what records do not carry: timers, memory,
 * struct tcp_info, marks. Asked once, for all of them; found by cookie.
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

/* Of the network namespace that the process is in. Returns 0, or -errno. */
int sockdiag_open(struct sockdiag **diag, const struct sockdiag_request *request);
void sockdiag_close(struct sockdiag *diag);

/* NULL: there was no such socket. */
const struct nlmsghdr *sockdiag_find(const struct sockdiag *diag, uint64_t cookie);

static inline const struct inet_diag_msg *sockdiag_head(const struct nlmsghdr *message)
{
	return mnl_nlmsg_get_payload(message);
}

/* Its attributes by number, NULL where there is none. */
struct sockdiag_attributes {
	const struct nlattr *by[INET_DIAG_MAX + 1];
};

void sockdiag_parse(const struct nlmsghdr *message, struct sockdiag_attributes *attributes);

/* Of at least `size` bytes, or NULL. */
const void *sockdiag_payload(const struct nlattr *attribute, size_t size);

#endif
