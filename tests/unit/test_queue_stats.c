// SPDX-License-Identifier: GPL-2.0-only
/* The history of an endpoint's queues, and the other counters of a verdict. */
#include "model/model.h"
#include "model/queue_stats.h"
#include "model/verdict.h"
#include "session/bootstrap.h"
#include "stream.h"
#include "test.h"

static struct stream stream;
static struct model *model;
static struct step step;
static unsigned int fed;	/* of the stream's records */
static uint32_t window;		/* of the peer, in each record of level queue */

static void feed(const struct tcptrace_record *record)
{
	model_settle(model, record->time - MODEL_SETTLE_NS);
	model_apply(model, record, NULL, &step);
}

/* All records since the last call. */
static void feed_new(void)
{
	for (; fed < stream.count; fed++)
		feed(&stream.records[fed]);
}

static void begin_empty(void)
{
	static const struct model_options options;

	model_free(model);
	model = model_new(&options);
	if (!model)
		abort();
	stream_begin(&stream);
	fed = 0;
	window = 65536;
}

static void begin(void)
{
	begin_empty();
	handshake(&stream);
}

static struct verdict verdict(const struct stream_endpoint *side)
{
	static struct verdict verdict;
	const struct endpoint *ep;

	feed_new();
	ep = model_find(model, side->cookie);
	if (!ep)
		abort();
	verdict_of(ep, &verdict);
	return verdict;
}

/* ---- what each endpoint does, one record each, `after` the one before ---- */

static void pass(uint64_t after)
{
	stream.time += after - 10 * US;
}

static void writes(struct stream_endpoint *from, uint32_t bytes, uint64_t after)
{
	pass(after);
	from->write_seq += bytes;
	by_task(queue(&stream, from, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), from)->snd_wnd = window;
}

static void comes(struct stream_endpoint *to, uint32_t bytes, uint64_t after)
{
	struct stream_endpoint *from = other(&stream, to);

	pass(after);
	from->snd_nxt += bytes;
	to->rcv_nxt += bytes;
	to->bytes_in += bytes;
	queue(&stream, to, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
}

static struct tcptrace_record *reads(struct stream_endpoint *to, uint32_t bytes, uint64_t after)
{
	pass(after);
	to->copied_seq += bytes;
	return by_task(queue(&stream, to, TCPTRACE_T_RECV, TCPTRACE_OP_READ, bytes), to);
}

static void waits(struct stream_endpoint *to, uint64_t after)
{
	pass(after);
	by_task(queue(&stream, to, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0), to);
}

static void is_acked(struct stream_endpoint *from, uint32_t bytes, uint32_t offered, uint64_t after)
{
	window = offered;
	pass(after);
	from->snd_una += bytes;
	from->bytes_out += bytes;
	queue(&stream, from, TCPTRACE_T_ACK, 0, bytes)->snd_wnd = window;
}

static uint64_t last_delay(void)
{
	feed_new();
	return step.ep && step.ep->queue_stats ? step.waited : 4711;
}

/* ---- the receive queue ---- */

static void test_read_delay(void)
{
	struct stream_endpoint *server = &stream.server;

	begin();
	comes(server, 10, SECOND);
	comes(server, 5, 2 * SECOND);
	reads(server, 4, SECOND);
	is_int(last_delay(), 3 * SECOND, "a read takes the oldest byte first");
	is_int(step.bytes, 4, "and a part of what came at once");
	reads(server, 6, SECOND);
	is_int(last_delay(), 4 * SECOND, "the rest of that is no younger for it");
	comes(server, 1, SECOND);
	reads(server, 6, SECOND);
	is_int(last_delay(), 4 * SECOND, "a read of two arrivals: the older one counts");
	comes(server, 1, SECOND);
	reads(server, 1, 7 * SECOND);
	is_int(last_delay(), 7 * SECOND, "what came later waited for itself");
	is_int(verdict(server).read_delay, 7 * SECOND, "the longest of all");
	is_int(verdict(&stream.client).read_delay, UNKNOWN, "nothing came to the other endpoint");

	comes(server, 3, SECOND);
	pass(9 * SECOND);
	shuts(&stream, server, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, server, TCPTRACE_S_CLOSE), server);
	is_int(verdict(server).read_delay, 9 * SECOND + 10 * US, "unread at the end: it waited until then");
}

static void test_looks(void)
{
	struct stream_endpoint *server = &stream.server;

	begin();
	comes(server, 10, SECOND);
	reads(server, 0, SECOND)->u.queue.bytes = 10;
	is_int(last_delay(), UNKNOWN, "MSG_PEEK reads nothing");
	is_int(step.bytes, 0, "no byte");
	is_int(verdict(server).read_delay, stream.time - stream.records[6].time, "so it waits yet");
	reads(server, 10, SECOND);
	is_int(last_delay(), 2 * SECOND, "and from its coming on");
	/* MSG_WAITALL: one call reports four bytes, then ten. */
	comes(server, 4, SECOND);
	reads(server, 4, SECOND);
	comes(server, 6, SECOND);
	reads(server, 6, SECOND)->u.queue.bytes = 10;
	feed_new();
	is_int(step.bytes, 6, "MSG_WAITALL tells of the same bytes twice; they count once");
	is_int(last_delay(), SECOND, "and waited as long as they did");
}

static void test_arrivals(void)
{
	struct stream_endpoint *server = &stream.server;
	unsigned int i;

	begin();
	for (i = 0; i < 100; i++)
		comes(server, 10, i == 50 ? 5 * SECOND : MS);
	reads(server, 1, SECOND);
	is_int(last_delay(), SECOND + 98 * MS + 5 * SECOND, "of the oldest byte it is right all the same");
	reads(server, 499, MS);
	reads(server, 1, MS);
	feed_new();
	ok(last_delay() >= SECOND + 51 * MS && last_delay() < SECOND + 51 * MS + 50 * MS,
	   "where a long pause was, times are kept apart: %llu ms", (unsigned long long)(last_delay() / MS));
	reads(server, 499, MS);
	comes(server, 1, SECOND);
	reads(server, 1, MS);
	is_int(last_delay(), MS, "once all was read, it is exact again");
}

/* The data is in the segment with the FIN, whose change of state is reported first. */
static void test_fin(void)
{
	struct stream_endpoint *server = &stream.server;

	begin();
	server->rcv_nxt += 7;
	server->bytes_in += 7;
	fin_arrives(&stream, server, TCPTRACE_S_CLOSE_WAIT);
	queue(&stream, server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	reads(server, 7, SECOND);
	is_int(last_delay(), SECOND, "data in a FIN's segment");
	reads(server, 1, SECOND);
	is_int(last_delay(), UNKNOWN, "the FIN itself is no data");
	is_int(verdict(server).read_delay, SECOND, "and does not wait");
}

static void test_blocked(void)
{
	struct stream_endpoint *server = &stream.server;

	begin();
	waits(server, SECOND);
	comes(server, 5, 3 * SECOND);
	reads(server, 5, 2 * SECOND);
	is_int(verdict(server).read_blocked, 3 * SECOND, "until data comes, not until it is read");
	is_int(verdict(server).read_delay, 2 * SECOND, "that is the delay's");
	waits(server, SECOND);
	waits(server, SECOND);
	pass(4 * SECOND);
	fin_arrives(&stream, server, TCPTRACE_S_CLOSE_WAIT);
	is_int(verdict(server).read_blocked, 8 * SECOND, "a FIN ends it; of two waits the first one counts");
	is_int(verdict(&stream.client).read_blocked, UNKNOWN, "of an endpoint without such records nothing is claimed");

	begin();
	waits(server, SECOND);
	pass(2 * SECOND);
	shuts(&stream, server, TCPTRACE_OP_SHUT_WR);
	pass(2 * SECOND);
	shuts(&stream, server, TCPTRACE_OP_SHUT_RD);
	is_int(verdict(server).read_blocked, 4 * SECOND, "shutdown() for reading ends it, for writing does not");

	begin();
	waits(server, SECOND);
	feed_new();
	lost(&stream, 3);
	comes(server, 5, 9 * SECOND);
	is_int(verdict(server).read_blocked, 0, "what may have ended among lost records is not counted");
}

/* ---- the send queue ---- */

static void test_limits(void)
{
	struct stream_endpoint *client = &stream.client;

	begin();
	/* Everything written is sent at once. */
	writes(client, 1000, SECOND);
	client->snd_nxt += 1000;
	is_acked(client, 1000, 3000, 2 * SECOND);
	is_int(verdict(client).receiver_limited, 0, "what is on its way waits for nobody");
	is_int(verdict(client).sender_limited, 0, "on neither side");
	/* 3000 fit into the window, 2000 do not. */
	writes(client, 5000, SECOND);
	client->snd_nxt += 3000;
	is_acked(client, 3000, 0, 3 * SECOND);
	is_int(verdict(client).receiver_limited, 3 * SECOND, "the window is full");
	is_acked(client, 0, 10000, 4 * SECOND);
	is_int(verdict(client).receiver_limited, 7 * SECOND, "and then closed");
	is_int(verdict(client).sender_limited, 0, "that is the receiver's doing alone");
	/* Of the 2000, 500 go out; the window would allow more. */
	client->snd_nxt += 500;
	is_acked(client, 500, 10000, 2 * SECOND);
	is_int(verdict(client).sender_limited, 2 * SECOND, "unsent with room in the window: this side holds it");
	client->snd_nxt += 1500;
	is_acked(client, 1500, 10000, SECOND);
	pass(SECOND);
	shuts(&stream, client, TCPTRACE_OP_SHUT_WR);
	is_int(verdict(client).sender_limited, 2 * SECOND, "nothing is left to send");
	is_int(verdict(client).receiver_limited, 7 * SECOND, "for either");
}

/* ---- other counters of a verdict ---- */

static void test_handshake(void)
{
	struct tcptrace_record *record;

	begin();
	is_int(verdict(&stream.server).syn_recv, 30 * US, "SYN_RECV, from the SYN to its handshake's end");
	is_int(verdict(&stream.server).accept_wait, 10 * US, "then until accept()");
	is_int(verdict(&stream.client).syn_recv, UNKNOWN, "not of an endpoint that connected");
	is_int(verdict(&stream.client).accept_wait, UNKNOWN, "nor does it wait for accept()");

	begin_empty();
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	syn_ack_arrives(&stream);
	stream.time += 7 * SECOND;
	ack_arrives(&stream);
	is_int(verdict(&stream.server).syn_recv, duration32_ns(duration32_of(7 * SECOND + 30 * US)),
	       "a lost ACK: as long as that takes");
	is_int(verdict(&stream.client).handshake, 20 * US, "the client does not know of it");

	begin_empty();
	stream.server.irs = stream.client.iss;
	stream.server.rcv_nxt = stream.server.copied_seq = stream.server.irs + 1;
	ack_arrives(&stream);
	stream.records[0].flags |= TCPTRACE_F_COOKIE_SYN;
	stream.time += SECOND;
	record = accepts(&stream);
	is_int(verdict(&stream.server).handshake, UNKNOWN, "of a SYN cookie nobody knows when its SYN came");
	is_int(verdict(&stream.server).syn_recv, UNKNOWN, "nor how long SYN_RECV was");
	is_int(verdict(&stream.server).accept_wait, record->time - stream.records[0].time, "but since when it waited");
}

static void test_lasting(void)
{
	begin();
	sends(&stream, &stream.client, 10);
	sends(&stream, &stream.server, 10);
	is_str(verdict_lasting(verdict(&stream.client).lasting), "short", "one request");
	is_str(verdict_side(verdict(&stream.client).asked_by), "local", "of the client's");
	is_str(verdict_side(verdict(&stream.server).asked_by), "remote", "the server says the same");
	sends(&stream, &stream.client, 10);
	sends(&stream, &stream.server, 10);
	is_str(verdict_lasting(verdict(&stream.server).lasting), "long", "two of them");
	begin();
	moves(&stream, &stream.client, 10, true);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	ok(!verdict_lasting(verdict(&stream.client).lasting), "below level queue it is not known");
}

static void test_orphan(void)
{
	begin();
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	stream.client.flags |= TCPTRACE_F_ORPHAN;
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ETIMEDOUT;
	ok(verdict(&stream.client).orphaned, "FIN_WAIT1 without a process, given up");
	begin();
	sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ETIMEDOUT;
	ok(!verdict(&stream.client).orphaned, "the same with a process");
	begin();
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	stream.client.flags |= TCPTRACE_F_ORPHAN;
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	ok(!verdict(&stream.client).orphaned, "reset by the peer: nobody gave it up");
	begin();
	stream.client.flags |= TCPTRACE_F_ORPHAN;
	four_way(&stream, &stream.server);
	ok(!verdict(&stream.client).orphaned, "an orphan that comes to a good end is none");
}

static void test_left(void)
{
	const struct endpoint *ep;

	begin();
	feed_new();
	is_int(endpoint_left(model_find(model, stream.client.cookie), stream.time), 0,
	       "only a timewait socket has any");
	four_way(&stream, &stream.client);
	feed_new();
	ep = model_find(model, stream.client.cookie);
	is_int(endpoint_left(ep, ep->since + 20 * SECOND) / SECOND, 40, "of 60 s of TIME_WAIT, 20 are over");
	is_int(process_at(ep->owner)->pid, 1001, "and whose it was is known");
	is_int(endpoint_left(ep, ep->since + 61 * SECOND), 0, "nothing is left at last");
	stream.time = ep->since + 30 * SECOND;
	timewait(&stream, &stream.client, TCPTRACE_OP_RESTART, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_TIME_WAIT, 60000);
	feed_new();
	ok(endpoint_left(ep, ep->since + 40 * SECOND) / SECOND == 50, "begun anew, it lasts longer");
}

/* ---- where the numbers of an endpoint that existed begin ---- */

static void bootstrap(const struct stream_endpoint *first, const struct stream_endpoint *second)
{
	struct bootstrap *bootstrap;

	model_free(model);
	model = model_new(&(struct model_options){ 0 });
	stream.count = fed = 0;
	bootstrap = bootstrap_new(model, 1);
	bootstrap_snapshot(snapshot(&stream, first, TCPTRACE_K_FULL), bootstrap);
	if (second)
		bootstrap_snapshot(snapshot(&stream, second, TCPTRACE_K_FULL), bootstrap);
	bootstrap_finish(bootstrap);
	bootstrap_free(bootstrap);
	stream.count = 0;
}

static void test_existing(void)
{
	const struct endpoint *client, *server;

	begin();
	moves(&stream, &stream.client, 1000, true);
	moves(&stream, &stream.server, 20000, true);
	bootstrap(&stream.client, &stream.server);
	client = model_find(model, 101);
	server = model_find(model, 102);
	ok(client->flags & EP_ISS && client->iss == stream.client.iss, "both endpoints are here: the client's");
	ok(client->flags & EP_IRS && client->irs == stream.server.iss, "and what the server's are to it");
	ok(server->flags & EP_ISS && server->iss == stream.server.iss, "the server's");
	ok(server->flags & EP_IRS && server->irs == stream.client.iss, "and the client's to it");

	bootstrap(&stream.client, NULL);
	client = model_find(model, 101);
	ok(client->flags & EP_IRS && client->irs == stream.server.iss, "of one alone, the peer's are known");
	ok(!(client->flags & EP_ISS), "its own are not: whether a SYN was counted is not");
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	feed(&stream.records[0]);
	ok(!(client->flags & EP_ISS), "nor does its next record tell");

	begin();
	moves(&stream, &stream.client, 1000, true);
	bootstrap(&stream.server, NULL);
	server = model_find(model, 102);
	ok(server->flags & EP_ISS && server->iss == stream.server.iss,
	   "one of which nothing was acknowledged, no SYN either: it did not connect");
	ok(server->flags & EP_PASSIVE, "so it was connected to");

	/* The snapshot was read between two of its fields' changes. */
	begin();
	stream.server.bytes_in = 500;
	stream.server.rcv_nxt += 1000;
	bootstrap(&stream.server, NULL);
	stream.server.bytes_in = 1000;
	shuts(&stream, &stream.server, TCPTRACE_OP_SHUT_RD);
	feed(&stream.records[0]);
	ok(model_find(model, 102)->irs == stream.client.iss, "an event's word counts more than a snapshot's");
}

int main(void)
{
	test_read_delay();
	test_looks();
	test_arrivals();
	test_fin();
	test_blocked();
	test_limits();
	test_handshake();
	test_lasting();
	test_orphan();
	test_left();
	test_existing();
	model_free(model);
	return done_testing();
}
