// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explanations below steps: true for what happened, with its numbers. Each text of the table is used at least once.
 */
#include <stdlib.h>

#include "model/model.h"
#include "stream.h"
#include "test.h"
#include "view/text/explain.h"

static struct stream stream;
static struct model *model;
static bool seen[EXPLAIN_TOPICS];

/* The explanation of each record, by its position in the stream. */
static char said[STREAM_MAX][EXPLAIN_TEXT + 64];
static unsigned int longest, unknown;

/* As fin_lookahead.h does it. NULL: there is none. */
static const struct tcptrace_record *next_of_its_endpoint(unsigned int at)
{
	unsigned int i;

	for (i = at + 1; i < stream.count; i++)
		if (stream.records[i].cookie == stream.records[at].cookie)
			return &stream.records[i];
	return NULL;
}

static void explain(unsigned int at)
{
	enum explain_topic topics[EXPLAIN_MAX];
	char *end = said[at];
	struct step step;
	int count, i;

	if (model_apply(model, &stream.records[at], next_of_its_endpoint(at), &step) == MODEL_STEP) {
		count = explain_topics(&step, topics);
		for (i = 0; i < count; i++)
			seen[topics[i]] = true;
		end = explain_step(said[at], &step, false);
	}
	*end = '\0';
	unknown += !!strchr(said[at], '?');
	if (end - said[at] > longest)
		longest = end - said[at];
}

static void begin(void)
{
	static const struct model_options options;

	model_free(model);
	model = model_new(&options);
	if (!model)
		abort();
	stream_begin(&stream);
}

static void run(void)
{
	unsigned int i;

	for (i = 0; i < stream.count; i++) {
		const struct endpoint *ep;

		do {
			ep = model_settle(model, stream.records[i].time - MODEL_SETTLE_NS);
		} while (ep);
		explain(i);
	}
}

/* Was this explanation printed for the record? */
static void tells(const struct tcptrace_record *record, const char *text)
{
	const char *got = said[record - stream.records];

	if (!ok(strstr(got, text), "%s", text))
		diag("got: %s", got);
}

static void tells_not(const struct tcptrace_record *record, const char *text)
{
	const char *got = said[record - stream.records];

	if (!ok(!strstr(got, text), "not: %s", text))
		diag("got: %s", got);
}

/* ---- RFC 9293, section 3.5 ---- */

static void test_handshake(void)
{
	struct tcptrace_record *listen, *again, *syn, *came, *answer, *child, *accept, *unlisten;

	begin();
	listen = listen_begins(&stream);
	again = listens_again(&stream, 20);
	syn = connects(&stream, &stream.client);
	came = syn_arrives(&stream);
	answer = syn_ack_arrives(&stream);
	child = ack_arrives(&stream);
	accept = accepts(&stream);
	unlisten = listen_ends(&stream);
	run();
	tells(listen, "Passive open: server/2002 called listen() for port 9090.");
	tells(listen, "full when more than 10 established");
	tells(again, "server/2002 called listen() again for port 9090");
	tells(again, "full when more than 20 established");
	tells(syn, "First handshake step: client/1001 called connect()");
	tells(syn, "J=4294967290 ");
	tells(came, "with the peer's initial sequence number J=4294967290.");
	tells(came, "Second handshake step: the server answers SYN+ACK with its own initial sequence number K=500000 and "
		    "acknowledges J+1=4294967291.");
	tells(answer, "K=500000, which acknowledges J+1=4294967291. Third handshake step: this endpoint answers ACK "
		      "K+1=500001.");
	tells(answer, "It took 20.0us from the SYN to the answer.");
	tells(child - 1, "the peer acknowledges K+1=500001.");
	tells(child - 1, "the accept queue, which now holds 1. The queue is full when it holds more than 10.");
	tells_not(child - 1, "SYN+ACK had been retransmitted");
	tells(child, "The handshake is complete on this side, too");
	tells(child, "in SYN_RECV, for 30.0us.");
	tells(accept, "server/2002 called accept()");
	tells(accept, "waited in the accept queue for 10.0us.");
	tells(unlisten, "server/2002 stopped listening: a SYN to port 9090 is refused");

	answer->flags |= TCPTRACE_F_HELD;
	run();
	tells(answer, "Its own third step, ACK K+1=500001, may be held back");

	syn->op = TCPTRACE_OP_FAILED;
	syn->error = ENETUNREACH;
	run();
	tells(syn, "client/1001 called connect(), which failed with ENETUNREACH before anything was sent");
	syn->op = TCPTRACE_OP_NONE;

	syn->flags |= TCPTRACE_F_REPAIR;
	run();
	tells(syn, "client/1001 restores a connection by TCP_REPAIR");
}

static void test_half_open(void)
{
	struct tcptrace_record *acked, *end;

	begin();
	syn_arrives(&stream);
	stream.time += 3 * SECOND;
	acked = ack_arrives(&stream) - 1;
	acked->u.listen.retransmits = 1;
	acked->u.listen.backlog = 10;
	run();
	tells(acked, "SYN+ACK had been retransmitted 1 time:");
	tells(acked, "which now holds 11.");
	tells(acked, "The accept queue is full now. Until the application calls accept()");

	begin();
	syn_arrives(&stream);
	stream.time += 63 * SECOND;
	end = request(&stream, TCPTRACE_OP_TIMEDOUT, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	end->u.listen.retransmits = 5;
	run();
	tells(end, "SYN+ACK was sent 6 times. After 63.0s in SYN_RECV the kernel drops the request");

	begin();
	syn_arrives(&stream);
	end = request(&stream, TCPTRACE_OP_UNREACHABLE, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	run();
	tells(end, "An ICMP error arrived for the SYN+ACK");

	begin();
	syn_arrives(&stream);
	end = by_task(request(&stream, TCPTRACE_OP_DESTROYED, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE), &stream.client);
	run();
	tells(end, "client/1001 destroyed the half-open request");

	begin();
	syn_arrives(&stream);
	end = request(&stream, TCPTRACE_OP_DROPPED, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	run();
	tells(end, "dropped: a RST arrived for it, or its listener is gone.");

	begin();
	stream.server.irs = stream.client.iss;
	acked = ack_arrives(&stream) - 1;
	acked->flags |= TCPTRACE_F_COOKIE_SYN;
	run();
	tells(acked, "No request socket was kept for this connection.");
	tells_not(acked + 1, "in SYN_RECV, for");
}

static void test_simultaneous_open(void)
{
	struct tcptrace_record *crossed, *established;

	begin();
	connects(&stream, &stream.client);
	connects(&stream, &stream.server);
	crossed = to_state(&stream, &stream.client, TCPTRACE_S_SYN_RECV);
	stream.client.irs = stream.server.iss;
	stream.client.rcv_nxt = stream.client.copied_seq = stream.client.irs + 1;
	stream.client.snd_una = stream.client.iss + 1;
	established = to_state(&stream, &stream.client, TCPTRACE_S_ESTABLISHED);
	run();
	tells(crossed, "Simultaneous open: this endpoint was waiting for an answer to its SYN and received a SYN without ACK");
	tells(crossed, "repeating its J=4294967290,");
	tells(established, "two calls of connect() have made one connection");
}

static void test_connect_fails(void)
{
	static const struct {
		int error;
		const char *text;
	} errors[] = {
		{ ECONNREFUSED, "Refused: nobody listens on port 9090 there" },
		{ ETIMEDOUT, "No answer: the SYN was sent 4 times within 10.0us, then connect() fails with ETIMEDOUT." },
		{ EHOSTUNREACH, "connect() fails with EHOSTUNREACH." },
		{ 0, "The application gave up before an answer arrived." },
		{ EPROTO, "the application gets EPROTO." },
	};
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct tcptrace_record *record;

		begin();
		connects(&stream, &stream.client);
		stream.client.retransmits = 3;
		record = to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
		record->error = errors[i].error;
		run();
		tells(record, errors[i].text);
	}
	begin();
	connects(&stream, &stream.client);
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	run();
	tells(&stream.records[1], "client/1001 closed the socket before an answer to its SYN arrived.");
}

/* ---- section 3.8 ---- */

static void test_data(void)
{
	struct tcptrace_record *syn, *wrote, *full, *zero, *came, *slow, *read, *rest, *look, *wait, *ack, *open, *taken, *nothing;

	begin();
	connects(&stream, &stream.client);
	syn = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 1);
	stream.count = 0;
	begin();
	handshake(&stream);
	wait = by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0), &stream.server);
	stream.client.write_seq += 6;
	wrote = by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), &stream.client);
	stream.client.snd_nxt += 6;
	stream.server.rcv_nxt += 6;
	came = queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	stream.server.rcv_nxt += 1;
	slow = queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	slow->rcv_wnd = 0;
	look = by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 7), &stream.server);
	stream.time += 2 * SECOND;
	stream.server.copied_seq += 4;
	read = by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 4), &stream.server);
	stream.server.copied_seq += 3;
	rest = by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 3), &stream.server);
	stream.server.rcv_nxt += 2;
	queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	nothing = by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 0), &stream.server);
	stream.server.copied_seq += 2;
	taken = queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_READ, 2);
	taken->flags |= TCPTRACE_F_MPTCP;
	stream.client.snd_una += 6;
	ack = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 6);
	stream.client.write_seq += 500;
	zero = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 0);
	zero->snd_wnd = 0;
	full = by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WAIT, 0), &stream.client);
	full->snd_wnd = 0;
	open = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 0);
	run();
	tells(wait, "so server/2002 sleeps in its read until data, a FIN or a RST arrives.");
	tells(wrote, "client/1001 wrote 6 bytes");
	tells(wrote, "Send-Q is now 6 bytes, 6 bytes of it unsent.");
	tells(came, "Received 6 bytes. Data stays in the receive queue");
	tells_not(came, "slower");
	tells(slow, "Received 1 byte.");
	tells(slow, "the reader is slower than the sender. The queue now holds 7 bytes, and the window last offered has 0 bytes left.");
	tells(slow, "The window last offered is used up. The peer has to stop");
	tells(look, "server/2002 peeked at 7 bytes (MSG_PEEK), which leaves the receive queue as it is.");
	tells(read, "server/2002 read 4 bytes. The oldest byte had waited for 2.00s. The receive queue still holds 3 bytes.");
	tells(taken, "MPTCP took 2 bytes out of this subflow's receive queue");
	tells_not(taken, "read 2 bytes");
	is_str(said[nothing - stream.records], "", "no read, and no look");
	tells(rest, "server/2002 read 3 bytes. The oldest byte had waited for 2.00s. The receive queue is empty.");
	tells(ack, "The peer has received 6 bytes more. Acknowledged data leaves the send queue, which now holds 0 bytes.");
	tells(ack, "65536 bytes beyond what it has acknowledged");
	tells(zero, "The peer's window is closed (zero window)");
	tells(zero, "Not yet sent: 500 bytes.");
	tells(full, "The send queue has no room left: it holds 500 bytes.");
	tells(full, "it is the reader there that blocks the writer here.");
	tells(open, "The peer's window reopens, 65536 bytes wide");

	begin();
	connects(&stream, &stream.client);
	syn = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 1);
	run();
	tells(syn, "The peer acknowledges the SYN.");
}

/* ---- section 3.6 ---- */

static void test_four_way(void)
{
	struct tcptrace_record *close, *fin, *came, *acked, *finack, *last, *second, *entered, *gone, *over;

	begin();
	handshake(&stream);
	moves(&stream, &stream.client, 6, true);
	moves(&stream, &stream.server, 17, false);
	stream.client.copied_seq += 17;
	fin = sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	close = fin - 1;
	came = fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	finack = queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 1);
	finack->snd_una = stream.client.snd_nxt;
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	stream.time += SECOND;
	second = sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	entered = enters_time_wait(&stream, &stream.client);
	gone = fin_is_acked(&stream, &stream.server, TCPTRACE_S_CLOSE);
	last = timewait(&stream, &stream.client, TCPTRACE_OP_RESTART, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_TIME_WAIT, 60000);
	over = time_wait_ends(&stream, &stream.client);
	run();
	tells(close, "client/1001 closed the last descriptor of the socket. No process holds it any more");
	tells(close, "The FIN goes out after everything in the send queue, 0 bytes.");
	tells(fin, "First step of the close: this side closes first (active close) and sends FIN seq=7");
	tells(fin, "FIN_WAIT1 waits for ACK 8.");
	tells(came, "The first step of the close arrives (passive close): FIN seq=7,");
	tells_not(came, "to read.");
	tells(finack, "The peer acknowledges the FIN: it has received all that this endpoint ever sent.");
	tells(acked, "The second step of the close arrives: ACK 8 acknowledges the FIN. The connection is half-closed");
	tells(second, "Third step of the close: now this side closes as well and sends FIN seq=18. LAST_ACK waits "
		      "only for ACK 19.");
	tells(second, "half-closed for 1.00s, from the first FIN to the second.");
	tells(entered, "The third step of the close arrives, FIN seq=18. Fourth step: this endpoint acknowledges it");
	tells(entered, "TIME_WAIT lasts for 60.0s: Linux's value for 2MSL, twice the maximum lifetime of a segment.");
	tells(gone, "The fourth step of the close arrives: ACK 19 acknowledges the FIN.");
	tells(last, "the 2MSL timer is restarted, 60.0s.");
	tells(over, "The 2MSL timer expired after 60.0s.");

	second->flags |= TCPTRACE_F_HELD;
	run();
	tells(second, "is queued, and is sent when all data before it has been sent");
}

static void test_three_way(void)
{
	struct tcptrace_record *acked, *entered;

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	stream.server.rcv_nxt += 5;
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	entered = enters_time_wait(&stream, &stream.client);
	entered->stamp = acked->stamp;
	run();
	tells(acked - 1, "Before that it has 5 bytes to read.");
	tells(acked, "The third step, the peer's own FIN, is in the same segment");
	tells(entered, "It merges the second and third step of the close: a three-way close.");
	tells_not(entered, "half-closed");
}

static void test_simultaneous_close(void)
{
	struct tcptrace_record *crossed, *entered;

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	crossed = fin_arrives(&stream, &stream.client, TCPTRACE_S_CLOSING);
	entered = enters_time_wait(&stream, &stream.client);
	run();
	tells(crossed, "Simultaneous close: the FINs crossed. FIN seq=1 arrived before the ACK");
	tells(entered, "the simultaneous close is complete. Both sides closed first");
}

static void test_shutdown(void)
{
	struct tcptrace_record *rd, *wr, *both, *again, *after;

	begin();
	handshake(&stream);
	rd = shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_RD);
	stream.client.write_seq += 9;
	wr = sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR) - 1;
	both = sends_fin(&stream, &stream.server, TCPTRACE_OP_SHUT_RDWR) - 1;
	again = shuts(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	after = shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	run();
	tells(rd, "client/1001 called shutdown(SHUT_RD)");
	tells(rd, "so the peer does not learn of it.");
	tells(wr, "called shutdown(SHUT_WR): it will write no more, but it can still read (a half-close).");
	tells(wr, "after everything in the send queue, 9 bytes.");
	tells(both, "server/2002 called shutdown(SHUT_RDWR)");
	tells(again, "This side had already sent its FIN: nothing is sent.");
	tells(after, "data that still arrives is answered with a RST.");
}

static void test_orphan(void)
{
	static const struct {
		uint8_t op, new_state;
		uint32_t timeout;
		const char *text;
		int error;
	} ends[] = {
		{ TCPTRACE_OP_SUBSTATE, TCPTRACE_S_TIME_WAIT, 60000, "Fourth step: the small timewait socket acknowledges it", 0 },
		{ TCPTRACE_OP_END, TCPTRACE_S_CLOSE, 0, "The peer's FIN did not arrive, and no process here waits for it.", 0 },
		{ TCPTRACE_OP_KILLED, TCPTRACE_S_CLOSE, 4000, "The kernel gives up 4.00s early: data arrived", 0 },
		{ TCPTRACE_OP_KILLED, TCPTRACE_S_CLOSE, 4000, "A RST arrived from the peer, 4.00s before", ECONNRESET },
	};
	unsigned int i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct tcptrace_record *orphan, *end;

		begin();
		handshake(&stream);
		sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
		fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
		orphan = timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2,
				  TCPTRACE_S_FIN_WAIT2, 60000);
		end = timewait(&stream, &stream.client, ends[i].op, TCPTRACE_S_FIN_WAIT2, ends[i].new_state,
			       ends[i].timeout);
		end->error = ends[i].error;
		run();
		tells(orphan, "a small timewait socket takes its place. The peer has 60.0s to send its FIN.");
		tells(end, ends[i].text);
	}
	begin();
	handshake(&stream);
	four_way(&stream, &stream.client);
	timewait(&stream, &stream.client, TCPTRACE_OP_KILLED, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_CLOSE, 30000);
	run();
	tells(&stream.records[stream.count - 1], "TIME_WAIT ends 30.0s early. Either a new SYN took its place");

	stream.records[stream.count - 1].error = ECONNRESET;
	run();
	tells(&stream.records[stream.count - 1], "TIME_WAIT ends 30.0s early: a RST arrived");

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	fin_arrives(&stream, &stream.client, TCPTRACE_S_CLOSE);
	run();
	tells(&stream.records[stream.count - 1], "there is no timewait socket left for it");
}

/* ---- the other endpoints ---- */

static void test_resets(void)
{
	struct tcptrace_record *record;

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_RDWR);
	stream.client.flags |= TCPTRACE_F_SHUT_RCV | TCPTRACE_F_SHUT_SND;
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	reset(&stream, &stream.client, TCPTRACE_OP_REPLIED);
	run();
	tells(&stream.records[stream.count - 1], "this side has shut down receiving.");

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	moves(&stream, &stream.server, 5, false);
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	run();
	tells(&stream.records[stream.count - 1], "with 5 bytes unread. Unread data is lost, and TCP tells the peer so");

	begin();
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	shuts(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	run();
	record = &stream.records[6];
	tells(record++, "server/2002 closed the last descriptor of the socket with 5 bytes unread.");
	tells(record++, "Aborted from this side, which discards 5 bytes received but never read.");
	tells(record++, "RST: the connection is aborted, not closed");
	tells(record++, "Received a RST with acceptable numbers");
	tells(record++, "The RST ends the connection: no FIN, no TIME_WAIT. Unacknowledged data is lost (0 bytes). The "
			"application gets ECONNRESET.");

	begin();
	handshake(&stream);
	stream.client.flags |= TCPTRACE_F_LINGER;
	shuts(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	run();
	tells(&stream.records[6], "with SO_LINGER on");
	tells(&stream.records[7], "SO_LINGER with a time of 0 asks for a RST instead of a FIN.");

	begin();
	syn_arrives(&stream);
	ack_arrives(&stream);
	record = by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.listener);
	run();
	tells(record, "The listener was closed before anybody had called accept()");

	begin();
	handshake(&stream);
	record = by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	record->error = ECONNABORTED;
	run();
	tells(record, "Destroyed from outside");

	begin();
	handshake(&stream);
	record = by_task(to_state(&stream, &stream.client, TCPTRACE_S_CLOSE), &stream.client);
	run();
	tells(record, "Aborted on this side.");

	begin();
	handshake(&stream);
	stream.client.retransmits = 15;
	record = to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	record->error = ETIMEDOUT;
	run();
	tells(record, "The peer has been silent for too long, despite 15 segments retransmitted, including probes.");

	begin();
	handshake(&stream);
	record = to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	record->error = EHOSTUNREACH;
	run();
	tells(record, "The connection fails: the application gets EHOSTUNREACH.");
}

static void test_replies(void)
{
	struct tcptrace_record *record;

	begin();
	connects(&stream, &stream.client);
	record = refusal(&stream, &stream.server);
	run();
	tells(record, "A segment arrived at port 9090 that belongs to no socket");

	begin();
	handshake(&stream);
	record = reset(&stream, &stream.client, TCPTRACE_OP_REPLIED);
	run();
	tells(record, "A segment arrived that cannot belong to this connection.");

	begin();
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	record = reset(&stream, &stream.client, TCPTRACE_OP_REPLIED);
	run();
	tells(record, "this side has closed and nobody can read it. The answer is a RST.");
}

/* For an endpoint whose creation was not seen, nothing unknown is claimed. */
static void test_unknown(void)
{
	struct tcptrace_record *record;

	begin();
	handshake(&stream);
	begin();
	stream.client.state = TCPTRACE_S_LAST_ACK;
	stream.client.snd_una = stream.client.snd_nxt = stream.client.write_seq = 77;
	record = to_state(&stream, &stream.client, TCPTRACE_S_CLOSE);
	run();
	tells(record, "ACK ? acknowledges the FIN.");
	is_int(unknown, 1, "and in no other test anything was unknown");
}

static void test_table(void)
{
	unsigned int i, k, empty = 0, unclosed = 0;

	for (i = 0; i < EXPLAIN_TOPICS; i++) {
		const char *text = explain_text(i);

		empty += !text;
		for (k = 0; text && text[k]; k++)
			unclosed += text[k] == '{' && !strchr(text + k, '}');
		ok(seen[i], "was asked for: %.60s...", text ? text : "?");
	}
	is_int(empty, 0, "each topic has a text");
	is_int(unclosed, 0, "each place is closed");
	ok(longest < EXPLAIN_TEXT, "the longest explanation has %u bytes", longest);
}

int main(void)
{
	test_handshake();
	test_half_open();
	test_simultaneous_open();
	test_connect_fails();
	test_data();
	test_four_way();
	test_three_way();
	test_simultaneous_close();
	test_shutdown();
	test_orphan();
	test_resets();
	test_replies();
	test_unknown();
	test_table();
	model_free(model);
	return done_testing();
}
