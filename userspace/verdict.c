// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "verdict.h"

bool verdict_unreachable(int error)
{
	switch (error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENONET:
	case ENOPROTOOPT:	/* what ICMP's "protocol unreachable" becomes */
	case EACCES:		/* "prohibited", of IPv6 */
		return true;
	default:
		return false;
	}
}

static enum how how_of(const struct end *end)
{
	const uint32_t fins = END_FIN_SENT | END_FIN_RCVD;

	if (end->error == ETIMEDOUT)
		return HOW_TIMEOUT;
	if (end->error == ECONNREFUSED)
		return HOW_REFUSED;
	if (verdict_unreachable(end->error))
		return HOW_UNREACHABLE;
	if (end->flags & (END_RST_SENT | END_RST_RCVD) || end->error == ECONNRESET ||
	    end->error == EPIPE)
		return HOW_RESET;
	if ((end->flags & fins) != fins)
		return HOW_ABORTED;
	if (end->flags & END_CROSSED)
		return HOW_SIMULTANEOUS;
	return end->flags & END_MERGED ? HOW_THREE_WAY : HOW_FOUR_WAY;
}

static enum side by_fin(const struct end *end)
{
	if (end->flags & END_CROSSED)
		return SIDE_BOTH;
	if (end->flags & END_LOCAL_FIRST)
		return SIDE_LOCAL;
	return end->flags & END_REMOTE_FIRST ? SIDE_REMOTE : SIDE_UNKNOWN;
}

static enum side closed_by(const struct end *end, enum how how)
{
	switch (how) {
	case HOW_RESET:
	case HOW_REFUSED:
		if (end->flags & END_RST_SENT)
			return SIDE_LOCAL;
		/* ICMP's word is the network's, not the peer's; but of a port it is the peer's. */
		return SIDE_REMOTE;
	case HOW_ABORTED:
		return end->closer.pid || end->flags & END_CLOSED ? SIDE_LOCAL : by_fin(end);
	default:
		return by_fin(end);
	}
}

void verdict_of(const struct end *end, struct verdict *verdict)
{
	bool held = end->state == TCPTRACE_S_TIME_WAIT;
	uint64_t age = end->since - end->birth;

	memset(verdict, 0, sizeof(*verdict));
	verdict->how = how_of(end);
	verdict->closed_by = closed_by(end, verdict->how);
	verdict->closer = &end->closer;
	verdict->whole = !(end->flags & END_SEEDED);
	verdict->lossy = end->flags & END_LOSSY;
	verdict->handshake = end->flags & END_HANDSHAKE ? end->handshake : MODEL_UNKNOWN;
	verdict->duration = verdict->whole ? age : MODEL_UNKNOWN;
	verdict->seen = age;
	verdict->half_closed = end->half_closed ? end->half_closed : MODEL_UNKNOWN;
	verdict->bytes_in = end->bytes_in;
	if (end->flags & END_FIN_COUNTED && end->bytes_in)
		verdict->bytes_in--;
	verdict->bytes_out = end->bytes_out;
	if (end->flags & END_FIN_ACKED && end->bytes_out)
		verdict->bytes_out--;
	/* A timewait socket has no totals. */
	if (end->kind == TCPTRACE_K_TIMEWAIT && !(end->flags & END_SYNCED))
		verdict->bytes_in = verdict->bytes_out = MODEL_UNKNOWN;
	verdict->syn_unknown = !(end->flags & END_ISS) && verdict->bytes_out &&
			       verdict->bytes_out != MODEL_UNKNOWN;
	verdict->retransmits = end->retransmits;
	verdict->recvq_peak = end->recvq_peak;
	verdict->sendq_peak = end->sendq_peak;
	verdict->requests = end->flags & END_ASKED ? end->requests : MODEL_UNKNOWN;
	if (verdict->how == HOW_RESET) {
		verdict->why = end->why;
		verdict->unread = end->why == WHY_UNREAD ? end->unread : 0;
		verdict->reset_reason = end->reset_reason;
	}
	verdict->error = end->error;
	verdict->held = held ? end->timeout : 0;
}

const char *verdict_how(enum how how)
{
	switch (how) {
	case HOW_FOUR_WAY:	return "four-way";
	case HOW_THREE_WAY:	return "three-way";
	case HOW_SIMULTANEOUS:	return "simultaneous";
	case HOW_RESET:		return "reset";
	case HOW_REFUSED:	return "refused";
	case HOW_TIMEOUT:	return "timeout";
	case HOW_UNREACHABLE:	return "unreachable";
	case HOW_ABORTED:	return "aborted";
	}
	return "?";
}

const char *verdict_side(enum side side)
{
	switch (side) {
	case SIDE_LOCAL:	return "local";
	case SIDE_REMOTE:	return "remote";
	case SIDE_BOTH:		return "both";
	case SIDE_UNKNOWN:	break;
	}
	return NULL;
}

const char *verdict_why(enum why why)
{
	switch (why) {
	case WHY_UNREAD:	return "unread";
	case WHY_LINGER:	return "linger";
	case WHY_UNACCEPTED:	return "unaccepted";
	case WHY_DESTROYED:	return "destroyed";
	case WHY_LATE:		return "late";
	case WHY_UNKNOWN:	break;
	}
	return NULL;
}

const char *verdict_kind(const struct verdict *verdict)
{
	if (verdict->requests == MODEL_UNKNOWN)
		return NULL;
	return verdict->requests > 1 ? "long" : "short";
}

const char *verdict_reset_reason(uint32_t reason)
{
	/* From 1 on, as records have it; the first, "not specified", says nothing. */
	static const char *const names[] = {
		[2] = "NO_SOCKET",
		"TCP_INVALID_ACK_SEQUENCE",
		"TCP_RFC7323_PAWS",
		"TCP_TOO_OLD_ACK",
		"TCP_ACK_UNSENT_DATA",
		"TCP_FLAGS",
		"TCP_OLD_ACK",
		"TCP_ABORT_ON_DATA",
		"TCP_TIMEWAIT_SOCKET",
		"INVALID_SYN",
		"TCP_ABORT_ON_CLOSE",
		"TCP_ABORT_ON_LINGER",
		"TCP_ABORT_ON_MEMORY",
		"TCP_STATE",
		"TCP_KEEPALIVE_TIMEOUT",
		"TCP_DISCONNECT_WITH_DATA",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}
