// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/verdict.h"
#include "record/names.h"
#include "record/record.h"
#include "record/tcp_flags.h"
#include "tally/ladder.h"

#define HOLD_NS		1000000000ull	/* maximum time of a segment in flight */

/* ---- which ladder ---- */

void ladders_init(struct ladders *ladders)
{
	memset(ladders, 0, sizeof(*ladders));
	ladders->last = &ladders->first;
}

static unsigned int side_of(const struct ladder_endpoint *ep)
{
	return ep == &ep->ladder->endpoint[LADDER_LEFT] ? LADDER_LEFT : LADDER_RIGHT;
}

static bool link_endpoint(struct ladders *ladders, struct ladder *ladder, unsigned int side, uint64_t cookie)
{
	ladder->endpoint[side] = (struct ladder_endpoint){ .cookie = cookie, .ladder = ladder };
	if (map_put(&ladders->endpoints, cookie, &ladder->endpoint[side]))
		return true;
	ladder->endpoint[side].cookie = 0;
	ladders->dropped++;
	return false;
}

static void unlink_endpoint(struct ladders *ladders, struct ladder_endpoint *ep)
{
	if (map_get(&ladders->endpoints, ep->cookie) == ep)
		map_remove(&ladders->endpoints, ep->cookie);
	ep->cookie = 0;
}

static struct ladder *add(struct ladders *ladders, const struct tcptrace_record *record, unsigned int side)
{
	struct ladder *ladder = calloc(1, sizeof(*ladder));

	if (!ladder) {
		ladders->dropped++;
		return NULL;
	}
	memcpy(ladder->address[side], record->saddr, TCPTRACE_ADDR_LEN);
	memcpy(ladder->address[!side], record->daddr, TCPTRACE_ADDR_LEN);
	ladder->port[side] = record->sport;
	ladder->port[!side] = record->dport;
	ladder->family = record->family;
	ladder->zone[side] = zone_of_record(record);
	ladder->start = record->time;
	ladder->link = ladders->last;
	*ladders->last = ladder;
	ladders->last = &ladder->next;
	return ladder;
}

void ladders_remove(struct ladders *ladders, struct ladder *ladder)
{
	*ladder->link = ladder->next;
	if (ladder->next)
		ladder->next->link = ladder->link;
	else
		ladders->last = ladder->link;
	unlink_endpoint(ladders, &ladder->endpoint[LADDER_LEFT]);
	unlink_endpoint(ladders, &ladder->endpoint[LADDER_RIGHT]);
	ladders->messages -= ladder->count;
	free(ladder->messages);
	free(ladder);
}

void ladders_exit(struct ladders *ladders)
{
	while (ladders->first)
		ladders_remove(ladders, ladders->first);
	map_exit(&ladders->endpoints);
}

/* The ladder of the step's endpoint, which may be its first one; *side is where the step was. */
static struct ladder *ladder_of(struct ladders *ladders, const struct step *step, unsigned int *side)
{
	const struct endpoint *ep = step->ep, *peer = step->peer;
	struct ladder_endpoint *known = ep ? map_get(&ladders->endpoints, ep->cookie) : NULL, *other;
	struct ladder *ladder;

	/* The same socket again: its last connection has ended, this is a new one. */
	if (known && record_begins(step->record))
		unlink_endpoint(ladders, known);
	else if (known) {
		*side = side_of(known);
		return known->ladder;
	}
	other = peer ? map_get(&ladders->endpoints, peer->cookie) : NULL;
	if (other && (!ep || !other->ladder->endpoint[!side_of(other)].cookie)) {
		ladder = other->ladder;
		*side = !side_of(other);
	} else {
		if (!ep)
			return NULL;
		*side = ep->flags & EP_PASSIVE ? LADDER_RIGHT : LADDER_LEFT;
		ladder = add(ladders, step->record, *side);
	}
	if (!ladder || !ep)
		return ladder;
	if (!link_endpoint(ladders, ladder, *side, ep->cookie))
		return NULL;
	ladder->first[*side] = step->old_state;
	return ladder;
}

static void learn(struct ladder *ladder, unsigned int side, const struct endpoint *ep)
{
	if (ep->flags & EP_ISS) {
		ladder->initial[side] = ep->iss;
		ladder->has_initial[side] = true;
	}
	if (ep->flags & EP_IRS) {
		ladder->initial[!side] = ep->irs;
		ladder->has_initial[!side] = true;
	}
	if (ep->owner)
		ladder->owner[side] = *process_at(ep->owner);
	ladder->zone[side] = *zone_at(ep->zone);
	ladder->lossy |= ep->flags & EP_LOSSY;
	ladder->over[side] |= ep->flags & EP_OVER && !(ep->flags & EP_PENDING);
}

struct ladder *ladders_step(struct ladders *ladders, const struct step *step)
{
	struct ladder *ladder;
	unsigned int side;

	if (step->record->type == TCPTRACE_T_LISTEN)
		return NULL;
	ladder = ladder_of(ladders, step, &side);
	if (!ladder)
		return NULL;
	if (step->ep)
		learn(ladder, side, step->ep);
	return ladder_add(ladders, ladder, side, step) ? ladder : NULL;
}

/*
 * Whoever receives a RST takes the other endpoint for its sender; but if that is on this host, its own verdict says
 * whether it was.
 */
static bool knows_closer(const struct ladder *ladder, unsigned int side, const struct verdict *verdict)
{
	return verdict->how != HOW_RESET || verdict->closed_by != SIDE_REMOTE || !ladder->endpoint[!side].cookie;
}

struct ladder *ladders_verdict(struct ladders *ladders, const struct endpoint *ep)
{
	struct ladder_endpoint *known = map_get(&ladders->endpoints, ep->cookie);
	struct verdict verdict;
	struct ladder *ladder;
	unsigned int side;

	if (!known)
		return NULL;
	ladder = known->ladder;
	side = side_of(known);
	verdict_of(ep, &verdict);
	ladder->held[side] = verdict.held;
	ladder->judged[side] = true;
	if (verdict.why != WHY_UNKNOWN || verdict.reset_reason) {
		ladder->why = verdict.why;
		ladder->unread = verdict.unread;
		ladder->reset_reason = verdict.reset_reason;
	}
	ladder->over[side] |= ep->state == TCPTRACE_S_CLOSE;
	if (!knows_closer(ladder, side, &verdict))
		verdict.closed_by = SIDE_UNKNOWN;
	/* Both verdicts agree, but one may have more details. */
	if (!ladder->has_verdict || (!ladder->has_closer && verdict.closed_by != SIDE_UNKNOWN)) {
		ladder->has_verdict = true;
		ladder->how = verdict.how;
		ladder->closer[side] = verdict.closed_by == SIDE_LOCAL || verdict.closed_by == SIDE_BOTH;
		ladder->closer[!side] = verdict.closed_by == SIDE_REMOTE || verdict.closed_by == SIDE_BOTH;
		ladder->has_closer = verdict.closed_by != SIDE_UNKNOWN;
	}
	return ladder;
}

void ladders_end(struct ladders *ladders)
{
	struct ladder *ladder;

	for (ladder = ladders->first; ladder; ladder = ladder->next)
		ladder->final = true;
}

bool ladder_over(const struct ladder *ladder)
{
	unsigned int side;

	for (side = 0; side < LADDER_SIDES; side++)
		if (ladder->endpoint[side].cookie && !ladder->over[side])
			return false;
	return true;
}

static bool is_judged(const struct ladder *ladder)
{
	unsigned int side;

	if (ladder->final)
		return ladder->has_verdict;
	for (side = 0; side < LADDER_SIDES; side++)
		if (ladder->endpoint[side].cookie && !ladder->judged[side])
			return false;
	return ladder->has_verdict;
}

bool ladder_say_verdict(struct ladder *ladder)
{
	bool say = !ladder->count && !ladder->said && is_judged(ladder);

	ladder->said |= say;
	return say;
}

/* ---- properties of a message ---- */

uint64_t message_time(const struct message *message)
{
	uint64_t first = message->at[message->from], other = message->at[!message->from];

	return first && (!other || first < other) ? first : other;
}

void message_states(const struct message *message, uint8_t states[LADDER_SIDES])
{
	unsigned int side, i;

	for (side = 0; side < LADDER_SIDES; side++)
		for (i = 0; i < MESSAGE_STATES && message->states[side][i]; i++)
			states[side] = message->states[side][i];
}

static bool both_here(const struct ladder *ladder)
{
	return ladder->endpoint[LADDER_LEFT].cookie && ladder->endpoint[LADDER_RIGHT].cookie;
}

bool message_lost(const struct ladder *ladder, const struct message *message)
{
	return message->arrow && ladder->segments && both_here(ladder) && !message->at[!message->from] &&
	       ladder->state[!message->from] != TCPTRACE_S_CLOSE;
}

bool message_half(const struct ladder *ladder, const struct message *message, unsigned int side)
{
	bool sender_seen = ladder->segments || message->segment.flags & TH_RST;

	if (!message->arrow || !both_here(ladder) || message->at[!side] || message_lost(ladder, message))
		return false;
	return side == message->from || sender_seen;
}

/* Messages to another host are not waited for. */
static bool on_its_way(const struct ladder *ladder, const struct message *message, uint64_t time)
{
	return message->arrow && !message->at[!message->from] && ladder->endpoint[!message->from].cookie &&
	       !ladder->over[!message->from] && message_time(message) + HOLD_NS > time;
}

uint32_t ladder_settled(const struct ladder *ladder, uint64_t time)
{
	uint32_t i;

	for (i = 0; i < ladder->count; i++) {
		const struct message *message = &ladder->messages[i];
		uint64_t last = message->at[0] > message->at[1] ? message->at[0] : message->at[1];

		/* The effects of a segment on its sender and receiver come after it. */
		if (last + MODEL_SETTLE_NS > time || on_its_way(ladder, message, time))
			break;
	}
	return i;
}

void ladder_forget(struct ladders *ladders, struct ladder *ladder, uint32_t count)
{
	uint32_t i;

	if (!count)
		return;
	for (i = 0; i < count; i++)
		message_states(&ladder->messages[i], ladder->first);
	ladder->count -= count;
	ladder->drawn += count;
	ladders->messages -= count;
	memmove(ladder->messages, ladder->messages + count, ladder->count * sizeof(*ladder->messages));
}

void ladder_cut(struct ladders *ladders, struct ladder *ladder, uint32_t count)
{
	if (ladder->count <= count)
		return;
	ladders->messages -= ladder->count - count;
	ladder->count = count;
}

/* The maximum window of RFC 7323. A number at most this far before the initial one counts as before it. */
#define WINDOW_MAX	(65535u << 14)

bool ladder_relative(const struct ladder *ladder, unsigned int side, uint32_t number, int64_t *relative)
{
	uint32_t distance = number - ladder->initial[side];

	*relative = distance > UINT32_MAX - WINDOW_MAX ? (int32_t)distance : (int64_t)distance;
	return ladder->has_initial[side];
}

/* ---- words ---- */

struct label {
	char *text;
	unsigned int columns;
};

/* Appends the part if it fits as a whole. */
static void add_part(struct label *label, const char *part)
{
	size_t used = strlen(label->text), more = strlen(part);

	if (used + more <= label->columns && used + more < MESSAGE_LABEL)
		memcpy(label->text + used, part, more + 1);
}

static void add_plain(struct label *label, const char *name, int64_t number)
{
	char part[48];

	snprintf(part, sizeof(part), " %s=%" PRId64, name, number);
	add_part(label, part);
}

static void add_number(struct label *label, const struct ladder *ladder, unsigned int side, bool absolute,
		       const char *name, uint32_t number)
{
	char part[32];
	int64_t relative;

	if (absolute)
		return add_plain(label, name, number);
	if (ladder_relative(ladder, side, number, &relative))
		return add_plain(label, name, relative);
	snprintf(part, sizeof(part), " %s=?", name);
	add_part(label, part);
}

void message_label(const struct ladder *ladder, const struct message *message, bool absolute, unsigned int columns,
		   char text[MESSAGE_LABEL])
{
	const struct inferred_segment *segment = &message->segment;
	struct label label = { .text = text, .columns = columns };

	*put_tcp_flags(text, segment->flags & ~(TH_ECE | TH_CWR)) = '\0';
	if (segment->known & INFERRED_SEQ)
		add_number(&label, ladder, message->from, absolute, "seq", segment->seq);
	if (segment->known & INFERRED_LENGTH && segment->length)
		add_plain(&label, "len", segment->length);
	if (segment->known & INFERRED_ACK)
		add_number(&label, ladder, !message->from, absolute, "ack", segment->ack);
	if (segment->flags & (TH_ECE | TH_CWR)) {
		char ecn[TCP_FLAGS_TEXT_MAX + 1] = " ";

		*put_tcp_flags(ecn + 1, segment->flags & (TH_ECE | TH_CWR)) = '\0';
		add_part(&label, ecn);
	}
	if (message->retransmission)
		add_part(&label, " retransmit");
	if (segment->known & INFERRED_WINDOW)
		add_plain(&label, "win", segment->window);
	if (segment->mss)
		add_plain(&label, "mss", segment->mss);
	if (segment->wscale)
		add_plain(&label, "wscale", segment->wscale - 1);
}

void ladder_name(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME])
{
	*put_local(name, &ladder->zone[side], ladder->family, ladder->address[side], ladder->port[side]) = '\0';
}

_Static_assert(LADDER_NAME > PROCESS_TEXT_MAX, "room for any process");

void ladder_process(const struct ladder *ladder, unsigned int side, char name[LADDER_NAME])
{
	const struct process *owner = &ladder->owner[side];

	if (owner->pid)
		name = put_process(name, owner->pid, owner->comm);
	*name = '\0';
}

static void add_why(const struct ladder *ladder, char text[MESSAGE_LABEL])
{
	const struct verdict verdict = {
		.why = ladder->why,
		.unread = ladder->unread,
		.reset_reason = ladder->reset_reason,
	};
	size_t used = strlen(text);
	char why[MESSAGE_LABEL];

	*verdict_put_why(why, &verdict) = '\0';
	snprintf(text + used, MESSAGE_LABEL - used, "%s", why);
}

/* Where TIME_WAIT is held, and how long; nothing if it is not. */
static void add_held(const struct ladder *ladder, char text[MESSAGE_LABEL])
{
	bool left = ladder->held[LADDER_LEFT], right = ladder->held[LADDER_RIGHT];
	uint32_t ms = ladder->held[left ? LADDER_LEFT : LADDER_RIGHT];
	size_t used = strlen(text);

	if (ms)
		snprintf(text + used, MESSAGE_LABEL - used, "; TIME_WAIT is held %s for %u s",
			 left && right ? "on both ends" : left ? "on the left" : "on the right", (ms + 500) / 1000);
}

/* Where one endpoint has ended, and the other one has not. */
static void add_open(const struct ladder *ladder, char text[MESSAGE_LABEL])
{
	unsigned int side, used = strlen(text);
	char name[LADDER_NAME];

	for (side = 0; side < LADDER_SIDES; side++) {
		if (!ladder->endpoint[side].cookie || ladder->judged[side] || !ladder->state[side])
			continue;
		ladder_name(ladder, side, name);
		snprintf(text + used, MESSAGE_LABEL - used, "; %s is still %s", name, state_name(ladder->state[side]));
	}
}

void ladder_verdict(const struct ladder *ladder, char text[MESSAGE_LABEL])
{
	bool closing = ladder->how <= HOW_SIMULTANEOUS;
	char name[LADDER_NAME];
	int used;

	*text = '\0';
	if (!ladder->has_verdict)
		return;
	used = snprintf(text, MESSAGE_LABEL, "%s%s", verdict_how(ladder->how), closing ? " close" : "");
	if (ladder->has_closer && ladder->closer[LADDER_LEFT] != ladder->closer[LADDER_RIGHT]) {
		ladder_name(ladder, ladder->closer[LADDER_LEFT] ? LADDER_LEFT : LADDER_RIGHT, name);
		snprintf(text + used, MESSAGE_LABEL - used, "%s %s", closing ? ", initiated by" : " by", name);
	}
	if (ladder->how == HOW_RESET)
		add_why(ladder, text);
	add_held(ladder, text);
	add_open(ladder, text);
}

/* ---- in order of time ---- */

#define NEAR	256u	/* messages before and after that may be in flight at the same time */

/* Does anything happen at the arrow's target, or start there, after it was sent and before it was received? */
static bool crossed(const struct ladder *ladder, uint32_t count, uint32_t place)
{
	const struct message *message = &ladder->messages[place];
	uint64_t sent = message->at[message->from], received = message->at[!message->from];
	uint32_t last = place + NEAR < count ? place + NEAR : count, i;

	for (i = place > NEAR ? place - NEAR : 0; i < last; i++) {
		const struct message *other = &ladder->messages[i];
		uint64_t there = other->at[!message->from], here = other->at[message->from];
		bool same_way = other->arrow && other->from == message->from;

		/* Messages in the same direction do not cross it. */
		if (other == message || same_way)
			continue;
		if ((there > sent && there < received) || (other->arrow && here > sent && here < received))
			return true;
	}
	return false;
}

static int by_time(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->message < b->message ? -1 : a->message > b->message ? 1 : b->leaves - a->leaves;
}

uint32_t ladder_moments(const struct ladder *ladder, uint32_t count, bool split, struct moment *moments)
{
	uint32_t used = 0, i;

	for (i = 0; i < count; i++) {
		const struct message *message = &ladder->messages[i];
		uint64_t sent = message->at[message->from], received = message->at[!message->from];
		struct moment moment = { .time = message_time(message), .message = message };

		moment.side = sent ? message->from : !message->from;
		moment.leaves = moment.arrives = message->arrow;
		if (message->arrow && sent && received > sent && (split || crossed(ladder, count, i))) {
			moment.arrives = false;
			moments[used++] = moment;
			moment = (struct moment){ received, message, !message->from, false, true };
		}
		moments[used++] = moment;
	}
	qsort(moments, used, sizeof(*moments), by_time);
	return used;
}
