// SPDX-License-Identifier: GPL-2.0-only
/*
 * A change to FIN_WAIT2 waits for the record that shows whether the peer's FIN was in the same segment; order and
 * number of records do not change.
 */
#include <errno.h>

#include "fake_source.h"
#include "session/stop.h"
#include "source/fin_lookahead.h"
#include "stream.h"
#include "test.h"

static struct stream stream;

static struct fake_source fake;
static struct fin_lookahead lookahead;

static void begin(int behind)
{
	memset(&lookahead, 0, sizeof(lookahead));
	fake_begin(&fake, stream.records, stream.count, behind);
}

/*
 * Reads all records: *count of them, in order; *merged of them were reported as merged. Returns the outcome after them.
 */
static int drain(unsigned int *count, unsigned int *merged)
{
	const struct tcptrace_record *record;
	int outcome;

	while ((outcome = fin_lookahead_next(&lookahead, &fake.source, &record)) == SOURCE_RECORD) {
		const struct tcptrace_record *wanted = &stream.records[*count];

		if (record->time != wanted->time || record->type != wanted->type || record->cookie != wanted->cookie)
			ok(false, "record %u is out of order", *count);
		if (lookahead.next) {
			ok(record->new_state == TCPTRACE_S_FIN_WAIT2, "only FIN_WAIT2 waits for another one");
			is_int(lookahead.next->cookie, record->cookie, "of its own endpoint");
			*merged += record_fin_merged(lookahead.next, record->stamp);
		}
		(*count)++;
	}
	return outcome;
}

/* A close in three steps, with another connection's records in between. */
static void three_way(bool same_segment)
{
	struct tcptrace_record *acked, *entered;

	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	entered = enters_time_wait(&stream, &stream.client);
	if (same_segment)
		entered->stamp = acked->stamp;
}

static void test_order(void)
{
	unsigned int count = 0, merged = 0;
	struct tcptrace_record *entered, sent;

	three_way(true);
	begin(SOURCE_END);
	is_int(drain(&count, &merged), SOURCE_END, "the end comes behind all records");
	is_int(count, stream.count, "none is lost");
	is_int(merged, 1, "the FIN came with the ACK");

	/* At level segment, the ACK of the peer's FIN is sent in between. */
	three_way(true);
	stream_add(&stream, &stream.client, TCPTRACE_T_SEGMENT, 0)->u.segment.out = 1;
	sent = stream.records[stream.count - 1];
	entered = &stream.records[stream.count - 3];
	sent.time = entered->time;
	memmove(entered + 1, entered, 2 * sizeof(*entered));
	*entered = sent;
	begin(SOURCE_END);
	count = merged = 0;
	drain(&count, &merged);
	is_int(merged, 1, "the FIN came with the ACK, and was acknowledged");

	three_way(false);
	begin(SOURCE_END);
	count = merged = 0;
	drain(&count, &merged);
	is_int(count, stream.count, "none is lost");
	is_int(merged, 0, "it came later");

	/* The recording ends before the next record. */
	three_way(true);
	stream.count -= 2;
	begin(SOURCE_END);
	count = merged = 0;
	is_int(drain(&count, &merged), SOURCE_END, "a file that ends in between");
	is_int(count, stream.count, "none is lost");
	is_int(merged, 0, "nothing is claimed");
}

static void test_live(void)
{
	unsigned int count = 0, merged = 0, waiting;

	three_way(true);
	begin(SOURCE_IDLE);
	fake.limit = stream.count - 2;
	/* As if it happened now. */
	stream.records[9].time = clock_now() + SECOND;
	waiting = fake.limit - 9;
	is_int(drain(&count, &merged), SOURCE_IDLE, "caught up");
	is_int(count, fake.limit - waiting, "FIN_WAIT2 waits, and what is behind it");
	ok(fin_lookahead_waits(&lookahead), "and that can be asked");
	fake.limit = stream.count;
	is_int(drain(&count, &merged), SOURCE_IDLE, "then it is told");
	is_int(count, stream.count, "none is lost");
	is_int(merged, 1, "merged");
	ok(!fin_lookahead_waits(&lookahead), "nothing waits");

	/* Half-closed: nothing follows for a long time. */
	three_way(false);
	begin(SOURCE_IDLE);
	fake.limit = stream.count - 2;
	stream.records[9].time = clock_now() - 2 * FIN_LOOKAHEAD_NS;
	count = merged = 0;
	is_int(drain(&count, &merged), SOURCE_IDLE, "after AHEAD_NS");
	is_int(count, fake.limit, "it waits no more");

	begin(-EIO);
	count = merged = 0;
	is_int(drain(&count, &merged), -EIO, "an error is handed on");
}

static void test_full(void)
{
	unsigned int count = 0, merged = 0, i;

	three_way(true);
	stream.count = 10;
	for (i = 0; i < 2 * FIN_LOOKAHEAD_MAX; i++) {
		stream.time = stream.records[9].time;
		stream_add(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED)->time = stream.records[9].time;
	}
	begin(SOURCE_END);
	drain(&count, &merged);
	is_int(count, stream.count, "no more wait than there is room for, and none is lost");
}

int main(void)
{
	test_order();
	test_live();
	test_full();
	return done_testing();
}
