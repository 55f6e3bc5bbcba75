// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments and retransmissions: their relation to what was received before, and that they disturb no count of the
 * model.
 */
#include "model/model.h"
#include "record/record.h"
#include "record/segment.h"
#include "stream.h"
#include "test.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10

static struct tcptrace_record came(uint32_t seq, uint32_t len, uint16_t flags)
{
	struct tcptrace_record record = {
		.type = TCPTRACE_T_SEGMENT,
		.kind = TCPTRACE_K_FULL,
		.family = AF_INET,
		.old_state = TCPTRACE_S_ESTABLISHED,
		.new_state = TCPTRACE_S_ESTABLISHED,
		.rcv_nxt = 100,
		.wscale = 0x73,
		.u.segment = { .seq = seq, .len = len, .flags = flags, .window = 10, .ack = 5000 },
	};

	return record;
}

static struct segment facts(const struct tcptrace_record *record)
{
	struct segment segment;

	segment_of(record, &segment);
	return segment;
}

static void test_place(void)
{
	struct tcptrace_record record = came(100, 50, ACK);

	is_int(facts(&record).gap, 0, "in sequence");
	is_int(facts(&record).duplicate, 0, "and new");
	record = came(150, 50, ACK);
	is_int(facts(&record).gap, 50, "50 are missing before it");
	record = came(40, 60, ACK);
	is_int(facts(&record).duplicate, 60, "all of it was there");
	record = came(60, 60, ACK);
	is_int(facts(&record).duplicate, 40, "the first 40 were there");
	record = came(99, 0, FIN | ACK);
	is_int(facts(&record).duplicate, 1, "the FIN again");
	record = came(99, 0, ACK);
	ok(facts(&record).probe, "a keepalive");
	record = came(100, 0, ACK);
	ok(!facts(&record).probe, "an ACK");
	record = came(99, 0, RST);
	ok(!facts(&record).probe && !facts(&record).duplicate, "a RST");
	record = came(4294967290u, 16, ACK);
	record.rcv_nxt = 10;
	is_int(facts(&record).duplicate, 16, "over the end of the numbers");
	record = came(7, 0, SYN | ACK);
	record.new_state = TCPTRACE_S_SYN_SENT;
	record.rcv_nxt = 0;
	is_int(facts(&record).gap, 0, "before the first one came nothing is missing");
}

static void test_window(void)
{
	struct tcptrace_record record = came(100, 0, ACK);

	is_int(facts(&record).window, 80, "the peer's, by its scale");
	record.u.segment.out = 1;
	is_int(facts(&record).window, 1280, "ours, by ours");
	record.u.segment.flags = SYN;
	is_int(facts(&record).window, 10, "a SYN's is not scaled");
	record = came(100, 0, ACK);
	record.kind = TCPTRACE_K_TIMEWAIT;
	ok(facts(&record).window == UNKNOWN, "a timewait socket has forgotten the peer's");
}

static void test_sack(void)
{
	struct tcptrace_record record = came(100, 0, ACK);

	record.u.segment.sacks = 1;
	record.u.segment.sack_from = 6000;
	record.u.segment.sack_to = 7000;
	ok(!facts(&record).dsack, "above the ACK: it came out of order");
	record.u.segment.sack_from = 4000;
	record.u.segment.sack_to = 5000;
	ok(facts(&record).dsack, "below the ACK: it came twice");
}

/* The fast path sends the ACK of received data before it reports that; a large write sends before it reports. */
static void test_between(void)
{
	static struct stream stream;
	struct model_options options = { 0 };
	struct model *model = model_new(&options);
	struct tcptrace_record record;
	unsigned int i, first;
	struct step step;

	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	first = stream.count;
	for (i = 0; i < first; i++)
		model_apply(model, &stream.records[i], NULL, &step);
	sends(&stream, &stream.client, 14);
	for (i = first; i < stream.count; i++) {
		record = stream.records[i];
		record.type = i & 1 ? TCPTRACE_T_SEGMENT : TCPTRACE_T_RETRANSMIT;
		record.op = TCPTRACE_OP_NONE;
		memset(&record.u, 0, sizeof(record.u));
		is_int(model_apply(model, &record, NULL, &step), MODEL_STEP, "a segment is a step");
		model_apply(model, &stream.records[i], NULL, &step);
		if (stream.records[i].op == TCPTRACE_OP_QUEUED || stream.records[i].op == TCPTRACE_OP_WRITTEN)
			is_int(step.bytes, 14, "bytes of %u", stream.records[i].type);
	}
	model_free(model);
}

int main(void)
{
	test_place();
	test_window();
	test_sack();
	test_between();
	return done_testing();
}
