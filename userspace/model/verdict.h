/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is to say about an endpoint that has ended, or is only in TIME_WAIT. */
#ifndef TCPTRACE_VERDICT_H
#define TCPTRACE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

enum how {
	HOW_FOUR_WAY,		/* two FINs, one after the other */
	HOW_THREE_WAY,		/* the same, with the second FIN in the segment that acknowledged the first */
	HOW_SIMULTANEOUS,	/* the FINs crossed */
	HOW_RESET,
	HOW_REFUSED,
	HOW_TIMEOUT,
	HOW_UNREACHABLE,
	HOW_ABORTED,		/* given up by its own side, without a RST to tell the other */
};

enum side {
	SIDE_UNKNOWN,
	SIDE_LOCAL,
	SIDE_REMOTE,
	SIDE_BOTH,
};

/* Whether it was used once, or kept for more. */
enum lasting {
	LASTING_UNKNOWN,
	LASTING_SHORT,	/* at most one request and its response */
	LASTING_LONG,	/* more */
};

struct verdict {
	enum how how;
	enum side closed_by;		/* who sent the first FIN, or the RST */
	const struct process *closer;	/* the process that did; pid 0: unknown */
	bool whole;			/* seen from its creation on; otherwise the duration is unknown */
	bool lossy;			/* records were lost in the meantime */
	/* UNKNOWN if not seen */
	uint64_t handshake, duration, seen, half_closed;
	uint64_t syn_recv;		/* from the received SYN until the handshake was completed or given up */
	uint64_t accept_wait;		/* from then until accept() */
	/* Below level queue these are UNKNOWN, see queue_stats.h. */
	uint64_t read_delay;		/* the longest that a byte waited to be read, or was still waiting at the end */
	uint64_t read_blocked;		/* the application was blocked in read() */
	uint64_t receiver_limited, sender_limited;
	uint64_t bytes_in, bytes_out;	/* without SYN and FIN */
	/*
	 * bytes_out may be one too many: the kernel counts the SYN of an endpoint that connected. If neither its
	 * creation was seen nor its peer is on this host, it is not known whether this one did.
	 */
	bool syn_unknown;
	uint32_t retransmits, recvq_peak, sendq_peak;
	uint64_t requests;		/* UNKNOWN below level queue */
	enum lasting lasting;
	enum side asked_by;		/* whose data was first */
	bool orphaned;			/* given up after no process held it any more */
	enum why why;
	uint32_t unread;		/* WHY_UNREAD: bytes */
	uint16_t reset_reason;		/* as in struct endpoint */
	uint16_t error;			/* errno, 0: none */
	uint32_t held;			/* how long TIME_WAIT is held here, ms; 0: it is not */
};

void verdict_of(const struct endpoint *ep, struct verdict *verdict);

/* What follows from both endpoints of a connection, if both are on this host; else UNKNOWN. */
struct pair {
	uint64_t handshake;	/* from the first SYN until both have received the other's ACK */
	uint64_t duration;	/* from the first SYN until the last segment of either */
};

/* The verdict of an endpoint for which it is due; `peer` is the other endpoint. */
void verdict_of_pair(const struct endpoint *ep, const struct endpoint *peer, struct pair *pair);

/* "four-way" and so on. */
const char *verdict_how(enum how how);
/* "local", "remote", "both"; NULL: unknown. */
const char *verdict_side(enum side side);
/* "unread" and so on, for enum why; NULL: unknown. */
const char *verdict_why(enum why why);
/* "short", "long"; NULL: unknown. */
const char *verdict_lasting(enum lasting lasting);
/* The kernel's name for `reset_reason`, from enum sk_rst_reason, since 6.12; NULL: none. */
const char *verdict_reset_reason(uint32_t reason);
/* ", closed with 14 bytes unread": why an endpoint was reset; nothing if unknown. */
char *verdict_put_why(char *p, const struct verdict *verdict);
/* For an errno that ends a connection. */
bool verdict_unreachable(int error);

#endif
