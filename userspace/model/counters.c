// SPDX-License-Identifier: GPL-2.0-only
/* The numbers of an end, as its records bring them. */
#include "model/model_impl.h"
#include "model/queue_stats.h"

uint32_t end_recvq(const struct end *end)
{
	int32_t queued = end->rcv_nxt - end->copied_seq;

	if (end->state == TCPTRACE_S_LISTEN)
		return end->backlog;
	return end->kind == TCPTRACE_K_FULL && queued > 0 ? queued : 0;
}

uint32_t end_sendq(const struct end *end)
{
	if (end->state == TCPTRACE_S_LISTEN)
		return end->backlog_max;
	return end->kind == TCPTRACE_K_FULL ? end->write_seq - end->snd_una : 0;
}

uint64_t end_left(const struct end *end, uint64_t time)
{
	uint64_t from = end->flags & END_SINCE ? end->since : end->created;
	uint64_t until = from + end->timeout * 1000000ull;

	return end->kind == TCPTRACE_K_TIMEWAIT && until > time ? until - time : 0;
}

uint64_t end_read_delay(const struct end *end, uint64_t time, bool followed, bool *at_least)
{
	bool unread = end_recvq(end) > !!(end->flags & END_FIN_COUNTED) && end->state != TCPTRACE_S_LISTEN;
	uint64_t since = end->flags & END_PREEXISTING ? time - end->created : UNKNOWN;
	uint64_t delay = followed && unread ? since : UNKNOWN;

	if (end->queue_stats)
		delay = queue_stats_longest(queue_stats_of(end), time);
	*at_least = delay == since;
	return delay;
}

static inline void advance(uint64_t *count, uint32_t now, uint32_t before)
{
	if (seq_after(now, before))
		*count += now - before;
}

void counters_know_irs(struct model *model, struct end *end, uint32_t irs)
{
	struct end *peer = ends_at(&model->ends, end->peer);

	end->irs = irs;
	end->flags |= END_IRS;
	if (peer && !(peer->flags & END_ISS)) {
		peer->iss = irs;
		peer->flags |= END_ISS;
	}
}

void counters_know_iss(struct model *model, struct end *end, uint32_t iss)
{
	struct end *peer = ends_at(&model->ends, end->peer);

	end->iss = iss;
	end->flags |= END_ISS;
	if (peer && !(peer->flags & END_IRS)) {
		peer->irs = iss;
		peer->flags |= END_IRS;
	}
}

/*
 * The kernel's totals are 64 bit and right at once, whatever was missed. bytes_received is how far
 * rcv_nxt has come since the SYN. bytes_acked is the same for snd_una, but where this end connected
 * it counts the SYN as well; the low half tells.
 */
void counters_take_totals(struct end *end, const struct tcptrace_record *record)
{
	const struct tcptrace_totals *totals = &record->u.totals;
	uint64_t out = totals->bytes_out;

	if (end->flags & END_ISS) {
		uint32_t syn = (uint32_t)out - (record->snd_una - end->iss - 1);

		if (!(end->flags & (END_ACTIVE | END_PASSIVE)) && !state_handshaking(record->old_state) && syn <= 1)
			end->flags |= syn ? END_ACTIVE : END_PASSIVE;
		if (out && syn == 1)
			out--;
	}
	end->bytes_in = totals->bytes_in;
	end->bytes_out = out;
	if (totals->retransmits > end->retransmits)
		end->retransmits = totals->retransmits;
}

/* Where the numbers of an end begin that was there. Other than a snapshot's, these were read with the socket's lock. */
static void take_numbers(struct model *model, struct end *end, const struct tcptrace_record *record)
{
	uint32_t irs = record->rcv_nxt - 1 - (uint32_t)end->bytes_in;
	struct end *peer = ends_at(&model->ends, end->peer);

	if (state_handshaking(record->old_state) ||
	    (end->flags & END_IRS && (end->irs == irs || !(end->flags & END_PREEXISTING))))
		return;
	if (peer && peer->flags & END_PREEXISTING)
		peer->flags &= ~END_ISS;
	counters_know_irs(model, end, irs);
}

void counters_derive(struct model *model, struct end *end, const struct tcptrace_record *record)
{
	if (!(end->flags & END_IRS))
		counters_know_irs(model, end, record->rcv_nxt - 1 - (uint32_t)end->bytes_in);
	/* Nothing of it was acknowledged, not even a SYN: it did not connect. */
	if (!(end->flags & END_ISS) && !record->u.totals.bytes_out) {
		end->flags |= END_PASSIVE;
		counters_know_iss(model, end, record->snd_una - 1);
	}
}

/* Takes over what a record of a full socket says of its queues. */
void counters_take(struct model *model, struct end *end, const struct tcptrace_record *record)
{
	uint32_t rcv_nxt = counters_rcv_nxt(end, record);
	int32_t queued = rcv_nxt - record->copied_seq;

	if (end->flags & END_SYNCED) {
		advance(&end->bytes_in, rcv_nxt, end->rcv_nxt);
		advance(&end->bytes_out, record->snd_una, end->snd_una);
	} else if (!state_handshaking(record->new_state)) {
		end->flags |= END_SYNCED;
		if (end->queue_stats)
			counters_written(end, record->write_seq);
	}
	counters_copy(end, record);
	end->rcv_nxt = rcv_nxt;
	if (record_has_totals(record)) {
		/* setsockopt() may have changed it, of which no record tells. */
		ends_bind(&model->ends, end, record->ifindex);
		counters_take_totals(end, record);
		take_numbers(model, end, record);
	}
	if (record->flags & TCPTRACE_F_FIN)
		end->flags |= END_FIN_COUNTED;
	counters_peaks(end, queued > 0 ? queued : 0, record->write_seq - record->snd_una);
}

/* That connection counted, if it is in. */
void counters_take_backlog(struct model *model, const struct tcptrace_record *record)
{
	const struct tcptrace_listen *listen = &record->u.listen;
	struct end *listener = ends_at(&model->ends, ends_find(&model->ends, listen->listener));

	if (!listener || listener->state != TCPTRACE_S_LISTEN)
		return;
	listener->backlog = listen->backlog + (record->op == TCPTRACE_OP_ACKED);
	listener->backlog_max = listen->backlog_max;
	counters_peaks(listener, listener->backlog, 0);
}
