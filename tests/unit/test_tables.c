// SPDX-License-Identifier: GPL-2.0-only
/* The tables (listen, life, ports, top) on recordings made by hand. */
#include "program.h"

/* The n-th line, from 0, or "". */
static const char *line(unsigned int n)
{
	return n < out.count ? out.lines[n] : "";
}

static void parse_all(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < out.count; i++) {
		json_object_put(objects[i]);
		objects[i] = json_tokener_parse(out.lines[i]);
		bad += !json_object_is_type(objects[i], json_type_object);
	}
	is_int(bad, 0, "each of %u lines is an object", out.count);
}

/* ---- listen ---- */

/*
 * Two SYNs; the first is acknowledged and waits 2 ms for accept(), the second is given up. Then one is refused
 * because the accept queue is full.
 */
static void busy_listener(void)
{
	struct tcptrace_record *record;

	stream_begin(&stream);
	listen_begins(&stream);
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	stream.server.cookie = 103;
	record = syn_arrives(&stream);
	record->dport++;
	record->u.listen.syn_backlog = 1;
	stream.server.cookie = 102;
	syn_ack_arrives(&stream);
	ack_arrives(&stream);
	stream.records[stream.count - 2].u.listen.syn_backlog = 2;
	stream.time += 2 * MS;
	record = accepts(&stream);
	record->u.listen.backlog = 0;
	record->u.listen.syn_backlog = 1;
	stream.server.cookie = 103;
	record = request(&stream, TCPTRACE_OP_TIMEDOUT, TCPTRACE_S_SYN_RECV, TCPTRACE_S_CLOSE);
	record->dport++;
	record->u.listen.syn_backlog = 1;
	record->u.listen.backlog = 0;
	stream.server.cookie = 102;
}

static void test_listen(void)
{
	busy_listener();
	save(0);
	run("listen", "");
	is_int(out.status, 0, "listen: status");
	has_line("LOCAL           ACCEPT-Q PEAK  MAX SYN-Q PEAK ACCEPTED  LONGEST OVERFLOWS DROPS PROCESS");
	has_line("127.0.0.1:9090         0    1   10     0    2        1   2.01ms         -     - server/2002");
	ok(line_with("does not record refusals"), "why there is a dash");
	is_str(line(out.count - 1), "-- 9 events, 0 lost", "the tally");
	is_int(out.count, 4, "nothing else");
}

/* Nobody accepts: it still waits. */
static void test_listen_waiting(void)
{
	busy_listener();
	/* Up to the ESTABLISHED of the server's end, and something later of another listener. */
	while (stream.records[stream.count - 1].type != TCPTRACE_T_ACCEPT)
		stream.count--;
	stream.count--;
	stream.time += 5 * MS;
	stream.listener.cookie = 99;
	stream.listener.sport = 80;
	stream.listener.pid = 0;
	stream.listener.state = TCPTRACE_S_CLOSE;
	listen_begins(&stream)->pid = 0;
	save(0);
	run("listen", "-q");
	is_str(line(0), "127.0.0.1:80           0    0   10     0    0        0        -         -     -",
	       "by port; nobody waited, nobody is known");
	ok(strstr(line(1), " 1    1   10     1    2        0 "), "in the accept queue, the other one half-open");
	ok(strstr(line(1), "ms+ "), "who still waits has a plus");
	is_int(out.count, 2, "quiet: rows alone");
}

static void test_listen_drops(void)
{
	struct tcptrace_record *record;
	unsigned int i;

	busy_listener();
	for (i = 0; i < 3; i++) {
		record = request(&stream, TCPTRACE_OP_NONE, TCPTRACE_S_LISTEN, TCPTRACE_S_LISTEN);
		record->type = TCPTRACE_T_DROP;
		record->cookie = 100;
		record->kind = TCPTRACE_K_FULL;
		/* Two because accept() does not come, one for another reason. */
		record->u.listen.backlog = i ? 11 : 0;
	}
	save(0);
	((struct capture_header *)capture.data)->types_version = 2;
	capture_save(&capture, file());
	run("listen", "-H");
	ok(strstr(line(0), " 2     1 server/2002"), "overflows and drops");
	ok(strstr(line(0), " 11   10 "), "the peak is above the maximum by one: so the kernel counts");
	ok(!line_with("refusals"), "no reason is needed");
	run("listen", "--json");
	parse_all();
	is_int(number(objects[0], "overflows"), 2, "overflows");
	is_int(number(objects[0], "drops"), 1, "drops");
}

static void test_listen_json(void)
{
	struct json_object *object;

	busy_listener();
	listen_ends(&stream);
	save(0);
	run("listen", "--json --interval=1");
	parse_all();
	object = objects[0];
	is_int(out.count, 2, "one listener, the tally");
	is_str(string(object, "type"), "listen", "type");
	is_str(string(object, "state"), "CLOSE", "it is over by then");
	is_int(number(object, "backlog_peak"), 1, "backlog_peak");
	is_int(number(object, "backlog_max"), 10, "backlog_max");
	is_int(number(object, "syn_backlog"), 0, "syn_backlog");
	is_int(number(object, "syn_backlog_peak"), 2, "syn_backlog_peak");
	is_int(number(object, "accepted"), 1, "accepted");
	is_int(number(object, "accept_wait_max_ns"), 2 * MS + 10 * US, "accept_wait_max_ns");
	is_int(number(object, "pid"), 2002, "pid");
	ok(!has(object, "overflows"), "what is not recorded is left out");
	is_str(string(objects[1], "type"), "lost", "the last one");
	run("listen", "");
	ok(line_with("server/2002 (closed)"), "in text it is said to be closed");
	run("listen", "sport = :9091");
	ok(!line_with("server"), "a filter that does not fit");
	ok(line_with("LOCAL"), "has the titles all the same");
	is_int(out.status, 0, "and is no error");
}

/* From a snapshot alone. */
static void test_listen_once(void)
{
	struct tcptrace_record *record;

	stream_begin(&stream);
	stream.listener.state = TCPTRACE_S_LISTEN;
	record = snapshot(&stream, &stream.listener, TCPTRACE_K_FULL);
	about_listener(record, 3);
	record->u.listen.syn_backlog = 4;
	save(0);
	run("listen", "--once");
	has_line("127.0.0.1:9090         3    3   10     4    4        0        -         -     -");
	run("listen", "--once --json");
	parse_all();
	is_int(number(objects[0], "syn_backlog"), 4, "--once: syn_backlog");
	is_int(number(objects[0], "time"), record->time, "time");
}

/* ---- life ---- */

static void test_life(void)
{
	stream_begin(&stream);
	handshake(&stream);
	sends(&stream, &stream.client, 6);
	sends(&stream, &stream.server, 17);
	four_way(&stream, &stream.client);
	time_wait_ends(&stream, &stream.client);
	save(0);
	run("life", "9090");
	is_int(out.status, 0, "life: status");
	is_str(line(0), "TIME            DURATION HANDSHAKE LOCAL             PEER                IN    OUT REQS KIND  "
			"RETR VERDICT             PROCESS", "titles");
	is_str(line(1), "22:13:21.001210   1.20ms    20.0us 127.0.0.1:45678 > 127.0.0.1:9090      17      6    1 short "
			"   0 four-way by local   client/1001", "the client's end");
	is_str(line(2), "22:13:21.001230   1.21ms    30.0us 127.0.0.1:9090  < 127.0.0.1:45678      6     17    1 short "
			"   0 four-way by remote  server/2002", "the server's");
	is_str(line(3), "-- 24 events, 0 lost", "the tally");
	is_int(out.count, 4, "nothing else");
	run("life", "-q sport = :9090");
	is_int(out.count, 1, "a filter, quiet: one row");
	ok(strstr(line(0), "127.0.0.1:9090  <"), "its row");
}

/* Several requests; the end of one whose birth was not seen; data unread. */
static void test_life_long(void)
{
	unsigned int i;

	stream_begin(&stream);
	handshake(&stream);
	for (i = 0; i < 3; i++) {
		sends(&stream, &stream.client, 10);
		sends(&stream, &stream.server, 1000);
	}
	four_way(&stream, &stream.server);
	save(0);
	run("life", "-H");
	ok(strstr(line(0), " 30   3000    3 long "), "three requests: long");
	ok(strstr(line(0), "server/2002"), "the end that is over first comes first");
	run("life", "--json");
	parse_all();
	is_str(string(object_of("verdict", 101, 0), "kind"), "long", "kind");
	is_int(number(object_of("verdict", 101, 0), "requests"), 3, "requests");

	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	stream.count = 0;
	shuts(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	save(0);
	run("life", "-H");
	ok(strstr(line(0), " >"), "a duration that began before");
	ok(strstr(line(0), "        - 127.0.0.1:9090  "), "and no handshake");
	ok(strstr(line(0), "    - -        0 reset by local, unread"), "requests and kind are not known");
}

int main(void)
{
	program_begin();
	test_listen();
	test_listen_waiting();
	test_listen_drops();
	test_listen_json();
	test_listen_once();
	test_life();
	test_life_long();
	program_end();
	return done_testing();
}
