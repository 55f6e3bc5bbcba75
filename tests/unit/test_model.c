// SPDX-License-Identifier: GPL-2.0-only
/* The model on streams made by hand: what is known of each endpoint, and its verdict. */
#include <inttypes.h>
#include <netinet/tcp.h>

#include "fake_source.h"
#include "model/inferred_segment.h"
#include "model/model.h"
#include "model/queue_stats.h"
#include "model/verdict.h"
#include "session/bootstrap.h"
#include "stream.h"
#include "test.h"

static struct stream stream;

/* What is kept of a verdict after its endpoint is gone. */
struct seen {
	bool any;
	struct endpoint ep;
	struct verdict verdict;
	uint64_t time;		/* of the record that brought it */
};

static struct {
	struct model *model;
	unsigned int steps, skipped, holes;
	struct step last;
	struct tcptrace_record last_record;
	struct endpoint last_endpoint;
	struct seen client, server;
} world;

static void keep_verdict(const struct endpoint *ep, uint64_t time)
{
	struct seen *seen = ep->cookie == stream.client.cookie ? &world.client : &world.server;

	ok(!seen->any, "one verdict for %llu", (unsigned long long)ep->cookie);
	seen->any = true;
	seen->ep = *ep;
	verdict_of(&seen->ep, &seen->verdict);
	seen->time = time;
}

static void world_begin(uint32_t max_endpoints)
{
	const struct model_options options = { .max_endpoints = max_endpoints };

	memset(&world, 0, sizeof(world));
	world.model = model_new(&options);
	if (!world.model)
		abort();
}

static void settle_until(uint64_t time)
{
	const struct endpoint *ep;

	while ((ep = model_settle(world.model, time)))
		keep_verdict(ep, time);
}

static void feed(const struct tcptrace_record *record)
{
	struct step step;

	settle_until(record->time - MODEL_SETTLE_NS);
	switch (model_apply(world.model, record, NULL, &step)) {
	case MODEL_STEP:
		world.steps++;
		world.last = step;
		world.last_record = *record;
		world.last.record = &world.last_record;
		if (step.ep) {
			world.last_endpoint = *step.ep;
			world.last.ep = &world.last_endpoint;
		}
		if (step.verdict)
			keep_verdict(step.ep, record->time);
		break;
	case MODEL_LOST:
		world.holes++;
		break;
	case MODEL_SKIP:
		world.skipped++;
		break;
	}
}

static void feed_from(unsigned int first)
{
	unsigned int i;

	for (i = first; i < stream.count; i++)
		feed(&stream.records[i]);
}

static unsigned int feed_rest(unsigned int fed)
{
	feed_from(fed);
	return stream.count;
}

static void run(void)
{
	world_begin(0);
	feed_from(0);
	settle_until(UINT64_MAX);
}

static void finish(void)
{
	model_free(world.model);
}

static void is_how(const struct seen *seen, const char *how, const char *by, const char *text)
{
	const char *side = verdict_side(seen->verdict.closed_by);

	ok(seen->any, "%s: has a verdict", text);
	is_str(verdict_how(seen->verdict.how), how, "%s: how", text);
	is_str(side ? side : "unknown", by, "%s: by", text);
}

static void is_inferred(const struct tcptrace_record *record, int at, const char *wanted, const char *text)
{
	struct step step = { .record = record, .ep = &world.last_endpoint, .merged = world.last.merged };
	struct inferred_segment segments[INFERRED_MAX];
	char line[128] = "", flags[TCP_FLAGS_TEXT_MAX];
	int64_t number;

	if (infer_segments(&step, segments) > at) {
		const struct inferred_segment *segment = &segments[at];
		int length = snprintf(line, sizeof(line), "%s %.*s", segment->out ? "out" : "in",
				      (int)(put_tcp_flags(flags, segment->flags) - flags), flags);

		if (segment->known & INFERRED_SEQ &&
		    relative_seq(step.ep, segment->out, segment->seq, &number))
			length += snprintf(line + length, sizeof(line) - length, " seq=%" PRId64, number);
		if (segment->known & INFERRED_ACK &&
		    relative_seq(step.ep, !segment->out, segment->ack, &number))
			length += snprintf(line + length, sizeof(line) - length, " ack=%" PRId64, number);
		if (segment->known & INFERRED_WINDOW)
			length += snprintf(line + length, sizeof(line) - length, " win=%u", segment->window);
		if (segment->mss)
			length += snprintf(line + length, sizeof(line) - length, " mss=%u", segment->mss);
		if (segment->wscale)
			snprintf(line + length, sizeof(line) - length, " wscale=%u", segment->wscale - 1);
	}
	is_str(line, wanted, "%s", text);
}

/* ---- how connections open and close ---- */

static void test_four_way(void)
{
	uint64_t opened, established;

	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	opened = stream.records[1].time;
	established = stream.records[3].time;
	moves(&stream, &stream.client, 6, true);
	moves(&stream, &stream.server, 17, true);
	stream.client.retransmits = 2;
	four_way(&stream, &stream.client);
	run();

	is_how(&world.client, "four-way", "local", "the client closes first");
	is_how(&world.server, "four-way", "remote", "the server");
	is_int(world.client.verdict.closer->pid, 1001, "the client knows who closed first");
	is_int(world.server.verdict.closer->pid, 1001, "the server knows, too");
	is_str(world.server.verdict.closer->comm, "client", "and by name");
	is_int(world.client.verdict.handshake, established - opened, "handshake of the client");
	is_int(world.server.verdict.handshake, 30 * US, "handshake of the server");
	is_int(world.client.verdict.duration, world.client.time - opened, "duration to TIME_WAIT");
	is_int(world.client.verdict.held, 60000, "TIME_WAIT is held at the client");
	is_int(world.server.verdict.held, 0, "not at the server");
	is_int(world.client.verdict.bytes_out, 6, "bytes out of the client, no SYN, no FIN");
	is_int(world.client.verdict.bytes_in, 17, "bytes in");
	is_int(world.server.verdict.bytes_out, 17, "bytes out of the server");
	is_int(world.server.verdict.bytes_in, 6, "bytes in");
	is_int(world.client.verdict.retransmits, 2, "retransmits");
	is_int(world.client.verdict.half_closed, MS + 50 * US, "half-closed, FIN to FIN, at the client");
	is_int(world.server.verdict.half_closed, MS + 30 * US, "at the server");
	ok(world.client.verdict.whole && world.server.verdict.whole, "both were seen whole");
	ok(!world.client.verdict.lossy, "nothing was lost");
	is_int(world.skipped, 1, "the dead full socket's change to CLOSE is no step");
	is_int(model_endpoint_count(world.model), 2, "the listener and the TIME_WAIT are left");

	time_wait_ends(&stream, &stream.client);
	feed_from(stream.count - 1);
	is_int(world.last.old_state, TCPTRACE_S_TIME_WAIT, "TIME_WAIT ends");
	is_int(world.last.in_state / SECOND, 60, "after 60 s");
	ok(!world.last.verdict, "without a second verdict");
	listen_ends(&stream);
	feed_from(stream.count - 1);
	is_int(model_endpoint_count(world.model), 0, "nothing is left");
	finish();
}

static void test_server_first(void)
{
	stream_begin(&stream);
	handshake(&stream);
	four_way(&stream, &stream.server);
	run();
	is_how(&world.client, "four-way", "remote", "the server closes first: the client");
	is_how(&world.server, "four-way", "local", "the server closes first");
	is_int(world.client.verdict.closer->pid, 2002, "the client knows the server's process");
	is_int(world.server.verdict.held, 60000, "TIME_WAIT is at the server");
	finish();
}

static void test_three_way(void)
{
	struct tcptrace_record *acked, *entered;

	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	enters_time_wait(&stream, &stream.client);
	entered = &stream.records[stream.count - 2];
	entered->stamp = acked->stamp;
	fin_is_acked(&stream, &stream.server, TCPTRACE_S_CLOSE);
	run();
	is_how(&world.client, "three-way", "local", "FIN and ACK in one segment");
	is_how(&world.server, "three-way", "remote", "the other endpoint of it");
	finish();

	/* The same without timestamps of segments: it is not known. */
	entered->stamp = acked->stamp = 0;
	run();
	is_how(&world.client, "four-way", "local", "unknown stamps prove nothing");
	finish();
}

/* Whoever closes second knows from its own segments whether its FIN was the first to acknowledge the other's. */
static void test_second_closer(void)
{
	static const struct {
		uint32_t flags, unsent, window;
		const char *how, *what;
	} all[] = {
		{ TCPTRACE_F_UNACKED, 0, 65536, "three-way", "the FIN carries the ACK" },
		{ TCPTRACE_F_ACKED, 0, 65536, "four-way", "the ACK was sent before" },
		{ TCPTRACE_F_UNACKED, 100, 65536, "three-way", "with the last data" },
		{ TCPTRACE_F_UNACKED, 40000, 65536, "four-way", "data is sent before, and carries the ACK" },
		{ TCPTRACE_F_UNACKED, 100, 50, "four-way", "the FIN waits for the window" },
		{ 0, 0, 65536, "four-way", "an older recording does not say" },
	};
	struct tcptrace_record *record;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		stream_begin(&stream);
		handshake(&stream);
		fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
		stream.server.write_seq += all[i].unsent;
		record = sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
		record->flags |= all[i].flags;
		record->snd_wnd = all[i].window;
		stream.server.snd_nxt = stream.server.write_seq;
		fin_is_acked(&stream, &stream.server, TCPTRACE_S_CLOSE);
		run();
		is_how(&world.server, all[i].how, "remote", all[i].what);
		finish();
	}
}

/* Without a timewait socket for it (tcp_max_tw_buckets), FIN_WAIT2 ends in CLOSE. */
static void test_no_time_wait(void)
{
	struct tcptrace_record *acked, *over;

	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	over = fin_arrives(&stream, &stream.client, TCPTRACE_S_CLOSE);
	over->stamp = acked->stamp;
	run();
	is_how(&world.client, "three-way", "local", "the peer's FIN came with the ACK");
	finish();

	over->stamp++;
	run();
	is_how(&world.client, "four-way", "local", "it came in another segment");
	finish();
}

static void test_simultaneous(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.client, TCPTRACE_S_CLOSING);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSING);
	enters_time_wait(&stream, &stream.client);
	enters_time_wait(&stream, &stream.server);
	run();
	is_how(&world.client, "simultaneous", "both", "crossed FINs, the client");
	is_how(&world.server, "simultaneous", "both", "crossed FINs, the server");
	is_int(world.client.verdict.bytes_in, 0, "no byte in");
	is_int(world.client.verdict.bytes_out, 0, "no byte out");
	finish();
}

static void test_half_close(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	stream.time += 3 * SECOND;
	moves(&stream, &stream.server, 1000, true);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	enters_time_wait(&stream, &stream.client);
	fin_is_acked(&stream, &stream.server, TCPTRACE_S_CLOSE);
	run();
	is_how(&world.client, "four-way", "local", "half-closed for 3 s");
	is_int(world.client.verdict.half_closed / SECOND, 3, "seconds, at the client");
	is_int(world.server.verdict.half_closed / SECOND, 3, "seconds, at the server");
	is_int(world.client.verdict.bytes_in, 1000, "what came meanwhile counts");
	finish();
}

static void test_simultaneous_open(void)
{
	stream_begin(&stream);
	connects(&stream, &stream.client);
	connects(&stream, &stream.server);
	is_int(to_state(&stream, &stream.client, TCPTRACE_S_SYN_RECV)->new_state, TCPTRACE_S_SYN_RECV,
	       "the SYNs cross");
	stream.client.irs = stream.server.iss;
	stream.client.rcv_nxt = stream.client.copied_seq = stream.client.irs + 1;
	stream.client.snd_una = stream.client.iss + 1;
	to_state(&stream, &stream.client, TCPTRACE_S_ESTABLISHED);
	run();
	is_int(world.last_endpoint.irs, stream.server.iss, "irs is known at last");
	ok(world.last.peer && world.last.peer->cookie == 102, "they found each other");
	is_inferred(&stream.records[2], 0, "in SYN", "a SYN came, its number is not known yet");
	is_inferred(&stream.records[3], 0, "", "SYN-ACK or ACK: nobody knows");
	finish();
}

/* ---- resets and failures ---- */

static void test_unread(void)
{
	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	shuts(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	is_how(&world.server, "reset", "local", "closed with data unread");
	is_str(verdict_why(world.server.verdict.why), "unread", "and it says so");
	is_int(world.server.verdict.unread, 5, "how many bytes");
	is_int(world.server.verdict.closer->pid, 2002, "which process");
	is_int(world.server.verdict.recvq_peak, 5, "its Recv-Q's peak");
	is_int(world.server.time, stream.records[stream.count - 3].time, "the verdict comes with the RST");
	is_how(&world.client, "reset", "remote", "the other endpoint");
	is_str(verdict_why(world.client.verdict.why), "unread", "knows why");
	is_int(world.client.verdict.closer->pid, 2002, "and who");
	is_int(model_endpoint_count(world.model), 0, "nothing is left");
	finish();
}

/* shutdown(SHUT_WR), data from the peer, and close() without reading: that is a reset in these states, too. */
static void test_unread_after_own_fin(void)
{
	static const uint8_t states[] = { TCPTRACE_S_FIN_WAIT1, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_LAST_ACK };
	unsigned int i;

	for (i = 0; i < sizeof(states); i++) {
		stream_begin(&stream);
		handshake(&stream);
		if (states[i] == TCPTRACE_S_LAST_ACK) {
			moves(&stream, &stream.server, 7, false);
			sends_fin(&stream, &stream.server, TCPTRACE_OP_SHUT_WR);
			fin_arrives(&stream, &stream.client, TCPTRACE_S_CLOSE_WAIT);
		}
		sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
		if (states[i] == TCPTRACE_S_FIN_WAIT2)
			fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
		if (states[i] != TCPTRACE_S_LAST_ACK)
			moves(&stream, &stream.server, 7, false);
		is_int(stream.client.state, states[i], "its state");
		shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
		by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
		by_task(reset(&stream, &stream.client, TCPTRACE_OP_SENT), &stream.client);
		run();
		is_how(&world.client, "reset", "local", "closed with data unread");
		is_str(verdict_why(world.client.verdict.why), "unread", "why");
		is_int(world.client.verdict.unread, 7, "bytes");
		is_int(world.client.verdict.closer->pid, 1001, "by whom");
		finish();
	}
}

/* A RST that nobody here caused, after a FIN of somebody here. */
static void test_reset_by_nobody(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	is_how(&world.client, "reset", "remote", "the answer to the FIN was a RST");
	is_int(world.client.verdict.closer->pid, 0, "not by the process that closed");
	finish();

	/* But if the process at the other end then aborts, it is that one. */
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	by_task(reset(&stream, &stream.server, TCPTRACE_OP_SENT), &stream.server);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	is_int(world.client.verdict.closer->pid, 2002, "the client's end names the server");
	is_int(world.server.verdict.closer->pid, 2002, "and so does the server's");
	finish();
}

/* shutdown(SHUT_RDWR) is not close(): the process still has the socket. */
static void test_late_after_shutdown(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_SHUT_RDWR);
	fin_is_acked(&stream, &stream.server, TCPTRACE_S_FIN_WAIT2);
	stream.server.flags |= TCPTRACE_F_SHUT_RCV | TCPTRACE_F_SHUT_SND;
	to_state(&stream, &stream.server, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	reset(&stream, &stream.server, TCPTRACE_OP_REPLIED);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	is_how(&world.server, "reset", "local", "data after shutdown()");
	is_str(verdict_why(world.server.verdict.why), "shutdown", "why");
	is_int(world.server.verdict.closer->pid, 2002, "who shut down");
	is_str(verdict_why(world.client.verdict.why), "shutdown", "the other endpoint knows");
	finish();
}

/* connect() that fails before its first segment is no connection. */
static void test_connect_failed(void)
{
	struct tcptrace_record *failed;

	stream_begin(&stream);
	stream.client.state = TCPTRACE_S_SYN_SENT;
	/* No port is left: tcp_v4_connect() goes back, and returns. */
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	failed = by_task(stream_add(&stream, &stream.client, TCPTRACE_T_CONNECT, TCPTRACE_OP_FAILED), &stream.client);
	failed->cookie = 0;
	failed->kind = TCPTRACE_K_NONE;
	failed->error = EADDRNOTAVAIL;
	run();
	is_int(world.steps, 1, "one step: the change of state says nothing");
	ok(world.last.did && world.last.pid == 1001 && !world.last.ep, "who tried, and that there is no endpoint");
	is_inferred(failed, 0, "", "no SYN");
	ok(!world.client.any, "no verdict");
	is_int(model_endpoint_count(world.model), 0, "nothing is left");
	finish();

	/* The same after tcp_connect() was entered: no route by then. */
	stream_begin(&stream);
	connects(&stream, &stream.client);
	stream.client.snd_nxt = stream.client.snd_una;
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	run();
	ok(!world.client.any, "no verdict of a SYN that was never sent");
	finish();

	/* Fast open defers the SYN, and close() comes first. */
	stream_begin(&stream);
	stream.client.state = TCPTRACE_S_SYN_SENT;
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	run();
	is_int(world.steps, 1, "close() is told");
	ok(!world.client.any, "and nothing was given up");
	finish();
}

static void test_linger(void)
{
	stream_begin(&stream);
	handshake(&stream);
	stream.client.flags |= TCPTRACE_F_LINGER;
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	reset(&stream, &stream.client, TCPTRACE_OP_SENT);
	run();
	is_how(&world.client, "reset", "local", "SO_LINGER and 0");
	is_str(verdict_why(world.client.verdict.why), "linger", "why");
	finish();
}

static void test_unaccepted(void)
{
	stream_begin(&stream);
	listen_begins(&stream);
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	syn_ack_arrives(&stream);
	ack_arrives(&stream);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.listener);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	run();
	is_how(&world.server, "reset", "local", "closed with its listener");
	is_str(verdict_why(world.server.verdict.why), "unaccepted", "why");
	is_int(model_find(world.model, 100)->recvq_peak, 1, "the listener's queue had one");
	finish();
}

/* Data for a closed endpoint: it is reset, whether it is still a full socket or a timewait socket. */
static void test_late_data(void)
{
	struct tcptrace_record *received, *closed;

	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	received = reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	closed = to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	closed->error = ECONNRESET;
	closed->flags |= TCPTRACE_F_SHUT_RCV;
	stream.time += MODEL_SETTLE_NS / 2;
	reset(&stream, &stream.client, TCPTRACE_OP_REPLIED);
	run();
	is_how(&world.client, "reset", "local", "data after close(), as 5.10 has it");
	is_str(verdict_why(world.client.verdict.why), "late", "why");
	finish();

	memmove(received, received + 1, 2 * sizeof(*received));
	stream.count--;
	run();
	is_how(&world.client, "reset", "local", "data after close()");
	is_str(verdict_why(world.client.verdict.why), "late", "why");
	finish();

	stream.count -= 2;
	stream.client.state = TCPTRACE_S_FIN_WAIT2;
	timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_FIN_WAIT2,
		 60000);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	reset(&stream, &stream.client, TCPTRACE_OP_REPLIED)->kind = TCPTRACE_K_TIMEWAIT;
	timewait(&stream, &stream.client, TCPTRACE_OP_KILLED, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_CLOSE,
		 59000);
	reset(&stream, &stream.server, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.server, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	is_how(&world.client, "reset", "local", "the same of an orphan");
	is_str(verdict_why(world.client.verdict.why), "late", "why");
	is_str(verdict_why(world.server.verdict.why), "late", "the other endpoint knows");
	finish();

	/* The orphan itself receives a RST. */
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_FIN_WAIT2,
		 60000);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	timewait(&stream, &stream.client, TCPTRACE_OP_KILLED, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_CLOSE,
		 59000);
	run();
	is_how(&world.server, "reset", "local", "reset while the other endpoint is half-closed");
	is_how(&world.client, "reset", "remote", "which is an orphan");
	is_str(verdict_why(world.client.verdict.why), verdict_why(world.server.verdict.why), "and knows why");
	is_int(world.client.verdict.closer->pid, 2002, "and knows who");
	finish();

	/* The same from a peer that is not on this host. */
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_FIN_WAIT2,
		 60000);
	timewait(&stream, &stream.client, TCPTRACE_OP_KILLED, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_CLOSE,
		 59000)->error = ECONNRESET;
	run();
	is_how(&world.client, "reset", "remote", "a RST removed the orphan");
	is_int(world.client.verdict.closer->pid, 0, "not by the process that closed");
	finish();

	/* While it exists, a reply answers a segment that was not its own. */
	stream_begin(&stream);
	handshake(&stream);
	reset(&stream, &stream.client, TCPTRACE_OP_REPLIED);
	four_way(&stream, &stream.client);
	run();
	is_how(&world.client, "four-way", "local", "a reply alone ends nothing");
	finish();
}

static void test_destroyed(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSING);
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.server)->error = ECONNABORTED;
	stream.time += MODEL_SETTLE_NS;
	refusal(&stream, &stream.server);
	run();
	is_how(&world.client, "aborted", "local", "ss -K in CLOSING, where no RST is sent");
	is_int(world.client.verdict.closer->pid, 2002, "by whom");
	finish();
}

static void test_no_reset_follows(void)
{
	stream_begin(&stream);
	handshake(&stream);
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	stream.time += MODEL_SETTLE_NS - 20 * US;
	moves(&stream, &stream.server, 1, true);
	shuts(&stream, &stream.server, TCPTRACE_OP_SHUT_RD);
	world_begin(0);
	feed_from(0);
	ok(!world.client.any && model_pending(world.model), "waits for a RST");
	stream.time += 20 * US;
	shuts(&stream, &stream.server, TCPTRACE_OP_SHUT_RD);
	feed_from(stream.count - 1);
	is_how(&world.client, "aborted", "local", "none came");
	is_int(world.client.verdict.duration, 60 * US, "its end is when it closed");
	is_int(model_endpoint_count(world.model), 1, "only the other endpoint is left");
	finish();
}

/* No kernel reports this, but a damaged recording may. */
static void test_closed_twice(void)
{
	stream_begin(&stream);
	handshake(&stream);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	stream.client.state = TCPTRACE_S_ESTABLISHED;
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	run();
	ok(world.client.any && !model_pending(world.model), "closed twice: one verdict");
	/* The next record removes it. */
	shuts(&stream, &stream.server, TCPTRACE_OP_SHUT_RD);
	feed(&stream.records[stream.count - 1]);
	is_int(model_endpoint_count(world.model), 1, "and only the other endpoint is left");
	finish();

	stream_begin(&stream);
	handshake(&stream);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	timewait(&stream, &stream.client, TCPTRACE_OP_END, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_CLOSE, 0);
	run();
	shuts(&stream, &stream.server, TCPTRACE_OP_SHUT_RD);
	feed(&stream.records[stream.count - 1]);
	ok(!model_pending(world.model), "closed, then at the end of a TIME_WAIT that it did not enter: nothing is to come");
	is_int(model_endpoint_count(world.model), 1, "and only the other endpoint is left");
	finish();
}

static void test_refused(void)
{
	stream_begin(&stream);
	connects(&stream, &stream.client);
	refusal(&stream, &stream.server);
	run();
	ok(!world.last.ep && world.last.peer && world.last.peer->cookie == 101,
	   "a RST without a socket, its peer is known");
	is_int(world.last.since, 10 * US, "and how long after the SYN");
	finish();

	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNREFUSED;
	run();
	is_how(&world.client, "refused", "remote", "connect to a closed port");
	is_int(world.client.verdict.error, ECONNREFUSED, "errno");
	is_int(world.client.verdict.handshake, UNKNOWN, "no handshake");
	is_int(model_endpoint_count(world.model), 0, "nothing is left");
	finish();
}

static void test_errors(void)
{
	static const struct {
		int error;
		const char *how;
	} errors[] = {
		{ ETIMEDOUT, "timeout" },
		{ EHOSTUNREACH, "unreachable" },
		{ ENETUNREACH, "unreachable" },
		{ 0, "aborted" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		stream_begin(&stream);
		connects(&stream, &stream.client);
		to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = errors[i].error;
		run();
		is_str(verdict_how(world.client.verdict.how), errors[i].how, "SYN_SENT ends with errno %d",
		       errors[i].error);
		finish();
	}
}

static void test_request_ends(void)
{
	struct tcptrace_record *record;

	stream_begin(&stream);
	syn_arrives(&stream);
	stream.time += 63 * SECOND;
	record = request(&stream, TCPTRACE_OP_TIMEDOUT, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	record->u.listen.retransmits = 5;
	run();
	is_how(&world.server, "timeout", "unknown", "no ACK came");
	is_int(world.server.verdict.retransmits, 5, "SYN-ACKs sent again");
	is_int(world.last.in_state / SECOND, 63, "time in SYN_RECV");
	finish();

	record->op = TCPTRACE_OP_DROPPED;
	run();
	is_how(&world.server, "reset", "remote", "dropped: a RST came");
	finish();

	record->op = TCPTRACE_OP_UNREACHABLE;
	run();
	is_how(&world.server, "unreachable", "unknown", "ICMP ended it");
	finish();

	record->op = TCPTRACE_OP_DESTROYED;
	by_task(record, &stream.client);
	run();
	is_how(&world.server, "aborted", "local", "ss -K ended it");
	is_str(verdict_why(world.server.verdict.why), "destroyed", "and it says so");
	is_int(world.server.verdict.closer->pid, 1001, "by whom");
	finish();

	record->op = TCPTRACE_OP_DROPPED;
	record->u.listen.listener = 0;
	run();
	is_how(&world.server, "aborted", "local", "dropped, its listener gone");
	finish();

	record->op = TCPTRACE_OP_TIMEDOUT;
	run();
	is_how(&world.server, "aborted", "local", "dropped by its timer, its listener gone");
	finish();
}

/* A half-open connection: a RST answers its segment, and then it is dropped. */
static void test_request_refused(void)
{
	struct tcptrace_record *reset;

	stream_begin(&stream);
	syn_arrives(&stream);
	reset = stream_add(&stream, &stream.server, TCPTRACE_T_RESET, TCPTRACE_OP_REPLIED);
	reset->cookie = 0;
	reset->kind = TCPTRACE_K_NONE;
	reset->old_state = reset->new_state = TCPTRACE_S_CLOSE;
	reset->u.segment.flags = TH_RST;
	reset->u.segment.seq = stream.server.iss + 1;
	request(&stream, TCPTRACE_OP_DROPPED, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	run();
	is_how(&world.server, "reset", "local", "its third segment was answered by a RST");
	finish();

	reset->u.segment.seq++;
	run();
	is_how(&world.server, "reset", "remote", "a wrong ack was, and later a RST came");
	finish();
}

static void test_child_fails(void)
{
	stream_begin(&stream);
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	to_state(&stream, &stream.server, TCPTRACE_S_CLOSE);
	stream.server.state = TCPTRACE_S_SYN_RECV;
	syn_ack_arrives(&stream);
	ack_arrives(&stream);
	run();
	is_int(world.skipped, 1, "a child that did not come to life is no step");
	is_int(model_find(world.model, 102)->state, TCPTRACE_S_ESTABLISHED, "its request goes on");
	finish();
}

static void test_fin_wait2_orphan(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_FIN_WAIT2,
		 60000);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	run();
	ok(!world.client.any, "an orphan in FIN_WAIT2 is not over");
	is_int(model_find(world.model, 101)->state, TCPTRACE_S_FIN_WAIT2, "it is in FIN_WAIT2 yet");
	finish();

	timewait(&stream, &stream.client, TCPTRACE_OP_SUBSTATE, TCPTRACE_S_FIN_WAIT2,
		 TCPTRACE_S_TIME_WAIT, 60000);
	run();
	is_how(&world.client, "four-way", "local", "then the FIN comes");
	is_int(world.client.verdict.held, 60000, "and is held");
	is_int(world.client.verdict.bytes_in, 0, "a FIN that the timewait socket took is not counted");
	finish();

	stream.count--;
	timewait(&stream, &stream.client, TCPTRACE_OP_END, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_CLOSE, 0);
	run();
	is_how(&world.client, "timeout", "local", "or does not come");
	is_int(model_endpoint_count(world.model), 1, "only the server is left");
	finish();
}

/* ---- counters ---- */

static void test_wrap(void)
{
	stream_begin(&stream);
	handshake(&stream);
	/* The client's numbers wrap after five bytes, and its totals exceed 4 GiB. */
	moves(&stream, &stream.client, 3000000000u, true);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	moves(&stream, &stream.client, 3000000000u, true);
	four_way(&stream, &stream.client);
	run();
	is_int(world.client.verdict.bytes_out, 6000000000ll, "more than 32 bits went out");
	is_int(world.server.verdict.bytes_in, 6000000000ll, "and came in");
	finish();
}

/* Sequence numbers have 32 bits; relative ones continue above and below. */
static void test_relative(void)
{
	int64_t relative;

	stream_begin(&stream);
	handshake(&stream);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	run();
	ok(relative_seq(&world.last_endpoint, true, stream.client.iss - 1, &relative), "before the initial number");
	is_int(relative, -1, "it is negative");
	ok(relative_seq(&world.last_endpoint, true, stream.client.iss + 1000, &relative), "behind it");
	is_int(relative, 1000, "it is positive, where the number itself has wrapped, too");
	finish();

	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 3000000000u, true);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	run();
	ok(relative_seq(&world.last_endpoint, true, stream.client.snd_una, &relative), "behind 2 GiB");
	is_int(relative, 3000000001ll, "it is not negative");
	finish();

	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 3000000000u, true);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	moves(&stream, &stream.client, 3000000000u, true);
	shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	run();
	ok(relative_seq(&world.last_endpoint, true, stream.client.snd_una, &relative), "behind 4 GiB");
	is_int(relative, 6000000001ll, "it does not wrap");
	finish();
}

static void test_queue(void)
{
	unsigned int i;

	stream_begin(&stream);
	handshake(&stream);
	for (i = 0; i < 3; i++) {
		sends(&stream, &stream.client, 10);
		sends(&stream, &stream.server, 100);
	}
	run();
	is_int(model_find(world.model, 101)->bytes_out, 30, "bytes from the sequence numbers, out");
	is_int(model_find(world.model, 101)->bytes_in, 300, "in");
	is_int(queue_stats_of(model_find(world.model, 101))->requests, 3, "requests of the client");
	is_int(queue_stats_of(model_find(world.model, 102))->requests, 3, "of the server");
	is_int(model_find(world.model, 102)->recvq_peak, 10, "peak of Recv-Q");
	is_int(model_find(world.model, 102)->sendq_peak, 100, "peak of Send-Q");
	finish();

	/* Half of the records are missing: the numbers are still right. */
	world_begin(0);
	for (i = 0; i < stream.count; i++)
		if (i < 6 || i % 2 == (stream.count - 1) % 2)
			feed(&stream.records[i]);
	is_int(model_find(world.model, 102)->bytes_in, 30, "bytes in, of every second record");
	finish();

	/* What each step moved. */
	world_begin(0);
	for (i = 0; i < 7; i++)
		feed(&stream.records[i]);
	is_int(world.last.bytes, 10, "written");
	is_int(world.last.pid, 1001, "by the client");
	feed(&stream.records[i++]);
	is_int(world.last.bytes, 10, "came");
	ok(!world.last.did, "by nobody");
	feed(&stream.records[i++]);
	is_int(world.last.bytes, 10, "read");
	ok(world.last.did && world.last.pid == 2002, "by the server");
	feed(&stream.records[i++]);
	is_int(world.last.bytes, 10, "acknowledged");
	finish();
}

/* tcp_rcv_established() in its fast path queues the data, processes the ack, and reports the data. */
static void test_data_with_ack(void)
{
	struct stream_endpoint *client = &stream.client, *server = &stream.server;
	unsigned int fed = 0;

	stream_begin(&stream);
	handshake(&stream);
	world_begin(0);
	fed = feed_rest(fed);
	client->write_seq = client->snd_nxt += 10;
	by_task(queue(&stream, client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), client);
	server->rcv_nxt += 10;
	queue(&stream, server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	server->write_seq = server->snd_nxt += 100;
	by_task(queue(&stream, server, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), server);
	client->rcv_nxt += 100;
	client->snd_una += 10;
	queue(&stream, client, TCPTRACE_T_ACK, 0, 10);
	queue(&stream, client, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	fed = feed_rest(fed);
	is_int(world.last.bytes, 100, "what came is told where it is told of, not with the ack before it");
	is_int(queue_stats_of(model_find(world.model, 101))->requests, 1, "and is the answer");
	is_int(model_find(world.model, 101)->bytes_in, 100, "it counts once");
	client->copied_seq += 100;
	by_task(queue(&stream, client, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 100), client);
	fed = feed_rest(fed);
	is_int(world.last.waited, 10 * US, "and waited since then");

	/* A write is reported when the call is done; the ACK of its first segment may be received before. */
	client->write_seq = client->snd_nxt += 30;
	client->snd_una += 10;
	queue(&stream, client, TCPTRACE_T_ACK, 0, 10);
	by_task(queue(&stream, client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), client);
	fed = feed_rest(fed);
	is_int(world.last.bytes, 30, "all that a call wrote is told of");

	/* The last of it is in the segment with the FIN. */
	client->rcv_nxt += 50;
	fin_arrives(&stream, client, TCPTRACE_S_CLOSE_WAIT);
	fed = feed_rest(fed);
	is_int(world.last.bytes, 50, "data before a FIN are told with the FIN");
	queue(&stream, client, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	feed_rest(fed);
	is_int(world.last.bytes, 0, "and not again behind it");
	finish();
}

static void test_timing(void)
{
	stream_begin(&stream);
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	syn_ack_arrives(&stream);
	world_begin(0);
	feed(&stream.records[0]);
	is_int(world.last.since, UNKNOWN, "before the first step there is none");
	feed(&stream.records[1]);
	is_int(world.last.since, 10 * US, "the other endpoint's first step follows this endpoint's");
	feed(&stream.records[2]);
	is_int(world.last.since, 10 * US, "and so on");
	is_int(world.last.in_state, 20 * US, "but time in state is the endpoint's own");
	finish();
}

static void test_inferred_segments(void)
{
	unsigned int i;

	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 6, true);
	moves(&stream, &stream.server, 17, true);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	enters_time_wait(&stream, &stream.client);
	fin_is_acked(&stream, &stream.server, TCPTRACE_S_CLOSE);
	world_begin(0);
	for (i = 0; i < stream.count; i++) {
		const struct tcptrace_record *record = &stream.records[i];

		feed(record);
		switch (i) {
		case 0:
			is_inferred(record, 0, "out SYN seq=0", "CONNECT");
			break;
		case 1:
			is_inferred(record, 0, "in SYN seq=0 mss=65495 wscale=7", "OPEN");
			is_inferred(record, 1, "out SYN,ACK seq=0 ack=1", "OPEN, the answer");
			break;
		case 2:
			is_inferred(record, 0, "in SYN,ACK seq=0 ack=1 win=65536 wscale=7",
				    "SYN_SENT to ESTABLISHED");
			is_inferred(record, 1, "out ACK seq=1 ack=1", "and the answer");
			break;
		case 3:
			is_inferred(record, 0, "in ACK ack=1 win=512", "ACKED: the window on the wire");
			break;
		case 4:
			is_inferred(record, 0, "in ACK ack=1 win=512", "SYN_RECV to ESTABLISHED");
			break;
		case 7:
			is_inferred(record, 0, "out FIN,ACK seq=7 ack=18", "to FIN_WAIT1");
			break;
		case 8:
			is_inferred(record, 0, "in FIN,ACK seq=7", "to CLOSE_WAIT");
			break;
		case 9:
			is_inferred(record, 0, "in ACK ack=8", "to FIN_WAIT2");
			break;
		case 11:
			is_inferred(record, 0, "out FIN,ACK seq=18 ack=8", "to LAST_ACK");
			break;
		case 12:
			is_inferred(record, 0, "in FIN,ACK seq=18", "to TIME_WAIT");
			break;
		case 14:
			is_inferred(record, 0, "in ACK ack=19", "LAST_ACK to CLOSE");
			break;
		}
	}
	finish();

	/* With unsent data before it, when it is sent, and in which segment, is not known. */
	stream_begin(&stream);
	handshake(&stream);
	stream.client.write_seq += 100000;
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	run();
	is_inferred(&stream.records[stream.count - 1], 0, "", "a FIN behind unsent data");
	finish();

	stream_begin(&stream);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE)->snd_wnd = 0;
	run();
	is_inferred(&stream.records[stream.count - 1], 0, "", "a FIN behind a closed window");
	finish();

	stream.records[stream.count - 1].snd_wnd = 65536;
	stream.records[stream.count - 1].flags |= TCPTRACE_F_HELD;
	run();
	is_inferred(&stream.records[stream.count - 1], 0, "", "a FIN that something else may hold back");
	finish();
}

/* What the handshake's segments are, where they are not the usual ones. */
static void test_handshake_segments(void)
{
	struct tcptrace_record *syn, *came, *answer;

	stream_begin(&stream);
	syn = connects(&stream, &stream.client);
	came = syn_arrives(&stream);
	answer = syn_ack_arrives(&stream);
	answer->flags |= TCPTRACE_F_HELD;
	run();
	is_inferred(answer, 0, "in SYN,ACK seq=0 ack=1 win=65536 wscale=7", "the SYN-ACK");
	is_inferred(answer, 1, "", "the third segment is held back");
	finish();

	syn->flags |= TCPTRACE_F_ECN;
	came->flags |= TCPTRACE_F_ECN;
	answer->flags |= TCPTRACE_F_ECN;
	run();
	is_inferred(syn, 0, "out SYN,ECE,CWR seq=0", "a SYN that asks for ECN");
	is_inferred(answer, 0, "in SYN,ECE,ACK seq=0 ack=1 win=65536 wscale=7", "as the client sees it");
	finish();

	stream.count--;
	run();
	is_inferred(came, 0, "in SYN,ECE,CWR seq=0 mss=65495 wscale=7", "received");
	is_inferred(came, 1, "out SYN,ECE,ACK seq=0 ack=1", "and granted");
	finish();

	/* TCP_REPAIR: no segment, no handshake, and the bytes count from where it was restored. */
	stream_begin(&stream);
	stream.client.iss = 6999;
	syn = connects(&stream, &stream.client);
	syn->flags |= TCPTRACE_F_REPAIR;
	syn->write_seq = syn->snd_una = syn->snd_nxt = 7000;
	syn->rcv_nxt = syn->copied_seq = 5000;
	stream.client.snd_una = 7000;
	stream.client.rcv_nxt = stream.client.copied_seq = 5000;
	answer = to_state(&stream, &stream.client, TCPTRACE_S_ESTABLISHED);
	answer->flags |= TCPTRACE_F_REPAIR;
	stream.client.snd_una = stream.client.snd_nxt = stream.client.write_seq = 8000;
	stream.client.rcv_nxt = stream.client.copied_seq = 5010;
	stream.client.bytes_out = 1000;
	stream.client.bytes_in = 10;
	four_way(&stream, &stream.client);
	run();
	is_inferred(syn, 0, "", "no SYN");
	is_inferred(answer, 0, "", "no SYN-ACK");
	is_how(&world.client, "four-way", "local", "a restored connection");
	is_int(world.client.verdict.handshake, UNKNOWN, "without a handshake");
	is_int(world.client.verdict.bytes_out, 1000, "bytes out");
	is_int(world.client.verdict.bytes_in, 10, "bytes in");
	ok(!(world.client.ep.flags & (EP_ACTIVE | EP_PASSIVE)), "who connected is not known");
	finish();
}

/* ---- losses and limits ---- */

static void test_lost(void)
{
	stream_begin(&stream);
	handshake(&stream);
	lost(&stream, 12);
	/* FIN_WAIT1 to CLOSE_WAIT were among them. */
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	stream.count -= 2;
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	enters_time_wait(&stream, &stream.client);
	run();
	is_int(world.holes, 1, "a hole");
	is_how(&world.client, "four-way", "unknown", "who was first is lost");
	ok(world.client.verdict.lossy, "and the verdict says that records are missing");
	is_int(world.client.verdict.half_closed, UNKNOWN, "nor since when it was half-closed");
	finish();

	/* One endpoint of a connection was lost, the next one has its port. */
	stream_begin(&stream);
	handshake(&stream);
	lost(&stream, 3);
	stream.client.cookie = 201;
	stream.server.cookie = 202;
	handshake(&stream);
	run();
	is_int(model_endpoint_count(world.model), 2, "what cannot be there any longer is forgotten");
	ok(!model_find(world.model, 101) && !model_find(world.model, 102), "it was the old one");
	finish();
}

static void test_no_births(void)
{
	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 6, true);
	moves(&stream, &stream.server, 17, true);
	four_way(&stream, &stream.client);
	world_begin(0);
	/* From close() on. */
	feed_from(6);
	settle_until(UINT64_MAX);
	is_how(&world.client, "four-way", "local", "of an endpoint whose creation was not seen");
	ok(!world.client.verdict.whole, "and it says so");
	is_int(world.client.verdict.duration, UNKNOWN, "no duration is claimed");
	is_int(world.client.verdict.handshake, UNKNOWN, "no handshake");
	is_int(world.client.verdict.bytes_in, 17, "the totals tell what came in");
	is_int(world.client.verdict.bytes_out, 6, "and, with the peer's, that a SYN was counted");
	is_int(world.server.verdict.bytes_in, 6, "of the server");
	is_int(world.server.verdict.bytes_out, 17, "as well");
	finish();
}

static void test_unknown_types(void)
{
	struct tcptrace_record *record;

	stream_begin(&stream);
	handshake(&stream);
	record = stream_add(&stream, &stream.client, TCPTRACE_T_WINDOW, 0);
	run();
	is_int(world.steps, 7, "a type that the model has no use for is a step");
	record->type = TCPTRACE_T_SNAPSHOT;
	finish();
	run();
	is_int(world.steps, 6, "a snapshot among the events is none");
	finish();

	/* For sockets that had ended already, or never were anything. */
	stream_begin(&stream);
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	queue(&stream, &stream.client, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 5);
	run();
	is_int(world.steps, 0, "a socket in CLOSE is no endpoint");
	is_int(model_endpoint_count(world.model), 0, "none is made");
	finish();
}

static void test_limit(void)
{
	unsigned int i;

	world_begin(3);
	for (i = 0; i < 5; i++) {
		stream_begin(&stream);
		stream.client.sport += i;
		stream.client.cookie += i;
		connects(&stream, &stream.client);
		feed(&stream.records[0]);
	}
	is_int(model_endpoint_count(world.model), 3, "no more than may be");
	is_int(model_full(world.model), 2, "what did not fit is counted");
	is_int(world.steps, 5, "its steps are shown");
	ok(!world.last.ep, "without an endpoint");

	stream.client.cookie = 101;
	stream.client.sport = 45678;
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ETIMEDOUT;
	feed(&stream.records[1]);
	stream.client.cookie = 900;
	stream.client.sport = 900;
	connects(&stream, &stream.client);
	feed(&stream.records[2]);
	is_int(model_full(world.model), 2, "where one is over, there is room");
	is_int(model_endpoint_count(world.model), 3, "for another");
	finish();
}

/* Enough of them to let the tables grow; every one is still found. */
static void test_many(void)
{
	const unsigned int count = 50000;
	unsigned int i, found = 0, paired = 0;

	world_begin(0);
	stream_begin(&stream);
	for (i = 0; i < count; i++) {
		stream.client.cookie = 1000 + 2 * i;
		stream.server.cookie = 1001 + 2 * i;
		stream.client.sport = stream.server.dport = 10000 + i;
		stream.client.iss = i * 7919;
		stream.client.state = TCPTRACE_S_CLOSE;
		stream.count = 0;
		connects(&stream, &stream.client);
		syn_arrives(&stream);
		feed_from(0);
	}
	for (i = 0; i < count; i++) {
		const struct endpoint *ep = model_find(world.model, 1000 + 2 * i);
		const struct endpoint *peer = ep ? model_peer(world.model, ep) : NULL;

		found += ep && ep->sport == 10000 + i;
		paired += peer && peer->cookie == 1001 + 2 * i;
	}
	is_int(found, count, "found by cookie");
	is_int(paired, count, "found by tuple from the other side");
	is_int(model_endpoint_count(world.model), 2 * count, "all are there");
	ok(sizeof(struct endpoint) + 16 <= 256, "an endpoint with its places in the tables has %zu bytes",
	   sizeof(struct endpoint) + 16);
	finish();
}

/* Many are pending; half are settled by a RST, the last one first, and some sockets are reused meanwhile. */
#define WAITING	300

static unsigned int verdicts[WAITING + 1];

static void tell(struct model *model, uint64_t cookie, enum tcptrace_type type, uint8_t op, uint8_t old, uint8_t new)
{
	struct tcptrace_record record = {
		.time = SECOND, .cookie = cookie, .type = type, .op = op, .kind = TCPTRACE_K_FULL, .family = AF_INET,
		.sport = cookie, .dport = 9090, .old_state = old, .new_state = new,
	};
	struct step step;

	if (model_apply(model, &record, NULL, &step) == MODEL_STEP && step.verdict)
		verdicts[step.ep->cookie]++;
}

static void test_many_wait(void)
{
	const struct model_options options = { 0 };
	struct model *model = model_new(&options);
	unsigned int i, early = 0, wrong = 0;
	const struct endpoint *ep;

	if (!model)
		abort();
	for (i = 1; i <= WAITING; i++)
		tell(model, i, TCPTRACE_T_STATE, 0, TCPTRACE_S_ESTABLISHED, TCPTRACE_S_CLOSE);
	ok(model_pending(model) && !model_settle(model, SECOND - 1), "%u wait for a RST", WAITING);
	for (i = WAITING; i > WAITING / 2; i--)
		tell(model, i, TCPTRACE_T_RESET, TCPTRACE_OP_SENT, TCPTRACE_S_CLOSE, TCPTRACE_S_CLOSE);
	for (i = 1; i <= WAITING; i++)
		early += verdicts[i];
	is_int(early, WAITING / 2, "half of them had theirs");
	for (i = 1; i <= WAITING; i += 3) {
		tell(model, i, TCPTRACE_T_CONNECT, 0, TCPTRACE_S_CLOSE, TCPTRACE_S_SYN_SENT);
		tell(model, i, TCPTRACE_T_STATE, 0, TCPTRACE_S_SYN_SENT, TCPTRACE_S_ESTABLISHED);
		tell(model, i, TCPTRACE_T_STATE, 0, TCPTRACE_S_ESTABLISHED, TCPTRACE_S_CLOSE);
	}
	while ((ep = model_settle(model, UINT64_MAX)))
		verdicts[ep->cookie]++;
	ok(!model_pending(model), "nobody waits any more");
	/* If a socket was reused, its former endpoint is forgotten, unless its verdict was given. */
	for (i = 1; i <= WAITING; i++)
		wrong += verdicts[i] != 1u + (i > WAITING / 2 && i % 3 == 1);
	is_int(wrong, 0, "each endpoint had one verdict");
	model_free(model);
}

static void test_namespaces(void)
{
	stream_begin(&stream);
	connects(&stream, &stream.client);
	syn_arrives(&stream)->netns = 7;
	run();
	ok(world.last.peer && world.last.peer->cookie == 101,
	   "the other endpoint is in another namespace: the numbers tell");
	finish();

	stream.records[1].rcv_nxt++;
	stream.records[1].copied_seq++;
	run();
	ok(!world.last.peer, "the tuple alone does not");
	finish();
}

/* ---- existing sockets ---- */

static struct fake_source fake;

static struct bootstrap *bootstrap_of(unsigned int snapshots, uint64_t start)
{
	struct bootstrap *bootstrap;
	unsigned int i;

	world_begin(0);
	bootstrap = bootstrap_new(world.model, start);
	for (i = 0; i < snapshots; i++)
		if (bootstrap_snapshot(&stream.records[i], bootstrap))
			abort();
	fake_begin(&fake, stream.records + i, stream.count - i, SOURCE_IDLE);
	is_int(bootstrap_collect(bootstrap, &fake.source), 0, "collected");
	is_int(bootstrap_finish(bootstrap), 0, "bootstrapped");
	return bootstrap;
}

static void is_existing(struct bootstrap *bootstrap, const char *wanted, const char *text)
{
	const struct endpoint *ep;
	char line[128] = "";
	int length = 0;

	while ((ep = bootstrap_next(bootstrap)))
		length += snprintf(line + length, sizeof(line) - length, "%llu:%u ",
				   (unsigned long long)ep->cookie, ep->state);
	is_str(line, wanted, "%s", text);
}

static unsigned int replay(struct bootstrap *bootstrap)
{
	const struct tcptrace_record *record;
	unsigned int before = world.steps;

	while ((record = bootstrap_replay(bootstrap)))
		feed(record);
	while (source_next(&fake.source, &record) == SOURCE_RECORD)
		feed(record);
	settle_until(UINT64_MAX);
	bootstrap_free(bootstrap);
	return world.steps - before;
}

static void established(struct stream *stream)
{
	stream_begin(stream);
	handshake(stream);
	moves(stream, &stream->client, 100, true);
	stream->count = 0;
}

static void test_bootstrap_quiet(void)
{
	struct bootstrap *bootstrap;
	uint64_t start;

	established(&stream);
	start = stream.time + 1;
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	snapshot(&stream, &stream.server, TCPTRACE_K_FULL);
	four_way(&stream, &stream.client);
	bootstrap = bootstrap_of(2, start);
	is_existing(bootstrap, "101:1 102:1 ", "what is there is there once");
	is_int(replay(bootstrap), stream.count - 3, "events after the snapshot are all shown");
	is_how(&world.client, "four-way", "local", "an endpoint that existed before");
	ok(!world.client.verdict.whole, "not seen whole");
	is_int(world.client.verdict.seen, world.client.time - start, "seen since the start");
	is_int(world.client.verdict.bytes_out, 100, "its bytes");
	ok(!world.client.verdict.syn_unknown, "exactly, since its other end is here");
	finish();
}

/*
 * Events from before the end of the snapshot that arrive late, because a writer was stopped in the middle of a record.
 */
static void test_bootstrap_late(void)
{
	struct bootstrap *bootstrap;

	established(&stream);
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	stream.records[0].time = stream.records[3].time + 1;
	stream.records[0].old_state = stream.records[0].new_state = TCPTRACE_S_FIN_WAIT2;

	world_begin(0);
	bootstrap = bootstrap_new(world.model, stream.records[1].time - 1);
	bootstrap_snapshot(&stream.records[0], bootstrap);
	fake_begin(&fake, stream.records + 1, 0, SOURCE_IDLE);
	fake.complete_until = 0;
	stream.records[stream.count] = stream.records[0];
	is_int(bootstrap_collect(bootstrap, &fake.source), 0, "collected");
	is_int(fake.waits, 4, "as long as one older than the snapshot may come");
	is_int(bootstrap_finish(bootstrap), 0, "bootstrapped");
	is_existing(bootstrap, "101:1 ", "as it was before the late events");
	is_int(replay(bootstrap), 3, "which are live");
	finish();
}

/* The snapshot's record, or at least its time, was taken after the event. */
static void test_bootstrap_event_before(void)
{
	struct tcptrace_record shot;
	struct bootstrap *bootstrap;
	uint64_t start;

	established(&stream);
	start = stream.time + 1;
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	shot = stream.records[0];

	/* Read between the two changes. */
	stream.records[0].time = stream.records[3].time - 1;
	stream.records[0].old_state = stream.records[0].new_state = TCPTRACE_S_FIN_WAIT1;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "101:1 ", "as it was before the event");
	is_int(replay(bootstrap), 3, "the event is live, and so is the one after the record");
	is_int(model_find(world.model, 101)->state, TCPTRACE_S_FIN_WAIT2, "and leads to where it is now");
	finish();

	/* Read before the change, timed after it. */
	stream.records[0].old_state = stream.records[0].new_state = TCPTRACE_S_ESTABLISHED;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "101:1 ", "the record shows the state before");
	is_int(replay(bootstrap), 3, "the same steps");
	finish();

	/* Already a timewait socket. */
	enters_time_wait(&stream, &stream.client);
	stream.records[0] = shot;
	stream.records[0].time = stream.time + 1;
	stream.records[0].kind = TCPTRACE_K_TIMEWAIT;
	stream.records[0].old_state = stream.records[0].new_state = TCPTRACE_S_TIME_WAIT;
	memset(&stream.records[0].u, 0, sizeof(stream.records[0].u));
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "101:1 ", "it was established when the snapshot began");
	is_int(replay(bootstrap), 4, "all of its steps are shown, not the dead socket's");
	is_how(&world.client, "four-way", "local", "and its verdict");
	is_int(world.client.verdict.bytes_out, 101,
	       "with its bytes; nothing tells whether the kernel counted a SYN");
	ok(world.client.verdict.syn_unknown, "and it says so");
	is_int(model_find(world.model, 101)->state, TCPTRACE_S_TIME_WAIT, "it is in TIME_WAIT");
	finish();
}

static void test_bootstrap_created(void)
{
	struct bootstrap *bootstrap;
	uint64_t start;

	stream_begin(&stream);
	start = stream.time + 1;
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	connects(&stream, &stream.client);
	syn_ack_arrives(&stream);
	stream.records[0].time = stream.time + 1;
	stream.records[0].old_state = stream.records[0].new_state = TCPTRACE_S_ESTABLISHED;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "", "created after the snapshot began: not there");
	is_int(replay(bootstrap), 2, "its creation is shown");
	is_int(model_endpoint_count(world.model), 1, "it is there once");
	ok(!(model_find(world.model, 101)->flags & EP_PREEXISTING), "and was seen whole");
	finish();

	/* If the change precedes the event's time, as with listen(), the record may be the older one. */
	stream_begin(&stream);
	snapshot(&stream, &stream.listener, TCPTRACE_K_FULL)->new_state = TCPTRACE_S_LISTEN;
	listen_begins(&stream);
	bootstrap = bootstrap_of(1, 1);
	is_existing(bootstrap, "", "a creation after its record is a creation as well");
	is_int(replay(bootstrap), 1, "shown once");
	is_int(model_endpoint_count(world.model), 1, "there once");
	finish();
}

static void test_bootstrap_gone(void)
{
	struct bootstrap *bootstrap;
	uint64_t start;

	established(&stream);
	start = stream.time + 1;
	snapshot(&stream, &stream.server, TCPTRACE_K_FULL);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ETIMEDOUT;
	stream.records[0].time = stream.time + 1;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "102:1 101:1 ", "gone before its place was looked at, but it was there");
	is_int(replay(bootstrap), 1, "how it went is shown");
	is_how(&world.client, "timeout", "unknown", "with its verdict");
	finish();
}

static void test_bootstrap_moved(void)
{
	struct bootstrap *bootstrap;

	established(&stream);
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	stream.client.state = TCPTRACE_S_TIME_WAIT;
	snapshot(&stream, &stream.client, TCPTRACE_K_TIMEWAIT)->u.totals.timeout = 60000;
	bootstrap = bootstrap_of(2, 1);
	is_existing(bootstrap, "101:6 ", "seen at two places, it is there once, as it was seen later");
	bootstrap_free(bootstrap);
	finish();
}

static void test_bootstrap_history(void)
{
	struct tcptrace_record shot;
	struct bootstrap *bootstrap;
	uint64_t start;

	/* Probes are armed one after the other: FIN_WAIT2 to CLOSE was recorded, the creation of TIME_WAIT was not. */
	established(&stream);
	stream.client.state = TCPTRACE_S_FIN_WAIT2;
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	start = stream.time + 1;
	stream.client.state = TCPTRACE_S_TIME_WAIT;
	snapshot(&stream, &stream.client, TCPTRACE_K_TIMEWAIT);
	shot = stream.records[0];
	stream.records[0] = stream.records[1];
	stream.records[1] = shot;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "101:6 ", "what happened before the snapshot began does not matter");
	is_int(replay(bootstrap), 0, "and is not shown");
	is_int(model_endpoint_count(world.model), 1, "the TIME_WAIT lives");
	finish();

	/* The change itself came after the socket was looked at. */
	established(&stream);
	to_state(&stream, &stream.client, TCPTRACE_S_FIN_WAIT1);
	start = stream.time + 1;
	stream.client.state = TCPTRACE_S_ESTABLISHED;
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	shot = stream.records[0];
	stream.records[0] = stream.records[1];
	stream.records[1] = shot;
	bootstrap = bootstrap_of(1, start);
	is_existing(bootstrap, "101:1 ", "but where its change was under way");
	is_int(replay(bootstrap), 1, "it is shown");
	is_int(model_find(world.model, 101)->state, TCPTRACE_S_FIN_WAIT1, "and counts");
	finish();
}

int main(void)
{
	test_four_way();
	test_server_first();
	test_three_way();
	test_second_closer();
	test_handshake_segments();
	test_no_time_wait();
	test_simultaneous();
	test_half_close();
	test_simultaneous_open();
	test_unread();
	test_connect_failed();
	test_unread_after_own_fin();
	test_reset_by_nobody();
	test_late_after_shutdown();
	test_linger();
	test_unaccepted();
	test_late_data();
	test_destroyed();
	test_no_reset_follows();
	test_closed_twice();
	test_refused();
	test_errors();
	test_request_ends();
	test_request_refused();
	test_child_fails();
	test_fin_wait2_orphan();
	test_wrap();
	test_relative();
	test_queue();
	test_data_with_ack();
	test_timing();
	test_inferred_segments();
	test_lost();
	test_no_births();
	test_unknown_types();
	test_limit();
	test_many();
	test_many_wait();
	test_namespaces();
	test_bootstrap_quiet();
	test_bootstrap_late();
	test_bootstrap_event_before();
	test_bootstrap_created();
	test_bootstrap_gone();
	test_bootstrap_moved();
	test_bootstrap_history();
	return done_testing();
}
