// SPDX-License-Identifier: GPL-2.0-only
/* Which rung a record tells of: the segment that one end sent is the one that the other end received. */
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "record/record.h"
#include "tally/ladder.h"

#define SEARCH	512u	/* rungs back that a segment may still belong to */

/* One end's word of a segment. */
struct sight {
	struct ladder *ladder;
	const struct tcptrace_record *record;
	struct cause segment;
	unsigned int side, from;
	uint8_t by;		/* RUNG_ */
};

static struct rung *add_rung(struct ladders *ladders, struct ladder *ladder, unsigned int from)
{
	if (!array_reserve(ladder->rungs, ladder->room, ladder->count + 1u)) {
		ladders->dropped++;
		return NULL;
	}
	ladders->rungs++;
	ladder->rungs[ladder->count] = (struct rung){ .from = from };
	return &ladder->rungs[ladder->count++];
}

static void remove_rung(struct ladders *ladders, struct ladder *ladder, struct rung *rung)
{
	memmove(rung, rung + 1, (ladder->rungs + --ladder->count - rung) * sizeof(*rung));
	ladders->rungs--;
}

/* ---- one segment or two? ---- */

/* Behind its data; a FIN's own number. */
static uint32_t behind(const struct cause *segment)
{
	return segment->seq + (segment->known & CAUSE_LENGTH ? segment->length : 0);
}

static bool fits(const struct rung *rung, const struct sight *sight)
{
	const struct cause *one = &rung->segment, *other = &sight->segment;
	uint8_t known = one->known & other->known, flags = one->flags ^ other->flags;

	/* What a change tells of a whole segment may be a part of it: that it had an ACK, say. */
	bool part = sight->by == RUNG_CHANGE && rung->seen[sight->side] & RUNG_SEGMENT;

	if (flags & (TH_SYN | TH_RST) || (flags & TH_FIN && !(part && one->flags & TH_FIN)))
		return false;
	/* Of a RST that came nothing else is known. */
	if (other->flags & TH_RST && sight->by == RUNG_CHANGE)
		return true;
	if (known & CAUSE_ACK && one->ack != other->ack)
		return false;
	/* What both ends say themselves is the same from its beginning to its end. */
	if (sight->by == RUNG_SEGMENT && rung->seen[!sight->side] & RUNG_SEGMENT && one->seq != other->seq)
		return false;
	return !(known & CAUSE_SEQ) || behind(one) == behind(other);
}

/* Was it one of both that the kernel did with what it was processing? */
static bool same_run(const struct rung *rung, const struct sight *sight)
{
	return sight->by == RUNG_CHANGE && sight->side != sight->from && sight->record->stamp &&
	       rung->stamp == sight->record->stamp &&
	       !((rung->segment.flags ^ sight->segment.flags) & (TH_SYN | TH_RST));
}

/* Pieces of one large segment, or several that came as one. */
static bool overlaps(const struct rung *rung, const struct sight *sight)
{
	const struct cause *one = &rung->segment, *other = &sight->segment;

	return sight->by == RUNG_SEGMENT && rung->seen[rung->from] & RUNG_SEGMENT && one->length &&
	       other->length && seq_after(behind(one), other->seq) && seq_after(behind(other), one->seq);
}

/* The youngest that `match` holds for, from `rung` on backwards; NULL: none. */
static struct rung *search(const struct sight *sight, bool (*match)(const struct rung *, const struct sight *),
			   bool unseen)
{
	struct ladder *ladder = sight->ladder;
	uint32_t last = ladder->count > SEARCH ? ladder->count - SEARCH : 0, i;

	for (i = ladder->count; i-- > last;) {
		struct rung *rung = &ladder->rungs[i];

		if (rung->arrow && rung->from == sight->from &&
		    !(unseen && rung->seen[sight->side] & sight->by) && match(rung, sight))
			return rung;
	}
	return NULL;
}

/* ---- what a rung learns ---- */

static void learn_part(struct cause *segment, const struct cause *more)
{
	/* Who sent a FIN knows what was in its segment; who got it, what it closed the gap behind, too. */
	bool sent = segment->flags & more->flags & TH_FIN && segment->known & CAUSE_SEQ;

	segment->flags |= more->flags;
	if (more->known & CAUSE_LENGTH && more->length && !sent) {
		segment->seq = more->seq;
		segment->length = more->length;
	} else if (!(segment->known & CAUSE_SEQ)) {
		segment->seq = more->seq;
	}
	if (!(segment->known & CAUSE_ACK))
		segment->ack = more->ack;
	if (!(segment->known & CAUSE_WINDOW))
		segment->window = more->window;
	if (!segment->mss)
		segment->mss = more->mss;
	if (!segment->wscale)
		segment->wscale = more->wscale;
	segment->known |= more->known;
}

static void learn(struct rung *rung, const struct sight *sight)
{
	bool first = !rung->seen[sight->side];

	/* The segment itself knows best, and when. */
	if (sight->by == RUNG_SEGMENT && !(rung->seen[0] & RUNG_SEGMENT || rung->seen[1] & RUNG_SEGMENT))
		rung->segment = sight->segment;
	else if (!(rung->seen[0] & RUNG_SEGMENT || rung->seen[1] & RUNG_SEGMENT))
		learn_part(&rung->segment, &sight->segment);
	if (first || (sight->by == RUNG_SEGMENT && !(rung->seen[sight->side] & RUNG_SEGMENT)))
		rung->at[sight->side] = sight->record->time;
	rung->seen[sight->side] |= sight->by;
	if (sight->side != sight->from && sight->by == RUNG_CHANGE)
		rung->stamp = sight->record->stamp;
}

static void add_state(struct ladder *ladder, struct rung *rung, unsigned int side, uint8_t state)
{
	uint8_t *states = rung->states[side];

	ladder->state[side] = state;
	if (!states[0])
		states[0] = state;
	else
		states[1] = state;
}

/* What was thought to be a segment of its own was a part of `rung`. */
static struct rung *absorb(struct ladders *ladders, const struct sight *sight, struct rung *rung)
{
	struct ladder *ladder = sight->ladder;
	struct rung *part = search(sight, same_run, false);
	unsigned int i;

	if (!part || part == rung || part->seen[sight->from])
		return rung;
	learn_part(&rung->segment, &part->segment);
	for (i = 0; i < RUNG_STATES; i++)
		if (part->states[sight->side][i])
			add_state(ladder, rung, sight->side, part->states[sight->side][i]);
	if (part->at[sight->side] < rung->at[sight->side])
		rung->at[sight->side] = part->at[sight->side];
	remove_rung(ladders, ladder, part);
	return rung > part ? rung - 1 : rung;
}

/* Sent before, as far as what was sent is known. */
static bool is_again(struct ladder *ladder, const struct sight *sight)
{
	const struct cause *segment = &sight->segment;
	uint32_t last = behind(segment) + !!(segment->flags & TH_SYN) + !!(segment->flags & TH_FIN);

	if (last == segment->seq || segment->flags & TH_RST)
		return false;
	if (ladder->has_sent[sight->from] && !seq_after(last, ladder->sent[sight->from]))
		return true;
	ladder->sent[sight->from] = last;
	ladder->has_sent[sight->from] = true;
	return false;
}

/* All that came in this one; the youngest of them, NULL: none. */
static struct rung *cover(const struct sight *sight)
{
	struct rung *rung = search(sight, overlaps, false), *other;

	if (!rung)
		return NULL;
	learn(rung, sight);
	while ((other = search(sight, overlaps, true)))
		learn(other, sight);
	return rung;
}

static struct rung *see(struct ladders *ladders, const struct sight *sight)
{
	struct ladder *ladder = sight->ladder;
	const struct tcptrace_record *record = sight->record;
	/* The ACK of a SYN-ACK makes the child, and then its state. */
	bool child = record->type == TCPTRACE_T_STATE && record->old_state == TCPTRACE_S_SYN_RECV;
	struct rung *rung = search(sight, fits, !child);
	bool received = sight->side != sight->from;

	if (!rung)
		rung = search(sight, same_run, false);
	if (!rung && received)
		rung = cover(sight);
	/* Where segments are seen, all else is no more than what they did. */
	if (!rung && received && sight->by == RUNG_CHANGE && ladder->segments)
		return NULL;
	if (!rung) {
		rung = add_rung(ladders, ladder, sight->from);
		if (!rung)
			return NULL;
		rung->arrow = true;
	}
	if (sight->by == RUNG_SEGMENT && (!received || !ladder->end[sight->from].cookie))
		rung->again = is_again(ladder, sight);
	learn(rung, sight);
	return received ? absorb(ladders, sight, rung) : rung;
}

/* ---- what a step tells of segments ---- */

/* Data that came, and what was acknowledged. */
static int of_queue(const struct step *step, struct cause *cause)
{
	const struct tcptrace_record *record = step->record;

	*cause = (struct cause){ .flags = TH_ACK };
	if (record->type == TCPTRACE_T_RECV && record->op == TCPTRACE_OP_QUEUED && step->bytes) {
		cause->seq = record->rcv_nxt - !!(record->flags & TCPTRACE_F_FIN) - step->bytes;
		cause->length = step->bytes;
		cause->known = CAUSE_SEQ | CAUSE_LENGTH;
		return 1;
	}
	/* That of a SYN or a FIN changes the state, too, and says more there. */
	if (record->type != TCPTRACE_T_ACK || step->control)
		return 0;
	cause->ack = record->snd_una;
	cause->window = record->snd_wnd >> (record->wscale & 15);
	cause->known = CAUSE_ACK | CAUSE_WINDOW;
	return 1;
}

static int causes_of(const struct step *step, struct cause causes[CAUSE_MAX])
{
	int count;

	if (step->record->type == TCPTRACE_T_RECV || step->record->type == TCPTRACE_T_ACK)
		return of_queue(step, causes);
	count = cause_of(step, causes);
	if (count && step->bytes && !causes[0].out && causes[0].flags & TH_FIN) {
		causes[0].seq -= step->bytes;
		causes[0].length = step->bytes;
		causes[0].known |= CAUSE_LENGTH;
	}
	/* A FIN behind data that is not sent yet is not sent yet either. */
	if (count && causes[0].out && causes[0].flags & TH_FIN && !(causes[0].known & CAUSE_SEQ))
		return 0;
	return count;
}

/* ---- what is no segment ---- */

static void note(struct rung *rung, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	static const char *const calls[] = {
		[TCPTRACE_OP_CLOSE] = "close()",
		[TCPTRACE_OP_SHUT_RD] = "shutdown(SHUT_RD)",
		[TCPTRACE_OP_SHUT_WR] = "shutdown(SHUT_WR)",
		[TCPTRACE_OP_SHUT_RDWR] = "shutdown(SHUT_RDWR)",
	};
	size_t size = sizeof(rung->note);

	switch (record->type) {
	case TCPTRACE_T_ACCEPT:
		snprintf(rung->note, size, "accept()");
		break;
	case TCPTRACE_T_SHUTDOWN:
		if (record->op < sizeof(calls) / sizeof(calls[0]) && calls[record->op])
			snprintf(rung->note, size, "%s", calls[record->op]);
		break;
	case TCPTRACE_T_SEND:
	case TCPTRACE_T_RECV:
		if (record->op == TCPTRACE_OP_WRITTEN && step->bytes)
			snprintf(rung->note, size, "write %u", step->bytes);
		else if (record->op == TCPTRACE_OP_READ && step->bytes)
			snprintf(rung->note, size, "read %u", step->bytes);
		break;
	case TCPTRACE_T_TIMEWAIT:
		if (record->op == TCPTRACE_OP_END)
			snprintf(rung->note, size, "2MSL timer expired");
		break;
	case TCPTRACE_T_REQUEST:
		if (record->op == TCPTRACE_OP_TIMEDOUT)
			snprintf(rung->note, size, "no ACK received");
		break;
	case TCPTRACE_T_STATE:
		if (record->new_state == TCPTRACE_S_CLOSE && record->error > 0)
			snprintf(rung->note, size, "%s", strerrorname_np(record->error) ?: "error");
		else if (record->new_state == TCPTRACE_S_FIN_WAIT1 || record->new_state == TCPTRACE_S_LAST_ACK)
			snprintf(rung->note, size, "FIN queued behind data");
		break;
	}
}

/* A change that no segment stands for: of what came last, or by itself. */
static struct rung *of_change(struct ladders *ladders, struct ladder *ladder, unsigned int side,
			      const struct step *step)
{
	struct rung *last = ladder->count ? &ladder->rungs[ladder->count - 1] : NULL;

	if (last && last->arrow && last->from != side && last->segment.flags & TH_RST && last->at[side])
		return last;
	last = add_rung(ladders, ladder, side);
	if (!last)
		return NULL;
	last->at[side] = step->record->time;
	note(last, step);
	return last;
}

/* A RST that says why its sender has just changed to CLOSE. */
static void take_close(struct ladders *ladders, struct ladder *ladder, struct rung *rung, unsigned int side)
{
	struct rung *before = rung - 1;

	if (rung == ladder->rungs || before->arrow || before->from != side || before->note[0] ||
	    before->states[side][0] != TCPTRACE_S_CLOSE || rung->states[side][0])
		return;
	rung->states[side][0] = TCPTRACE_S_CLOSE;
	remove_rung(ladders, ladder, before);
}

static bool add_note(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step)
{
	struct rung *rung = add_rung(ladders, ladder, side);

	if (!rung)
		return false;
	note(rung, step);
	rung->at[side] = step->record->time;
	if (rung->note[0])
		return true;
	remove_rung(ladders, ladder, rung);
	return false;
}

bool ladder_add(struct ladders *ladders, struct ladder *ladder, unsigned int side, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	bool changes = step->end && step->old_state != step->new_state;
	struct cause causes[CAUSE_MAX];
	struct rung *rung;
	bool told = false;
	int count = causes_of(step, causes), i;

	ladder->segments |= record->type == TCPTRACE_T_SEGMENT;
	for (i = 0; i < count; i++) {
		const struct sight sight = {
			.ladder = ladder,
			.record = record,
			.segment = causes[i],
			.side = side,
			.from = causes[i].out ? side : !side,
			.by = record->type == TCPTRACE_T_SEGMENT ? RUNG_SEGMENT : RUNG_CHANGE,
		};

		rung = see(ladders, &sight);
		if (i || !rung)
			continue;
		told = true;
		if (changes)
			add_state(ladder, rung, side, step->new_state);
		else if (causes[i].out && causes[i].flags & TH_RST)
			take_close(ladders, ladder, rung, side);
	}
	if (told)
		return true;
	if (!changes)
		return add_note(ladders, ladder, side, step);
	rung = of_change(ladders, ladder, side, step);
	if (rung)
		add_state(ladder, rung, side, step->new_state);
	return rung;
}
