// SPDX-License-Identifier: GPL-2.0-only
/* Ladders made from segments: which arrow belongs to which records, what is lost, what is retransmitted. */
#include "stream.h"
#include "tally/ladder.h"
#include "test.h"

#define FIN	0x01
#define SYN	0x02
#define PSH	0x08
#define ACK	0x10

#define SETTLED	((uint64_t)MODEL_SETTLE_NS)

static struct stream stream;
static struct ladders ladders;

/* One endpoint's record of a segment; numbers are relative to the initial ones. */
static struct tcptrace_record *segment(struct stream_endpoint *side, bool out, uint8_t flags, uint32_t seq,
				       uint32_t ack, uint32_t length)
{
	struct stream_endpoint *from = out ? side : other(&stream, side);
	struct tcptrace_record *record = stream_add(&stream, side, TCPTRACE_T_SEGMENT, 0);

	record->u.segment = (struct tcptrace_segment){
		.seq = from->iss + seq,
		.ack = flags & ACK ? other(&stream, from)->iss + ack : 0,
		.len = length,
		.window = 512,
		.flags = flags,
		.out = out,
	};
	return record;
}

static void both(struct stream_endpoint *from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t length)
{
	segment(from, true, flags, seq, ack, length);
	segment(other(&stream, from), false, flags, seq, ack, length);
}

/* With each of its segments. */
static void shake_hands_but_for_the_state(void)
{
	struct stream_endpoint *client = &stream.client, *server = &stream.server;

	connects(&stream, client);
	segment(client, true, SYN, 0, 0, 0);
	syn_arrives(&stream);
	segment(server, true, SYN | ACK, 0, 1, 0);
	segment(client, false, SYN | ACK, 0, 1, 0);
	syn_ack_arrives(&stream);
	segment(client, true, ACK, 1, 1, 0);
	segment(server, false, ACK, 1, 1, 0);
}

static void shake_hands(void)
{
	shake_hands_but_for_the_state();
	ack_arrives(&stream);
}

/* Passes the records so far through the model into the ladders; returns the only ladder. */
static struct ladder *climb(void)
{
	const struct model_options options = { 0 };
	struct model *model = model_new(&options);
	unsigned int i;

	ladders_exit(&ladders);
	ladders_init(&ladders);
	for (i = 0; i < stream.count; i++) {
		struct step step;

		if (model_apply(model, &stream.records[i], NULL, &step) != MODEL_STEP)
			continue;
		ladders_step(&ladders, &step);
		if (step.verdict)
			ladders_verdict(&ladders, step.ep);
	}
	model_free(model);
	return ladders.first;
}

static unsigned int arrows(const struct ladder *ladder)
{
	unsigned int count = 0, i;

	for (i = 0; i < ladder->count; i++)
		count += ladder->messages[i].arrow;
	return count;
}

/* The last arrow from one side with so many bytes. */
static const struct message *with_length(const struct ladder *ladder, uint32_t length)
{
	unsigned int i;

	for (i = ladder->count; i-- > 0;)
		if (ladder->messages[i].arrow && ladder->messages[i].segment.length == length)
			return &ladder->messages[i];
	return NULL;
}

static void test_handshake(void)
{
	const struct ladder *ladder;

	stream_begin(&stream);
	shake_hands();
	ladder = climb();
	ok(!ladder->next, "handshake: two endpoints are one ladder");
	is_int(arrows(ladder), 3, "handshake: three segments are three arrows, whatever else tells of them");
	is_int(ladder->endpoint[LADDER_LEFT].cookie, stream.client.cookie, "handshake: who connected is on the left");
	is_int(ladder->messages[0].states[LADDER_LEFT][0], TCPTRACE_S_SYN_SENT, "handshake: SYN: SYN_SENT on the left");
	is_int(ladder->messages[0].states[LADDER_RIGHT][0], TCPTRACE_S_SYN_RECV,
	       "handshake: SYN: SYN_RECV on the right");
	is_int(ladder->messages[1].from, LADDER_RIGHT, "handshake: the answer comes from the right");
	is_int(ladder->messages[1].states[LADDER_LEFT][0], TCPTRACE_S_ESTABLISHED, "handshake: SYN,ACK: ESTABLISHED");
	is_int(ladder->messages[2].states[LADDER_RIGHT][0], TCPTRACE_S_ESTABLISHED, "handshake: ACK: ESTABLISHED");
}

static void test_loss(void)
{
	struct stream_endpoint *client = &stream.client, *server = &stream.server;
	const struct ladder *ladder;
	const struct message *again;

	stream_begin(&stream);
	shake_hands();
	segment(client, true, PSH | ACK, 1, 1, 100);
	stream.time += SECOND;
	both(client, PSH | ACK, 1, 1, 100);
	both(server, ACK, 1, 101, 0);
	ladder = climb();
	is_int(arrows(ladder), 6, "loss: both times, and the ACK");
	again = with_length(ladder, 100);
	ok(again->retransmission, "loss: the second one is the first once more");
	ok(again->at[LADDER_RIGHT] && !message_lost(ladder, again), "loss: the second one arrived");
	ok(!again[-1].retransmission && message_lost(ladder, &again[-1]), "loss: the first one did not");
}

/* Below level segment: a SYN that opened nothing is half an arrow, and its repetition opens SYN_RECV. */
static void test_lost_syn(void)
{
	struct tcptrace_record *again;
	const struct ladder *ladder;

	stream_begin(&stream);
	connects(&stream, &stream.client);
	stream.time += SECOND;
	again = stream_add(&stream, &stream.client, TCPTRACE_T_RETRANSMIT, TCPTRACE_OP_SYN);
	again->u.retransmit.seq = stream.client.iss;
	syn_arrives(&stream);
	syn_ack_arrives(&stream);
	ack_arrives(&stream);
	ladder = climb();
	is_int(arrows(ladder), 4, "lost SYN: two SYNs, the answer, its ACK");
	ok(message_half(ladder, &ladder->messages[0], LADDER_LEFT), "lost SYN: the first one was not seen to arrive");
	is_int(ladder->messages[0].states[LADDER_LEFT][0], TCPTRACE_S_SYN_SENT, "lost SYN: it began SYN_SENT");
	ok(ladder->messages[1].retransmission, "lost SYN: the second one is a retransmission");
	is_int(ladder->messages[1].states[LADDER_RIGHT][0], TCPTRACE_S_SYN_RECV, "lost SYN: which opened SYN_RECV");
	is_int(ladder->messages[1].at[LADDER_LEFT], again->time, "lost SYN: and was sent a second later");
	ok(!message_half(ladder, &ladder->messages[1], LADDER_LEFT), "lost SYN: a whole arrow");
}

/* A RST that the other endpoint, which is on this host, did not send. */
static void test_foreign_reset(void)
{
	char text[MESSAGE_LABEL];
	struct ladder *ladder;

	stream_begin(&stream);
	handshake(&stream);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	ladder = climb();
	ok(message_half(ladder, &ladder->messages[ladder->count - 1], LADDER_LEFT), "foreign RST: half an arrow");
	ladders_end(&ladders);
	ladder_verdict(ladder, text);
	is_str(text, "reset; 127.0.0.1:9090 is still ESTABLISHED", "foreign RST: by neither of the two");

	/* The server sends one of its own, which is another one. */
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	ladder = climb();
	is_int(arrows(ladder), 5, "foreign RST: a second RST is another arrow");
	ok(message_half(ladder, &ladder->messages[ladder->count - 1], LADDER_RIGHT), "foreign RST: which nobody received");
}

/* The segments of a write() are seen before it is over. */
static void test_write(void)
{
	const struct ladder *ladder;
	unsigned int i;

	stream_begin(&stream);
	shake_hands();
	both(&stream.client, PSH | ACK, 1, 1, 100);
	both(&stream.client, PSH | ACK, 101, 1, 50);
	stream.client.snd_nxt += 150;
	stream.client.write_seq += 150;
	by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), &stream.client);
	ladder = climb();
	for (i = 0; i < ladder->count && ladder->messages[i].arrow; i++)
		;
	ok(i < ladder->count && !strcmp(ladder->messages[i].note, "write 150"), "write: it is told");
	is_int(i, 3, "write: after the handshake, before its segments");
	is_int(ladder->messages[i].at[LADDER_LEFT], message_time(&ladder->messages[i + 1]), "write: and not later than they");
}

static void test_pieces(void)
{
	struct stream_endpoint *client = &stream.client, *server = &stream.server;
	const struct ladder *ladder;

	stream_begin(&stream);
	shake_hands();
	segment(client, true, ACK, 1, 1, 3000);
	segment(server, false, ACK, 1, 1, 1460);
	segment(server, false, ACK, 1461, 1, 1540);
	ladder = climb();
	is_int(arrows(ladder), 4, "pieces: one that was sent is one arrow, in how many pieces it came");
	ok(!message_lost(ladder, with_length(ladder, 3000)), "pieces: and it came");

	stream_begin(&stream);
	shake_hands();
	segment(client, true, ACK, 1, 1, 1000);
	segment(client, true, ACK, 1001, 1, 500);
	segment(server, false, ACK, 1, 1, 1500);
	ladder = climb();
	is_int(arrows(ladder), 5, "merged: two that were sent are two arrows, though they came as one");
	ok(!message_lost(ladder, with_length(ladder, 1000)) && !message_lost(ladder, with_length(ladder, 500)),
	   "merged: and both came");
}

static void test_crossing(void)
{
	struct stream_endpoint *client = &stream.client, *server = &stream.server;
	const struct ladder *ladder;
	struct moment moments[64];
	unsigned int count, i, halves = 0;

	stream_begin(&stream);
	shake_hands();
	segment(client, true, ACK, 1, 1, 10);
	segment(server, true, ACK, 1, 1, 20);
	segment(server, false, ACK, 1, 1, 10);
	segment(client, false, ACK, 1, 1, 20);
	ladder = climb();
	is_int(arrows(ladder), 5, "crossing: two arrows");
	count = ladder_moments(ladder, ladder->count, false, moments);
	for (i = 0; i < count; i++)
		halves += moments[i].leaves != moments[i].arrives;
	is_int(halves, 4, "crossing: each is drawn where it leaves and where it arrives");
	for (i = 1; i < count; i++)
		if (moments[i].time < moments[i - 1].time)
			break;
	is_int(i, count, "crossing: moments are in order of time");
	is_int(ladder->messages[0].arrow && moments[0].leaves && moments[0].arrives, 1,
	       "crossing: what nothing crosses is drawn whole");
}

static void test_one_endpoint(void)
{
	struct stream_endpoint *client = &stream.client;
	const struct ladder *ladder;

	stream_begin(&stream);
	connects(&stream, client);
	segment(client, true, SYN, 0, 0, 0);
	segment(client, false, SYN | ACK, 0, 1, 0);
	syn_ack_arrives(&stream);
	segment(client, true, ACK, 1, 1, 0);
	segment(client, true, ACK, 1, 1, 10);
	segment(client, true, ACK, 1, 1, 10);
	ladder = climb();
	is_int(arrows(ladder), 5, "one endpoint: each of its segments");
	ok(!ladder->endpoint[LADDER_RIGHT].cookie, "one endpoint: the other is not here");
	ok(with_length(ladder, 10)->retransmission, "one endpoint: what is sent again is seen all the same");
	ok(!message_lost(ladder, with_length(ladder, 10)), "one endpoint: what became of it is not known");
	is_int(ladder_settled(ladder, stream.time + SETTLED), ladder->count, "one endpoint: the other is not waited for");
}

static void test_waiting(void)
{
	const struct ladder *ladder;

	stream_begin(&stream);
	shake_hands();
	segment(&stream.client, true, ACK, 1, 1, 10);
	ladder = climb();
	is_int(ladder_settled(ladder, stream.time + SETTLED), ladder->count - 1, "on its way: it is waited for");
	is_int(ladder_settled(ladder, stream.time + 2 * SECOND), ladder->count, "on its way: not for ever");
}

static void test_interrupted(void)
{
	const struct ladder *ladder;
	uint64_t came;

	stream_begin(&stream);
	shake_hands_but_for_the_state();
	ladder = climb();
	came = ladder->messages[ladder->count - 1].at[LADDER_RIGHT];
	ok(came && !ladder->messages[ladder->count - 1].states[LADDER_RIGHT][0], "interrupted: the ACK has come");
	ok(ladder_settled(ladder, came + SETTLED / 2) < ladder->count, "interrupted: what it does is waited for");
	stream.time = came + SETTLED / 2;
	ack_arrives(&stream);
	ladder = climb();
	is_int(ladder->messages[ladder->count - 1].states[LADDER_RIGHT][0], TCPTRACE_S_ESTABLISHED,
	       "interrupted: and is the arrow's");
	is_int(ladder_settled(ladder, stream.time + SETTLED), ladder->count, "interrupted: not for ever");
}

static void test_labels(void)
{
	char label[MESSAGE_LABEL];
	const struct ladder *ladder;

	stream_begin(&stream);
	shake_hands();
	both(&stream.client, PSH | ACK, 1, 1, 100);
	ladder = climb();
	message_label(ladder, with_length(ladder, 100), false, 60, label);
	is_str(label, "PSH,ACK seq=1 len=100 ack=1 win=512", "label: numbers from the connection's beginning");
	message_label(ladder, with_length(ladder, 100), false, 20, label);
	is_str(label, "PSH,ACK seq=1 ack=1", "label: what does not fit is left out");
	message_label(ladder, with_length(ladder, 100), true, 60, label);
	is_str(label, "PSH,ACK seq=4294967291 len=100 ack=500001 win=512", "label: numbers as on the wire");
}

static void test_random(void)
{
	static const uint8_t flags[] = { SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, 0x04, 0x14, 0, 0xff };
	unsigned int round, i;

	/* Random input, in random order: no invalid memory is read or written (see SANITIZE). */
	for (round = 0; round < 200; round++) {
		srandom(round);
		stream_begin(&stream);
		shake_hands();
		for (i = 0; i < 100; i++) {
			struct stream_endpoint *side = random() & 1 ? &stream.client : &stream.server;

			segment(side, random() & 1, flags[random() % sizeof(flags)], random() % 5, random() % 5,
				random() % 4);
			if (!(random() % 10))
				to_state(&stream, side, 1 + random() % TCPTRACE_STATE_MAX);
			if (!(random() % 10))
				queue(&stream, side, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, random() % 3);
		}
		climb();
	}
	ok(ladders.first && ladders.first->count, "random: ladders all the same");
}

int main(void)
{
	ladders_init(&ladders);
	test_handshake();
	test_loss();
	test_lost_syn();
	test_foreign_reset();
	test_write();
	test_pieces();
	test_crossing();
	test_one_endpoint();
	test_waiting();
	test_interrupted();
	test_labels();
	test_random();
	ladders_exit(&ladders);
	return done_testing();
}
