// SPDX-License-Identifier: GPL-2.0-only
#include "view/json/json_impl.h"
#include "view/picture/ladder_view.h"

/* The side that the object belongs to: the sender, if it is on this host. */
static unsigned int local_of(const struct ladder *ladder, const struct message *message)
{
	return ladder->endpoint[message->from].cookie ? message->from : !message->from;
}

static void add_number(struct json_object *object, const struct ladder *ladder, unsigned int side, bool absolute,
		       const char *key, uint32_t number)
{
	int64_t relative;

	if (absolute)
		json_add_int(object, key, number);
	else if (ladder_relative(ladder, side, number, &relative))
		json_add_signed(object, key, relative);
}

static void add_segment(struct json_object *object, const struct ladder *ladder, const struct message *message,
			unsigned int local, bool absolute)
{
	const struct inferred_segment *segment = &message->segment;
	char flags[TCP_FLAGS_TEXT_MAX];

	json_add_string(object, "dir", message->from == local ? "out" : "in");
	json_add_text(object, "flags", flags, put_tcp_flags(flags, segment->flags));
	if (segment->known & INFERRED_SEQ)
		add_number(object, ladder, message->from, absolute, "seq", segment->seq);
	if (segment->known & INFERRED_ACK)
		add_number(object, ladder, !message->from, absolute, "ack", segment->ack);
	if (segment->known & INFERRED_LENGTH)
		json_add_int(object, "len", segment->length);
	if (segment->known & INFERRED_WINDOW)
		json_add_int(object, "win", segment->window);
	if (segment->mss)
		json_add_int(object, "mss", segment->mss);
	if (segment->wscale)
		json_add_int(object, "wscale", segment->wscale - 1);
	if (message->at[message->from])
		json_add_int(object, "sent_time", message->at[message->from]);
	if (message->at[!message->from])
		json_add_int(object, "received_time", message->at[!message->from]);
	json_add(object, "retransmit", json_object_new_boolean(message->retransmission));
	json_add(object, "lost", json_object_new_boolean(message_lost(ladder, message)));
}

/* The states at one side, before and after. */
static void add_states(struct json_object *object, const struct message *message, unsigned int side, uint8_t before,
		       const char *old, const char *new)
{
	const uint8_t *states = message->states[side];

	if (!states[0])
		return;
	if (before)
		json_add_string(object, old, state_name(before));
	json_add_string(object, new, state_name(states[1] ? states[1] : states[0]));
}

static void one(struct out *out, const struct ladder *ladder, const struct message *message,
		const uint8_t before[LADDER_SIDES], const uint8_t state[LADDER_SIDES], bool absolute)
{
	unsigned int local = local_of(ladder, message);
	const struct head head = {
		.time = message_time(message),
		.type = type_name(message->arrow ? TCPTRACE_T_SEGMENT : TCPTRACE_T_STATE),
		.cookie = ladder->endpoint[local].cookie,
		.zone = ladder->zone[local],
		.family = ladder->family,
		.saddr = ladder->address[local],
		.sport = ladder->port[local],
		.daddr = ladder->address[!local],
		.dport = ladder->port[!local],
		.state = state[local],
	};
	struct json_object *object = begin(&head);

	/* Not known for that moment. */
	json_object_object_add(object, "recvq", NULL);
	json_object_object_add(object, "sendq", NULL);
	if (ladder->endpoint[!local].cookie)
		json_add_int(object, "peer_cookie", ladder->endpoint[!local].cookie);
	if (message->arrow)
		add_segment(object, ladder, message, local, absolute);
	add_states(object, message, local, before[local], "old", "new");
	add_states(object, message, !local, before[!local], "peer_old", "peer_new");
	json_print(out, object);
}

void ladder_json(struct out *out, const struct ladder *ladder, uint32_t count, bool absolute)
{
	uint8_t state[LADDER_SIDES] = { ladder->first[LADDER_LEFT], ladder->first[LADDER_RIGHT] };
	uint32_t i;

	for (i = 0; i < count; i++) {
		const struct message *message = &ladder->messages[i];
		const uint8_t before[LADDER_SIDES] = { state[LADDER_LEFT], state[LADDER_RIGHT] };

		message_states(message, state);
		if (message->arrow || message->states[message->from][0])
			one(out, ladder, message, before, state, absolute);
	}
}
