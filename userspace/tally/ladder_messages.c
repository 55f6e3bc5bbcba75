// SPDX-License-Identifier: GPL-2.0-only
/* Which message a record belongs to: the segment that one endpoint sent is the one that the other endpoint received. */
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "record/record.h"
#include "tally/ladder.h"

#define SEARCH	512u	/* how many messages back a segment is searched */

/* What one endpoint's record says of a segment. */
struct observation {
	struct ladder *ladder;
	const struct tcptrace_record *record;
	struct inferred_segment segment;
	unsigned int side, from;
	uint8_t by;		/* MESSAGE_ */
};

static struct message *add_message(struct ladders *ladders, struct ladder *ladder, unsigned int from)
{
	if (!array_reserve(ladder->messages, ladder->room, ladder->count + 1u)) {
		ladders->dropped++;
		return NULL;
	}
	ladders->messages++;
	ladder->messages[ladder->count] = (struct message){ .from = from };
	return &ladder->messages[ladder->count++];
}

static void remove_message(struct ladders *ladders, struct ladder *ladder, struct message *message)
{
	memmove(message, message + 1, (ladder->messages + --ladder->count - message) * sizeof(*message));
	ladders->messages--;
}

/* ---- the same segment? ---- */

/* The sequence number after its data; of a FIN without data, its own number. */
static uint32_t behind(const struct inferred_segment *segment)
{
	return segment->seq + (segment->known & INFERRED_LENGTH ? segment->length : 0);
}

static bool fits(const struct message *message, const struct observation *obs)
{
	const struct inferred_segment *one = &message->segment, *other = &obs->segment;
	uint8_t known = one->known & other->known, flags = one->flags ^ other->flags;

	/* A change may show only part of a segment, such as that it had an ACK. */
	bool part = obs->by == MESSAGE_CHANGE && message->seen[obs->side] & MESSAGE_SEGMENT;

	if (flags & (TH_SYN | TH_RST) || (flags & TH_FIN && !(part && one->flags & TH_FIN)))
		return false;
	/* Nothing else is known of a received RST; but where segments are seen, its own was, just before. */
	if (other->flags & TH_RST && obs->by == MESSAGE_CHANGE && obs->side != obs->from)
		return !obs->ladder->segments || message->seen[obs->side] & MESSAGE_SEGMENT;
	/* A RST is reported before it is sent: one that was received already is another one. */
	if (other->flags & TH_RST && obs->by == MESSAGE_CHANGE && message->at[!obs->side])
		return false;
	if (known & INFERRED_ACK && one->ack != other->ack)
		return false;
	/* Segments reported by both endpoints are the same from beginning to end. */
	if (obs->by == MESSAGE_SEGMENT && message->seen[!obs->side] & MESSAGE_SEGMENT && one->seq != other->seq)
		return false;
	return !(known & INFERRED_SEQ) || behind(one) == behind(other);
}

/* Was it processed in the same run of the kernel? */
static bool same_run(const struct message *message, const struct observation *obs)
{
	return obs->by == MESSAGE_CHANGE && obs->side != obs->from && obs->record->stamp &&
	       message->stamp == obs->record->stamp &&
	       !((message->segment.flags ^ obs->segment.flags) & (TH_SYN | TH_RST));
}

/* Parts of one large segment, or several that were received as one. */
static bool overlaps(const struct message *message, const struct observation *obs)
{
	const struct inferred_segment *one = &message->segment, *other = &obs->segment;

	return obs->by == MESSAGE_SEGMENT && message->seen[message->from] & MESSAGE_SEGMENT && one->length &&
	       other->length && seq_after(behind(one), other->seq) && seq_after(behind(other), one->seq);
}

/* The latest for which `match` is true; NULL: none. */
static struct message *search(const struct observation *obs,
			      bool (*match)(const struct message *, const struct observation *), bool unseen)
{
	struct ladder *ladder = obs->ladder;
	uint32_t last = ladder->count > SEARCH ? ladder->count - SEARCH : 0, i;

	for (i = ladder->count; i-- > last;) {
		struct message *message = &ladder->messages[i];

		if (message->arrow && message->from == obs->from &&
		    !(unseen && message->seen[obs->side] & obs->by) && match(message, obs))
			return message;
	}
	return NULL;
}

/* ---- completing a message ---- */

static void learn_part(struct inferred_segment *segment, const struct inferred_segment *more)
{
	/*
	 * The sender of a FIN knows what was in its segment; for the receiver, it may have closed a gap before other
	 * data.
	 */
	bool sent = segment->flags & more->flags & TH_FIN && segment->known & INFERRED_SEQ;

	segment->flags |= more->flags;
	if (more->known & INFERRED_LENGTH && more->length && !sent) {
		segment->seq = more->seq;
		segment->length = more->length;
	} else if (!(segment->known & INFERRED_SEQ)) {
		segment->seq = more->seq;
	}
	if (!(segment->known & INFERRED_ACK))
		segment->ack = more->ack;
	if (!(segment->known & INFERRED_WINDOW))
		segment->window = more->window;
	if (!segment->mss)
		segment->mss = more->mss;
	if (!segment->wscale)
		segment->wscale = more->wscale;
	segment->known |= more->known;
}

static void learn(struct message *message, const struct observation *obs)
{
	bool first = !message->seen[obs->side];

	/* The record of the segment itself is the most exact. */
	if (obs->by == MESSAGE_SEGMENT && !(message->seen[0] & MESSAGE_SEGMENT || message->seen[1] & MESSAGE_SEGMENT))
		message->segment = obs->segment;
	else if (!(message->seen[0] & MESSAGE_SEGMENT || message->seen[1] & MESSAGE_SEGMENT))
		learn_part(&message->segment, &obs->segment);
	if (first || (obs->by == MESSAGE_SEGMENT && !(message->seen[obs->side] & MESSAGE_SEGMENT)))
		message->at[obs->side] = obs->record->time;
	message->seen[obs->side] |= obs->by;
	if (obs->side != obs->from && obs->by == MESSAGE_CHANGE)
		message->stamp = obs->record->stamp;
}

static void add_state(struct ladder *ladder, struct message *message, unsigned int side, uint8_t state)
{
	uint8_t *states = message->states[side];

	ladder->state[side] = state;
	if (!states[0])
		states[0] = state;
	else
		states[1] = state;
}

/* A message that was added separately turned out to be part of `message`. */
static struct message *merge(struct ladders *ladders, const struct observation *obs, struct message *message)
{
	struct ladder *ladder = obs->ladder;
	struct message *part = search(obs, same_run, false);
	unsigned int i;

	if (!part || part == message || part->seen[obs->from])
		return message;
	learn_part(&message->segment, &part->segment);
	for (i = 0; i < MESSAGE_STATES; i++)
		if (part->states[obs->side][i])
			add_state(ladder, message, obs->side, part->states[obs->side][i]);
	if (part->at[obs->side] < message->at[obs->side])
		message->at[obs->side] = part->at[obs->side];
	remove_message(ladders, ladder, part);
	return message > part ? message - 1 : message;
}

/* It was sent before, as far as that is known. */
static bool is_retransmission(struct ladder *ladder, const struct observation *obs)
{
	const struct inferred_segment *segment = &obs->segment;
	uint32_t last = behind(segment) + !!(segment->flags & TH_SYN) + !!(segment->flags & TH_FIN);

	if (last == segment->seq || segment->flags & TH_RST)
		return false;
	if (ladder->has_sent[obs->from] && !seq_after(last, ladder->sent[obs->from]))
		return true;
	ladder->sent[obs->from] = last;
	ladder->has_sent[obs->from] = true;
	return false;
}

/* Marks all messages that were received in this one segment. Returns the latest of them, NULL: none. */
static struct message *cover(const struct observation *obs)
{
	struct message *message = search(obs, overlaps, false), *other;

	if (!message)
		return NULL;
	learn(message, obs);
	while ((other = search(obs, overlaps, true)))
		learn(other, obs);
	return message;
}

static struct message *see(struct ladders *ladders, const struct observation *obs)
{
	struct ladder *ladder = obs->ladder;
	const struct tcptrace_record *record = obs->record;
	/* The ACK of a SYN-ACK creates the child, and then changes its state. */
	bool child = record->type == TCPTRACE_T_STATE && record->old_state == TCPTRACE_S_SYN_RECV;
	struct message *message = search(obs, fits, !child);
	bool received = obs->side != obs->from;

	if (!message)
		message = search(obs, same_run, false);
	if (!message && received)
		message = cover(obs);
	/* If segments are recorded, everything else is only an effect of them. */
	if (!message && received && obs->by == MESSAGE_CHANGE && ladder->segments)
		return NULL;
	if (!message) {
		message = add_message(ladders, ladder, obs->from);
		if (!message)
			return NULL;
		message->arrow = true;
	}
	message->retransmission |= record->type == TCPTRACE_T_RETRANSMIT;
	if (obs->by == MESSAGE_SEGMENT && (!received || !ladder->endpoint[obs->from].cookie))
		message->retransmission = is_retransmission(ladder, obs);
	learn(message, obs);
	return received ? merge(ladders, obs, message) : message;
}

/* ---- the segments of a step ---- */

/* Received data, and acknowledgements. */
static int of_queue(const struct step *step, struct inferred_segment *segment)
{
	const struct tcptrace_record *record = step->record;

	*segment = (struct inferred_segment){ .flags = TH_ACK };
	if (record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_QUEUED && step->bytes) {
		segment->seq = record->rcv_nxt - !!(record->flags & TCPTRACE_F_FIN) - step->bytes;
		segment->length = step->bytes;
		segment->known = INFERRED_SEQ | INFERRED_LENGTH;
		return 1;
	}
	/* The ACK of a SYN or FIN also changes the state, which has more details. */
	if (record->type != TCPTRACE_T_ACK || step->control)
		return 0;
	segment->ack = record->snd_una;
	segment->window = record->snd_wnd >> (record->wscale & 15);
	segment->known = INFERRED_ACK | INFERRED_WINDOW;
	return 1;
}

/* What was sent again, as far as the record says what that was. */
static int of_retransmit(const struct tcptrace_record *record, struct inferred_segment *segment)
{
	*segment = (struct inferred_segment){
		.seq = record->u.retransmit.seq,
		.known = INFERRED_SEQ,
		.out = true,
	};
	switch (record->op) {
	case TCPTRACE_OP_SYN:
		segment->flags = record->old_state == TCPTRACE_S_SYN_SENT ? TH_SYN : TH_SYN | TH_ACK;
		return 1;
	case TCPTRACE_OP_SYNACK:
		segment->flags = TH_SYN | TH_ACK;
		return 1;
	default:
		return 0;
	}
}

static int step_segments(const struct ladder *ladder, const struct step *step,
			 struct inferred_segment segments[INFERRED_MAX])
{
	int count;

	/* If segments are recorded, they show it. */
	if (step->record->type == TCPTRACE_T_RETRANSMIT)
		return ladder->segments ? 0 : of_retransmit(step->record, segments);
	if (step->record->type == TCPTRACE_T_RECV || step->record->type == TCPTRACE_T_ACK)
		return of_queue(step, segments);
	count = infer_segments(step, segments);
	if (count && step->bytes && !segments[0].out && segments[0].flags & TH_FIN) {
		segments[0].seq -= step->bytes;
		segments[0].length = step->bytes;
		segments[0].known |= INFERRED_LENGTH;
	}
	return count;
}

/* ---- other events ---- */

static void note(struct message *message, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	static const char *const calls[] = {
		[TCPTRACE_OP_CLOSE] = "close()",
		[TCPTRACE_OP_SHUT_RD] = "shutdown(SHUT_RD)",
		[TCPTRACE_OP_SHUT_WR] = "shutdown(SHUT_WR)",
		[TCPTRACE_OP_SHUT_RDWR] = "shutdown(SHUT_RDWR)",
	};
	size_t size = sizeof(message->note);

	switch (record->type) {
	case TCPTRACE_T_ACCEPT:
		snprintf(message->note, size, "accept()");
		break;
	case TCPTRACE_T_SHUTDOWN:
		if (record->op < sizeof(calls) / sizeof(calls[0]) && calls[record->op])
			snprintf(message->note, size, "%s", calls[record->op]);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
		if (record->op == TCPTRACE_OP_WRITTEN && step->bytes)
			snprintf(message->note, size, "write %u", step->bytes);
		else if (record->op == TCPTRACE_OP_READ && step->bytes)
			snprintf(message->note, size, record_read_by_mptcp(record) ? "to MPTCP %u" : "read %u", step->bytes);
		break;
	case TCPTRACE_T_TIMEWAIT:
		if (record->op == TCPTRACE_OP_END)
			snprintf(message->note, size, "2MSL timer expired");
		break;
	case TCPTRACE_T_REQUEST:
		if (record->op == TCPTRACE_OP_TIMEDOUT)
			snprintf(message->note, size, "no ACK received");
		else if (record->op == TCPTRACE_OP_UNREACHABLE)
			snprintf(message->note, size, "ICMP: unreachable");
		else if (record->op == TCPTRACE_OP_DESTROYED)
			snprintf(message->note, size, "destroyed");
		break;
	case TCPTRACE_T_STATE:
		if (record->new_state == TCPTRACE_S_CLOSE && record->error > 0)
			snprintf(message->note, size, "%s", strerrorname_np(record->error) ?: "error");
		else if (record->new_state == TCPTRACE_S_FIN_WAIT1 || record->new_state == TCPTRACE_S_LAST_ACK)
			snprintf(message->note, size, "FIN queued");
		break;
	}
}

/* A change without a segment: caused by the last one, or independent. */
static struct message *of_change(struct ladders *ladders, struct ladder *ladder, unsigned int side,
				 const struct step *step)
{
	struct message *last = ladder->count ? &ladder->messages[ladder->count - 1] : NULL;

	if (last && last->arrow && last->from != side && last->segment.flags & TH_RST && last->at[side])
		return last;
	last = add_message(ladders, ladder, side);
	if (!last)
		return NULL;
	last->at[side] = step->record->time;
	note(last, step);
	return last;
}

/* A RST that explains why its sender has just changed to CLOSE. */
static void take_close(struct ladders *ladders, struct ladder *ladder, struct message *message, unsigned int side)
{
	struct message *before = message - 1;

	if (message == ladder->messages || before->arrow || before->from != side || before->note[0] ||
	    before->states[side][0] != TCPTRACE_S_CLOSE || message->states[side][0])
		return;
	message->states[side][0] = TCPTRACE_S_CLOSE;
	remove_message(ladders, ladder, before);
}

/*
 * A write() is reported when it is over, and its first segments may have been seen by then: it is placed before them.
 * They are those with data after `start`.
 */
static void place_write(struct ladder *ladder, struct message *write, uint32_t start)
{
	struct message moved = *write, *first = NULL, *other;

	for (other = write - 1; other >= ladder->messages; other--) {
		const struct inferred_segment *segment = &other->segment;

		if (other->arrow && other->from == write->from && segment->known & INFERRED_LENGTH && segment->length &&
		    !seq_after(start, segment->seq) && !other->retransmission)
			first = other;
		if (write - other == SEARCH)
			break;
	}
	if (!first)
		return;
	moved.at[moved.from] = message_time(first);
	memmove(first + 1, first, (write - first) * sizeof(*first));
	*first = moved;
}

static bool add_note(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	struct message *message = add_message(ladders, ladder, side);

	if (!message)
		return false;
	note(message, step);
	message->at[side] = record->time;
	if (!message->note[0]) {
		remove_message(ladders, ladder, message);
		return false;
	}
	if (record->type == TCPTRACE_T_SEND)
		place_write(ladder, message, record->write_seq - step->bytes);
	return true;
}

bool ladder_add(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	bool changes = step->ep && step->old_state != step->new_state;
	struct inferred_segment segments[INFERRED_MAX];
	struct message *message;
	bool told = false;
	int count = step_segments(ladder, step, segments), i;

	ladder->segments |= record->type == TCPTRACE_T_SEGMENT;
	for (i = 0; i < count; i++) {
		const struct observation obs = {
			.ladder = ladder,
			.record = record,
			.segment = segments[i],
			.side = side,
			.from = segments[i].out ? side : !side,
			.by = record->type == TCPTRACE_T_SEGMENT ? MESSAGE_SEGMENT : MESSAGE_CHANGE,
		};

		message = see(ladders, &obs);
		if (i || !message)
			continue;
		told = true;
		if (changes)
			add_state(ladder, message, side, step->new_state);
		else if (segments[i].out && segments[i].flags & TH_RST)
			take_close(ladders, ladder, message, side);
	}
	if (told)
		return true;
	if (!changes)
		return add_note(ladders, ladder, side, step);
	message = of_change(ladders, ladder, side, step);
	if (message)
		add_state(ladder, message, side, step->new_state);
	return message;
}
