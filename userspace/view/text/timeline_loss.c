// SPDX-License-Identifier: GPL-2.0-only
/* What was sent again and why, what a listener refused, probes. */
#include "model/cause.h"
#include "record/record.h"
#include "view/text/timeline_impl.h"

static char *put_cause(char *p, uint8_t op)
{
	switch (op) {
	case TCPTRACE_OP_RTO:
		return put_text(p, ": no ACK came in time");
	case TCPTRACE_OP_FAST:
		return put_text(p, ": ACKs show it lost");
	case TCPTRACE_OP_LOSS:
		return put_text(p, ": held lost since the timeout");
	case TCPTRACE_OP_TLP:
		return put_text(p, ": tail-loss probe");
	default:
		return p;
	}
}

char *timeline_put_retransmit(char *p, const struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	const struct tcptrace_retransmit *retransmit = &record->u.retransmit;

	switch (record->op) {
	case TCPTRACE_OP_SPURIOUS:
		return put_text(p, "nothing was lost: sent again in vain");
	case TCPTRACE_OP_SYNACK:
		p = put_text(p, "sends SYN,ACK again, ");
		p = put_u64(p, retransmit->total);
		return put_text(p, ". time");
	case TCPTRACE_OP_SYN:
		p = put_text(p, "sends SYN again, ");
		p = put_u64(p, retransmit->total);
		return put_text(p, ". time");
	}
	p = put_text(p, "sends again seq=");
	p = timeline_put_number(p, timeline, step, true, retransmit->seq);
	p = put_text(p, " len=");
	p = put_u64(p, retransmit->len);
	p = put_cause(p, record->op);
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

	p = cause_put_flags(p, drop->flags);
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
	p = record->op == TCPTRACE_OP_KEEPALIVE ? put_text(p, "sends a keepalive") :
						  put_text(p, "probes the closed window");
	if (!record->u.queue.probes)
		return p;
	p = put_text(p, ", ");
	p = put_u64(p, record->u.queue.probes);
	return put_text(p, " without an answer");
}
