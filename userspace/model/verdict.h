/* SPDX-License-Identifier: GPL-2.0-only */
/* What is to be said of an endpoint that is over, or holds no more than TIME_WAIT. */
#ifndef TCPTRACE_VERDICT_H
#define TCPTRACE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

enum how {
	HOW_FOUR_WAY,		/* two FINs, one after the other */
	HOW_THREE_WAY,		/* the same, and the second FIN was seen to come with the ACK of the first */
	HOW_SIMULTANEOUS,	/* the FINs crossed */
	HOW_RESET,
	HOW_REFUSED,
	HOW_TIMEOUT,
	HOW_UNREACHABLE,
	HOW_ABORTED,		/* given up by its own side, and no RST says so to the other */
};

enum side {
	SIDE_UNKNOWN,
	SIDE_LOCAL,
	SIDE_REMOTE,
	SIDE_BOTH,
};

/* How it was used: once, or kept for more. */
enum lasting {
	LASTING_UNKNOWN,
	LASTING_SHORT,	/* at most one request and its answer */
	LASTING_LONG,	/* more */
};

struct verdict {
	enum how how;
	enum side closed_by;		/* who sent the first FIN, or the RST */
	const struct process *closer;	/* which process did, pid 0: unknown */
	bool whole;			/* seen from its creation on; else duration is unknown */
	bool lossy;			/* records were lost meanwhile */
	/* UNKNOWN where not seen */
	uint64_t handshake, duration, seen, half_closed;
	uint64_t syn_recv;		/* from the SYN that came until its handshake was acknowledged, or given up */
	uint64_t accept_wait;		/* from then until accept() */
	/* Below level queue these are UNKNOWN, see queue_stats.h. */
	uint64_t read_delay;		/* the longest that a byte waited to be read, or still did at the end */
	uint64_t read_blocked;		/* the application slept in read() */
	uint64_t receiver_limited, sender_limited;
	uint64_t bytes_in, bytes_out;	/* without SYN and FIN */
	/*
	 * bytes_out may be one too many: the kernel counts the SYN of an endpoint that connected, and where neither
	 * its creation was seen nor its other endpoint is here, nothing tells whether this one did.
	 */
	bool syn_unknown;
	uint32_t retransmits, recvq_peak, sendq_peak;
	uint64_t requests;		/* UNKNOWN below level queue */
	enum lasting lasting;
	enum side asked_by;		/* whose data came first */
	bool orphaned;			/* given up while no process held it any more */
	enum why why;
	uint32_t unread;		/* WHY_UNREAD: bytes */
	uint16_t reset_reason;		/* as in struct endpoint */
	uint16_t error;			/* errno, 0: none */
	uint32_t held;			/* TIME_WAIT is held here so long, ms; 0: it is not */
};

void verdict_of(const struct endpoint *ep, struct verdict *verdict);

/* What only both endpoints of a connection tell together, where both are on this host; UNKNOWN: they do not. */
struct pair {
	uint64_t handshake;	/* from the first SYN until both had the other's ACK */
	uint64_t duration;	/* from the first SYN until neither had anything to say any more */
};

/* Of an endpoint whose verdict is due; `peer` is the other one. */
void verdict_of_pair(const struct endpoint *ep, const struct endpoint *peer, struct pair *pair);

/* "four-way" and so on. */
const char *verdict_how(enum how how);
/* "local", "remote", "both"; NULL: unknown. */
const char *verdict_side(enum side side);
/* "unread" and so on, for enum why; NULL: unknown. */
const char *verdict_why(enum why why);
/* "short", "long"; NULL: unknown. */
const char *verdict_lasting(enum lasting lasting);
/* The kernel's own name for `reset_reason`, as its enum sk_rst_reason has it since 6.12; NULL: none. */
const char *verdict_reset_reason(uint32_t reason);
/* ", closed with 14 bytes unread": why an end was reset; nothing where that is not known. */
char *verdict_put_why(char *p, const struct verdict *verdict);
/* Of an errno that ends a connection. */
bool verdict_unreachable(int error);

#endif
