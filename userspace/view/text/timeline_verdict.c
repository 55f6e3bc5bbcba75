// SPDX-License-Identifier: GPL-2.0-only
/* What there is to say when an endpoint has ended, in two lines. */
#include "model/verdict.h"
#include "view/text/timeline_impl.h"

static char *put_closer(char *p, const struct verdict *verdict)
{
	const char *side = verdict_side(verdict->closed_by);

	if (side) {
		p = put_text(p, " by ");
		p = put_string(p, side);
	}
	if (verdict->closer->pid && verdict->closed_by != SIDE_BOTH &&
	    verdict->closed_by != SIDE_UNKNOWN) {
		p = put_text(p, " (");
		p = put_process(p, verdict->closer->pid, verdict->closer->comm);
		p = put_text(p, ")");
	}
	return p;
}

static char *put_how(char *p, const struct verdict *verdict)
{
	switch (verdict->how) {
	case HOW_FOUR_WAY:
		return put_closer(put_text(p, "four-way close, initiated"), verdict);
	case HOW_THREE_WAY:
		p = put_closer(put_text(p, "three-way close, initiated"), verdict);
		return put_text(p, ", FIN and ACK merged");
	case HOW_SIMULTANEOUS:
		return put_text(p, "simultaneous close, the FINs crossed");
	case HOW_RESET:
		return verdict_put_why(put_closer(put_text(p, "reset"), verdict), verdict);
	case HOW_REFUSED:
		return put_closer(put_text(p, "refused"), verdict);
	case HOW_TIMEOUT:
		return put_text(p, "timeout");
	case HOW_UNREACHABLE:
		p = put_text(p, "unreachable, ");
		return verdict->error ? record_put_error(p, verdict->error) : put_text(p, "by ICMP");
	case HOW_ABORTED:
		return verdict_put_why(put_closer(put_text(p, "aborted"), verdict), verdict);
	}
	return p;
}

static char *put_named_duration(char *p, const char *name, uint64_t ns)
{
	if (ns == UNKNOWN)
		return p;
	p = put_string(p, name);
	*p++ = ' ';
	p = put_duration(p, ns);
	return put_text(p, ", ");
}

static char *put_bytes(char *p, uint64_t bytes)
{
	if (bytes != UNKNOWN)
		return put_u64(p, bytes);
	*p++ = '?';
	return p;
}

static char *put_counters(char *p, struct timeline *timeline, const struct endpoint *ep,
			  const struct verdict *verdict)
{
	p = put_named_duration(p, "handshake", verdict->handshake);
	if (verdict->handshake == UNKNOWN)
		p = put_named_duration(p, "SYN_RECV", verdict->syn_recv);
	p = put_named_duration(p, "accepted after", verdict->accept_wait);
	p = put_named_duration(p, "duration", verdict->duration);
	if (!verdict->whole) {
		p = put_text(p, "seen since ");
		p = put_clock(p, &timeline->clock, ep->created + timeline->realtime);
		p = put_text(p, ", ");
	}
	p = put_named_duration(p, "half-closed", verdict->half_closed);
	p = put_bytes(p, verdict->bytes_in);
	p = verdict->bytes_in == 1 ? put_text(p, " byte in, ") : put_text(p, " bytes in, ");
	if (verdict->syn_unknown) {
		p = put_u64(p, verdict->bytes_out - 1);
		p = put_text(p, " or ");
	}
	p = put_bytes(p, verdict->bytes_out);
	p = put_text(p, " out, ");
	if (verdict->requests != UNKNOWN) {
		p = put_count(p, verdict->requests, "request");
		p = put_text(p, ", ");
	}
	p = put_count(p, verdict->retransmits, "retransmission");
	p = put_text(p, ", peak Recv-Q ");
	p = put_u64(p, verdict->recvq_peak);
	p = put_text(p, " Send-Q ");
	p = put_u64(p, verdict->sendq_peak);
	if (verdict->lossy)
		p = put_text(p, "; some records were lost");
	return p;
}

static char *put_pair(char *p, const struct endpoint *ep, const struct endpoint *peer)
{
	struct pair pair;

	verdict_of_pair(ep, peer, &pair);
	if (pair.duration == UNKNOWN)
		return p;
	p = put_text(p, "both endpoints: ");
	p = put_named_duration(p, "handshake", pair.handshake);
	return put_named_duration(p, "duration", pair.duration);
}

/* What held it up and how it was used, from records of level queue; and what follows from both endpoints. */
static char *put_waits(char *p, const struct verdict *verdict, const struct endpoint *ep, const struct endpoint *peer)
{
	const char *lasting = verdict_lasting(verdict->lasting), *start = p;

	p = put_named_duration(p, "oldest byte waited", verdict->read_delay);
	if (verdict->read_blocked)
		p = put_named_duration(p, "blocked in read", verdict->read_blocked);
	if (verdict->receiver_limited)
		p = put_named_duration(p, "receiver-limited", verdict->receiver_limited);
	if (verdict->sender_limited)
		p = put_named_duration(p, "sender-limited", verdict->sender_limited);
	if (lasting) {
		p = put_string(p, lasting);
		p = put_text(p, " connection, ");
	}
	if (peer)
		p = put_pair(p, ep, peer);
	return p == start ? p : p - 2;
}

static char *begin_line(char *p)
{
	return put_column(p, p + PUT_CLOCK_WIDTH + 1 + TIMELINE_SINCE);
}

void timeline_verdict(struct timeline *timeline, const struct endpoint *ep, const struct endpoint *peer)
{
	struct verdict verdict;
	char *p, *start, *more;

	verdict_of(ep, &verdict);
	p = start = out_room(timeline->out);
	p = timeline_put_time(p, timeline, ep->last);
	p = put_column(p, start + PUT_CLOCK_WIDTH + 1 + TIMELINE_SINCE - 3);
	p = put_text(p, "== ");
	p = timeline_put_endpoints(p, timeline, ep);
	p = put_how(p, &verdict);
	if (verdict.orphaned)
		p = put_text(p, ", orphaned");
	if (verdict.held) {
		p = put_text(p, "; TIME_WAIT is held here for ");
		p = put_u64(p, (verdict.held + 500) / 1000);
		p = put_text(p, " s");
	}
	p = timeline_fit(timeline, start, NULL, p);
	*p++ = '\n';
	start = p;
	p = begin_line(p);
	p = put_counters(p, timeline, ep, &verdict);
	p = timeline_fit(timeline, start, NULL, p);
	*p++ = '\n';
	start = p;
	p = begin_line(p);
	more = put_waits(p, &verdict, ep, peer);
	if (more == p)
		return out_done(timeline->out, start);
	p = timeline_fit(timeline, start, NULL, more);
	*p++ = '\n';
	out_done(timeline->out, p);
}
