// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions and their reasons, what a listener refused, probes. */
#include "model/inferred_segment.h"
#include "record/record.h"
#include "view/text/timeline_impl.h"

static char *put_cause(char *p, const struct step *step)
{
	bool timed_out = step->ep && step->ep->flags & EP_TIMED_OUT;

	switch (step->record->op) {
	case TCPTRACE_OP_RTO:
		return put_text(p, ": RTO expired");
	case TCPTRACE_OP_FAST:
		return put_text(p, ": fast retransmit");
	case TCPTRACE_OP_LOSS:
		return timed_out ? put_text(p, ": marked lost after an RTO") : put_text(p, ": marked lost");
	case TCPTRACE_OP_TLP:
		return put_text(p, ": tail loss probe");
	case TCPTRACE_OP_PMTU:
		return put_text(p, ": path MTU exceeded");
	default:
		return p;
	}
}

/* "(1st)", "(2nd)", "(11th)" */
static char *put_nth(char *p, uint32_t number)
{
	static const char ends[][3] = { "th", "st", "nd", "rd" };
	uint32_t last = number / 10 % 10 == 1 ? 0 : number % 10;

	*p++ = '(';
	p = put_u64(p, number);
	p = put_mem(p, ends[last < 4 ? last : 0], 2);
	*p++ = ')';
	return p;
}

char *timeline_put_retransmit(char *p, const struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	const struct tcptrace_retransmit *retransmit = &record->u.retransmit;

	switch (record->op) {
	case TCPTRACE_OP_SPURIOUS:
		return put_text(p, "retransmission was spurious");
	case TCPTRACE_OP_SYNACK:
		return put_nth(put_text(p, "retransmits SYN,ACK "), retransmit->total);
	case TCPTRACE_OP_SYN:
		return put_nth(put_text(p, "retransmits SYN "), retransmit->total);
	}
	p = put_text(p, "retransmits seq=");
	p = timeline_put_number(p, timeline, step, true, retransmit->seq);
	p = put_text(p, " len=");
	p = put_u64(p, retransmit->len);
	p = put_cause(p, step);
	if (record->op != TCPTRACE_OP_RTO)
		return p;
	p = put_text(p, ", ");
	return put_duration(p, retransmit->rto * 1000000ull);
}

char *timeline_put_queues(char *p, const struct tcptrace_listen *listen)
{
	p = put_text(p, "SYN queue ");
	p = put_u64(p, listen->syn_backlog);
	p = put_text(p, ", accept queue ");
	p = put_u64(p, listen->backlog);
	*p++ = '/';
	return put_u64(p, listen->backlog_max);
}

static char *put_segment_dropped(char *p, const struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_drop *drop = &step->record->u.drop;

	p = put_tcp_flags(p, drop->flags);
	p = put_text(p, " seq=");
	p = timeline_put_number(p, timeline, step, step->record->kind == TCPTRACE_K_FULL, drop->seq);
	p = put_text(p, " dropped: ");
	return put_mem(p, drop->name, record_drop_name(drop));
}

char *timeline_put_drop(char *p, const struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	if (record->op == TCPTRACE_OP_SEGMENT)
		return put_segment_dropped(p, timeline, step);
	p = record->kind == TCPTRACE_K_REQUEST ? put_text(p, "ACK dropped, ") : put_text(p, "SYN dropped, ");
	p = record->op == TCPTRACE_OP_SYN_QUEUE ? put_text(p, "SYN queue full: ") :
						  put_text(p, "accept queue full: ");
	return timeline_put_queues(p, &record->u.listen);
}

char *timeline_put_probe(char *p, const struct tcptrace_record *record)
{
	p = record->op == TCPTRACE_OP_KEEPALIVE ? put_text(p, "sends keepalive") :
						  put_text(p, "sends zero-window probe");
	if (!record->u.queue.probes)
		return p;
	p = put_text(p, ", ");
	p = put_u64(p, record->u.queue.probes);
	return put_text(p, " unanswered");
}
