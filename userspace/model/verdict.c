// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "base/out.h"
#include "model/queue_stats.h"
#include "model/verdict.h"

bool verdict_unreachable(int error)
{
	switch (error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENONET:
	case ENOPROTOOPT:	/* ICMP's "protocol unreachable" */
	case EACCES:		/* "prohibited" in IPv6 */
		return true;
	default:
		return false;
	}
}

static enum how how_of(const struct endpoint *ep)
{
	const uint32_t fins = EP_FIN_SENT | EP_FIN_RCVD;

	if (ep->error == ETIMEDOUT)
		return HOW_TIMEOUT;
	if (ep->error == ECONNREFUSED)
		return HOW_REFUSED;
	if (verdict_unreachable(ep->error) || ep->why == WHY_ICMP)
		return HOW_UNREACHABLE;
	if (ep->flags & (EP_RST_SENT | EP_RST_RCVD) || ep->error == ECONNRESET ||
	    ep->error == EPIPE)
		return HOW_RESET;
	/* Destroyed in CLOSING or LAST_ACK, where no RST is sent any more. */
	if (ep->error == ECONNABORTED || (ep->flags & fins) != fins)
		return HOW_ABORTED;
	if (ep->flags & EP_CROSSED)
		return HOW_SIMULTANEOUS;
	return ep->flags & EP_MERGED ? HOW_THREE_WAY : HOW_FOUR_WAY;
}

/* Whoever closed first by a FIN has not caused a RST that came afterwards. */
static process_ref closer_of(const struct endpoint *ep, enum how how)
{
	return how != HOW_RESET || ep->flags & EP_CULPRIT ? ep->closer : 0;
}

static enum side by_fin(const struct endpoint *ep)
{
	if (ep->flags & EP_CROSSED)
		return SIDE_BOTH;
	if (ep->flags & EP_LOCAL_FIRST)
		return SIDE_LOCAL;
	return ep->flags & EP_REMOTE_FIRST ? SIDE_REMOTE : SIDE_UNKNOWN;
}

static enum side closed_by(const struct endpoint *ep, enum how how)
{
	switch (how) {
	case HOW_RESET:
	case HOW_REFUSED:
		if (ep->flags & EP_RST_SENT)
			return SIDE_LOCAL;
		/* An ICMP error is from the network, not the peer; but "port unreachable" is from the peer. */
		return SIDE_REMOTE;
	case HOW_ABORTED:
		return ep->closer || ep->flags & EP_CLOSED ? SIDE_LOCAL : by_fin(ep);
	default:
		return by_fin(ep);
	}
}

/* An orphan that closes properly is like any closed connection, and one that the peer resets was reset. */
static bool orphaned(const struct endpoint *ep, enum how how)
{
	if (!(ep->flags & EP_ORPHAN) || !(ep->flags & EP_FIN_SENT))
		return false;
	if (how == HOW_RESET)
		return ep->flags & EP_RST_SENT;
	return how == HOW_TIMEOUT || how == HOW_ABORTED || how == HOW_UNREACHABLE;
}

/* A passive endpoint is created by the SYN, so its handshake is its time in SYN_RECV. */
static uint64_t syn_recv(const struct endpoint *ep)
{
	if (!(ep->flags & EP_PASSIVE) || ep->flags & (EP_PREEXISTING | EP_COOKIE))
		return UNKNOWN;
	if (ep->flags & EP_HANDSHAKE)
		return duration32_ns(ep->handshake);
	return ep->kind == TCPTRACE_K_REQUEST ? ep->since - ep->created : UNKNOWN;
}

static void take_queue_stats(struct verdict *verdict, const struct endpoint *ep)
{
	const struct queue_stats *stats = queue_stats_of(ep);

	verdict->read_delay = verdict->read_blocked = UNKNOWN;
	verdict->receiver_limited = verdict->sender_limited = UNKNOWN;
	verdict->requests = UNKNOWN;
	if (!stats)
		return;
	verdict->read_delay = queue_stats_longest(stats, stats->last);
	verdict->read_blocked = queue_stats_blocked(stats);
	verdict->receiver_limited = stats->receiver_limited;
	verdict->sender_limited = stats->sender_limited;
	if (!stats->asked)
		return;
	verdict->requests = stats->requests;
	verdict->asked_by = stats->asked_in ? SIDE_REMOTE : SIDE_LOCAL;
	if (stats->requests > 1)
		verdict->lasting = LASTING_LONG;
	else if (verdict->whole)
		verdict->lasting = LASTING_SHORT;
}

void verdict_of(const struct endpoint *ep, struct verdict *verdict)
{
	bool held = ep->state == TCPTRACE_S_TIME_WAIT;
	uint64_t age = ep->since - ep->created;

	memset(verdict, 0, sizeof(*verdict));
	verdict->how = how_of(ep);
	verdict->closed_by = closed_by(ep, verdict->how);
	verdict->closer = process_at(closer_of(ep, verdict->how));
	verdict->whole = !(ep->flags & EP_PREEXISTING);
	verdict->lossy = ep->flags & EP_LOSSY;
	verdict->handshake = ep->flags & EP_HANDSHAKE ? duration32_ns(ep->handshake) : UNKNOWN;
	verdict->duration = verdict->whole ? age : UNKNOWN;
	verdict->seen = age;
	verdict->half_closed = ep->flags & EP_HALF_CLOSED ? ep->fin : UNKNOWN;
	verdict->syn_recv = syn_recv(ep);
	verdict->accept_wait = endpoint_waited(ep);
	verdict->orphaned = orphaned(ep, verdict->how);
	verdict->bytes_in = ep->bytes_in;
	if (ep->flags & EP_FIN_COUNTED && ep->bytes_in)
		verdict->bytes_in--;
	verdict->bytes_out = ep->bytes_out;
	if (ep->flags & EP_FIN_ACKED && ep->bytes_out)
		verdict->bytes_out--;
	/* A timewait socket has no totals. */
	if (ep->kind == TCPTRACE_K_TIMEWAIT && !(ep->flags & EP_SYNCED))
		verdict->bytes_in = verdict->bytes_out = UNKNOWN;
	verdict->syn_unknown = !(ep->flags & EP_ISS) && verdict->bytes_out &&
			       verdict->bytes_out != UNKNOWN;
	verdict->retransmits = ep->retransmits;
	verdict->recvq_peak = ep->recvq_peak;
	verdict->sendq_peak = ep->sendq_peak;
	take_queue_stats(verdict, ep);
	if (verdict->how == HOW_RESET) {
		verdict->why = ep->why;
		verdict->unread = ep->why == WHY_UNREAD ? ep->unread : 0;
		verdict->reset_reason = ep->reset_reason;
	}
	if (verdict->how == HOW_ABORTED && ep->why == WHY_DESTROYED)
		verdict->why = ep->why;
	verdict->error = ep->error;
	verdict->held = held ? ep->timeout : 0;
}

static inline uint64_t later(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

void verdict_of_pair(const struct endpoint *ep, const struct endpoint *peer, struct pair *pair)
{
	uint64_t created = ep->created < peer->created ? ep->created : peer->created;
	bool told = peer->flags & EP_OVER || peer->state == TCPTRACE_S_TIME_WAIT;

	pair->handshake = pair->duration = UNKNOWN;
	if (ep->flags & peer->flags & EP_HANDSHAKE)
		pair->handshake = later(ep->created + duration32_ns(ep->handshake),
					peer->created + duration32_ns(peer->handshake)) - created;
	if (told && !((ep->flags | peer->flags) & EP_PREEXISTING))
		pair->duration = later(ep->since, peer->since) - created;
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

const char *verdict_lasting(enum lasting lasting)
{
	switch (lasting) {
	case LASTING_SHORT:	return "short";
	case LASTING_LONG:	return "long";
	case LASTING_UNKNOWN:	break;
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
	case WHY_SHUTDOWN:	return "shutdown";
	case WHY_ICMP:
	case WHY_UNKNOWN:	break;
	}
	return NULL;
}

const char *verdict_reset_reason(uint32_t reason)
{
	/* From 1 on, as in records; the first one, "not specified", has no meaning. */
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

char *verdict_put_why(char *p, const struct verdict *verdict)
{
	const char *reason = verdict_reset_reason(verdict->reset_reason);

	switch (verdict->why) {
	case WHY_UNREAD:
		p = put_text(p, ", closed with ");
		p = verdict->unread ? put_count(p, verdict->unread, "byte") : put_text(p, "data");
		return put_text(p, " unread");
	case WHY_LINGER:
		return put_text(p, ", closed with SO_LINGER of 0");
	case WHY_UNACCEPTED:
		return put_text(p, ", listener closed before accept()");
	case WHY_DESTROYED:
		return put_text(p, ", destroyed");
	case WHY_LATE:
		return put_text(p, ", data received after close()");
	case WHY_SHUTDOWN:
		return put_text(p, ", data received after shutdown()");
	case WHY_ICMP:
	case WHY_UNKNOWN:
		break;
	}
	if (reason) {
		p = put_text(p, ", ");
		p = put_string(p, reason);
	}
	return p;
}
