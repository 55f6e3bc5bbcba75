// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "model/inferred_segment.h"
#include "record/record.h"
#include "record/tcp_flags.h"

/* RFC 9293, section 3.7.1: without the option */
#define MSS_DEFAULT	536

static struct inferred_segment received(uint8_t flags)
{
	return (struct inferred_segment){ .flags = flags };
}

static struct inferred_segment sent(uint8_t flags)
{
	return (struct inferred_segment){ .flags = flags, .out = true };
}

static void set_seq(struct inferred_segment *segment, uint32_t seq)
{
	segment->seq = seq;
	segment->known |= INFERRED_SEQ;
}

static void set_ack(struct inferred_segment *segment, uint32_t ack)
{
	segment->ack = ack;
	segment->known |= INFERRED_ACK;
}

/* snd_wnd is in bytes and has the peer's shift applied, except in a SYN, which is never scaled. */
static void set_window(struct inferred_segment *segment, const struct tcptrace_record *record, bool scaled)
{
	segment->window = record->snd_wnd >> (scaled ? record->wscale & 15 : 0);
	segment->known |= INFERRED_WINDOW;
}

#define TH_ECN	(TH_ECE | TH_CWR)

static int of_connect(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	if (record->flags & TCPTRACE_F_REPAIR || record->op == TCPTRACE_OP_FAILED)
		return 0;
	segments[0] = sent(record->flags & TCPTRACE_F_ECN ? TH_SYN | TH_ECN : TH_SYN);
	set_seq(&segments[0], record->write_seq);
	return 1;
}

static uint8_t syn_ack(const struct tcptrace_record *record)
{
	return record->flags & TCPTRACE_F_ECN ? TH_SYN | TH_ACK | TH_ECE : TH_SYN | TH_ACK;
}

static int of_request(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	switch (record->op) {
	case TCPTRACE_OP_OPEN:
		segments[0] = received(record->flags & TCPTRACE_F_ECN ? TH_SYN | TH_ECN : TH_SYN);
		set_seq(&segments[0], record->rcv_nxt - 1);
		/* An MSS of 536 or a shift of 0 may have been sent, or no option at all. */
		if (record->mss != MSS_DEFAULT)
			segments[0].mss = record->mss;
		if (record->wscale & 15)
			segments[0].wscale = (record->wscale & 15) + 1;
		segments[1] = sent(syn_ack(record));
		set_seq(&segments[1], record->snd_una);
		set_ack(&segments[1], record->rcv_nxt);
		return 2;
	case TCPTRACE_OP_ACKED:
		/* With fast open, the SYN creates the child. */
		if (record->flags & TCPTRACE_F_COOKIE_SYN)
			return 0;
		segments[0] = received(TH_ACK);
		set_ack(&segments[0], record->snd_una);
		set_window(&segments[0], record, true);
		return 1;
	default:
		return 0;
	}
}

/*
 * tcp_rcv_synsent_state_process() has processed both numbers and the window when it changes the state. A child needs
 * exactly the ACK of its SYN-ACK; but if both endpoints connected, it may have been either of two segments.
 */
static int of_established(const struct step *step, struct inferred_segment *segments)
{
	const struct tcptrace_record *record = step->record;

	if (record->flags & TCPTRACE_F_REPAIR)
		return 0;
	if (record->old_state == TCPTRACE_S_SYN_SENT) {
		segments[0] = received(syn_ack(record));
		set_seq(&segments[0], record->rcv_nxt - 1);
		set_ack(&segments[0], record->snd_una);
		set_window(&segments[0], record, false);
		if (record->wscale & 15)
			segments[0].wscale = (record->wscale & 15) + 1;
		if (record->flags & TCPTRACE_F_HELD)
			return 1;
		segments[1] = sent(TH_ACK);
		set_seq(&segments[1], record->snd_una);
		set_ack(&segments[1], record->rcv_nxt);
		return 2;
	}
	if (record->old_state != TCPTRACE_S_SYN_RECV || !step->ep ||
	    !(step->ep->flags & EP_PASSIVE))
		return 0;
	segments[0] = received(TH_ACK);
	set_ack(&segments[0], record->snd_una);
	set_window(&segments[0], record, true);
	return 1;
}

/* tcp_fin() runs when rcv_nxt is past the FIN. The segment's ack may be older than the latest one known. */
static int fin_received(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	segments[0] = received(TH_FIN | TH_ACK);
	set_seq(&segments[0], record->rcv_nxt - 1);
	return 1;
}

/* tcp_ack() has just moved snd_una past the FIN. A FIN in the same segment is processed afterwards. */
static int fin_acked(const struct step *step, struct inferred_segment *segments)
{
	const struct tcptrace_record *record = step->record;

	segments[0] = received(step->merged ? TH_FIN | TH_ACK : TH_ACK);
	set_ack(&segments[0], record->snd_una);
	return 1;
}

/* The FIN follows all queued data. If it has to wait, its segment is another one than this change's. */
static int fin_sent(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	if (!record_fin_leaves(record))
		return 0;
	segments[0] = sent(TH_FIN | TH_ACK);
	set_ack(&segments[0], record->rcv_nxt);
	set_seq(&segments[0], record->write_seq);
	return 1;
}

/* In FIN_WAIT2. */
static int second_fin(const struct step *step, struct inferred_segment *segments)
{
	fin_received(step->record, segments);
	/* The same segment moved snd_una, so what it acknowledged is known. */
	if (step->merged)
		set_ack(&segments[0], step->record->snd_una);
	return 1;
}

static int of_state(const struct step *step, struct inferred_segment *segments)
{
	const struct tcptrace_record *record = step->record;

	switch (record->new_state) {
	case TCPTRACE_S_SYN_RECV:
		/* Both endpoints connect; rcv_nxt is set only after the change. */
		segments[0] = received(TH_SYN);
		return record->old_state == TCPTRACE_S_SYN_SENT;
	case TCPTRACE_S_ESTABLISHED:
		return of_established(step, segments);
	case TCPTRACE_S_FIN_WAIT1:
	case TCPTRACE_S_LAST_ACK:
		return fin_sent(record, segments);
	case TCPTRACE_S_CLOSE_WAIT:
	case TCPTRACE_S_CLOSING:
		return fin_received(record, segments);
	case TCPTRACE_S_FIN_WAIT2:
		return fin_acked(step, segments);
	case TCPTRACE_S_CLOSE:
		if (record_second_fin(record))
			return second_fin(step, segments);
		if (record->old_state == TCPTRACE_S_LAST_ACK && !record->error &&
		    record->snd_una == record->write_seq)
			return fin_acked(step, segments);
		return 0;
	default:
		return 0;
	}
}

static int of_timewait(const struct step *step, struct inferred_segment *segments)
{
	const struct tcptrace_record *record = step->record;

	if (record->new_state != TCPTRACE_S_TIME_WAIT || record->old_state == record->new_state)
		return 0;
	if (record->old_state == TCPTRACE_S_CLOSING)
		return fin_acked(step, segments);
	if (record->old_state != TCPTRACE_S_FIN_WAIT2)
		return 0;
	return second_fin(step, segments);
}

static int of_reset(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	const struct tcptrace_segment *segment = &record->u.segment;

	segments[0] = (struct inferred_segment){
		.flags = segment->flags ? segment->flags : TH_RST,
		.out = record->op != TCPTRACE_OP_RECEIVED,
	};
	/* Of a received RST only its being acceptable is known; a reply to a segment without ACK has seq 0. */
	if (!segments[0].out)
		return 1;
	if (segment->flags & TH_ACK)
		set_ack(&segments[0], segment->ack);
	if (record->op == TCPTRACE_OP_SENT || !(segment->flags & TH_ACK))
		set_seq(&segments[0], segment->seq);
	return 1;
}

/* Nothing to infer: the record has it. */
static int of_segment(const struct tcptrace_record *record, struct inferred_segment *segments)
{
	const struct tcptrace_segment *segment = &record->u.segment;

	segments[0] = (struct inferred_segment){
		.seq = segment->seq,
		.window = segment->window,
		.length = segment->len,
		.mss = segment->mss,
		.wscale = segment->wscale,
		.flags = segment->flags,
		.known = INFERRED_SEQ | INFERRED_LENGTH | INFERRED_WINDOW,
		.out = segment->out,
	};
	if (segment->flags & TH_ACK)
		set_ack(&segments[0], segment->ack);
	return 1;
}

int infer_segments(const struct step *step, struct inferred_segment segments[INFERRED_MAX])
{
	const struct tcptrace_record *record = step->record;

	switch (record->type) {
	case TCPTRACE_T_CONNECT:
		return of_connect(record, segments);
	case TCPTRACE_T_REQUEST:
		return of_request(record, segments);
	case TCPTRACE_T_STATE:
		return of_state(step, segments);
	case TCPTRACE_T_TIMEWAIT:
		return of_timewait(step, segments);
	case TCPTRACE_T_RESET:
		return of_reset(record, segments);
	case TCPTRACE_T_SEGMENT:
		return of_segment(record, segments);
	default:
		return 0;
	}
}

bool relative_seq(const struct endpoint *ep, bool out, uint32_t number, int64_t *relative)
{
	uint64_t progress;
	uint32_t initial;

	if (!ep || !(ep->flags & (out ? EP_ISS : EP_IRS)))
		return false;
	initial = out ? ep->iss : ep->irs;
	progress = out ? ep->bytes_out : ep->bytes_in;
	*relative = (int64_t)progress + (int32_t)(number - initial - (uint32_t)progress);
	return true;
}

char *put_tcp_flags(char *p, uint8_t flags)
{
	/* In the usual order. */
	static const struct {
		uint8_t bit;
		char name[4];
	} names[] = {
		{ TH_SYN, "SYN" }, { TH_FIN, "FIN" }, { TH_RST, "RST" }, { TH_PUSH, "PSH" },
		{ TH_URG, "URG" }, { TH_ECE, "ECE" }, { TH_CWR, "CWR" }, { TH_ACK, "ACK" },
	};
	char *start = p;
	unsigned int i;

	for (i = 0; flags; i++) {
		if (!(flags & names[i].bit))
			continue;
		if (p != start)
			*p++ = ',';
		memcpy(p, names[i].name, 3);
		p += 3;
		flags &= ~names[i].bit;
	}
	return p;
}
