// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/tcp.h>

#include "base/unknown.h"
#include "record/record.h"
#include "record/segment.h"

/* The window of a SYN is never scaled, and a timewait socket does not know the peer's scale any more. */
static uint64_t window_of(const struct tcptrace_record *record)
{
	const struct tcptrace_segment *from = &record->u.segment;

	if (from->flags & TH_SYN || !from->window)
		return from->window;
	if (record->kind == TCPTRACE_K_NONE || (record->kind == TCPTRACE_K_TIMEWAIT && !from->out))
		return UNKNOWN;
	return (uint64_t)from->window << (from->out ? record->wscale >> 4 : record->wscale & 15);
}

/* Before the peer's SYN is received, rcv_nxt is meaningless. */
static bool knows_rcv_nxt(const struct tcptrace_record *record)
{
	switch (record->kind) {
	case TCPTRACE_K_FULL:
		return record->new_state != TCPTRACE_S_SYN_SENT && record->new_state != TCPTRACE_S_CLOSE;
	case TCPTRACE_K_NONE:
		return false;
	default:
		return true;
	}
}

static void place(const struct tcptrace_record *record, struct segment *segment)
{
	const struct tcptrace_segment *from = &record->u.segment;
	uint32_t length = from->len + !!(from->flags & TH_SYN) + !!(from->flags & TH_FIN);
	uint32_t end = from->seq + length;

	if (from->flags & TH_RST)
		return;
	if (!length) {
		segment->probe = from->seq + 1 == record->rcv_nxt;
		return;
	}
	if (seq_after(from->seq, record->rcv_nxt))
		segment->gap = from->seq - record->rcv_nxt;
	else if (!seq_after(end, record->rcv_nxt))
		segment->duplicate = length;
	else
		segment->duplicate = record->rcv_nxt - from->seq;
}

void segment_of(const struct tcptrace_record *record, struct segment *segment)
{
	const struct tcptrace_segment *from = &record->u.segment;

	*segment = (struct segment){
		.out = from->out,
		.window = window_of(record),
		.sacks = from->sacks,
		.sack_from = from->sack_from,
		.sack_to = from->sack_to,
		.dsack = from->sacks && !seq_after(from->sack_to, from->ack),
	};
	if (!from->out && knows_rcv_nxt(record))
		place(record, segment);
}
