// SPDX-License-Identifier: GPL-2.0-only
/* The tables (listen, life, ports, top) on recordings made by hand. */
#include "host/port_settings.h"
#include "program.h"
#include "tally/busy.h"

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

/* By a module that has this version of the types. */
static void save_types(uint16_t version)
{
	save(0);
	((struct capture_header *)capture.data)->types_version = version;
	capture_save(&capture, file());
}

/* ---- listen ---- */

/*
 * Two SYNs; the first connection is acknowledged and waits 2 ms for accept(), the second is given up. Then one is
 * refused because the accept queue is full.
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
	save_types(1);
	run("listen", "");
	is_int(out.status, 0, "listen: status");
	has_line("LOCAL           ACCEPT-Q PEAK  MAX SYN-Q PEAK ACCEPTED  LONGEST OVERFLOWS DROPS PROCESS");
	has_line("127.0.0.1:9090         0    1   10     0    2        1   2.01ms         -     - server/2002");
	ok(line_with("does not record refusals"), "why there is a dash");
	is_str(line(out.count - 1), "-- 9 events, 0 lost", "the tally");
	is_int(out.count, 4, "nothing else");
}

/* The backlog that it was given last counts; it is the same listener, and keeps its peaks. */
static void test_listen_again(void)
{
	struct tcptrace_record *record;

	busy_listener();
	record = listens_again(&stream, 50);
	save_types(1);
	run("listen", "-q");
	is_str(line(0), "127.0.0.1:9090         0    1   50     0    2        1   2.01ms         -     - server/2002",
	       "another maximum, all else as it was");
	is_int(out.count, 1, "one listener");
	run("watch", "-H");
	is_str(line(0) ? strstr(line_with("listen() again"), "LISTEN") : NULL,
	       "LISTEN                         0     50 listen() again, backlog 50         server/2002", "watch");
	run("states", "--json");
	ok(!line_with("\"from\":\"LISTEN\",\"to\":\"LISTEN\""), "no change of state");
	/* Before a LISTEN -> LISTEN nothing was seen. */
	stream.records[0] = *record;
	stream.count = 1;
	save_types(1);
	run("listen", "-q");
	ok(strstr(line(0), " 0    0   50 "), "a listener that listened before");
}

/* It is never accepted, and still waits. */
static void test_listen_waiting(void)
{
	busy_listener();
	/* Up to the ESTABLISHED of the server's endpoint, and later something of another listener. */
	while (stream.records[stream.count - 1].type != TCPTRACE_T_ACCEPT)
		stream.count--;
	stream.count--;
	stream.time += 5 * MS;
	stream.listener.cookie = 99;
	stream.listener.sport = 80;
	stream.listener.pid = 0;
	stream.listener.state = TCPTRACE_S_CLOSE;
	listen_begins(&stream)->pid = 0;
	save_types(1);
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
		/* Two because accept() is not called, one for another reason. */
		record->u.listen.backlog = i ? 11 : 0;
	}
	save_types(2);
	run("listen", "-H");
	ok(strstr(line(0), " 2     1 server/2002"), "overflows and drops");
	ok(strstr(line(0), " 11   10 "), "the peak is above the maximum by one: so the kernel counts");
	ok(!line_with("refusals"), "no reason is needed");
	run("listen", "--json");
	parse_all();
	is_int(number(objects[0], "overflows"), 2, "overflows");
	is_int(number(objects[0], "drops"), 1, "drops");
}

/* It would not have been reported, so it is not 0. */
static void test_listen_level(void)
{
	busy_listener();
	save(0);
	((struct capture_header *)capture.data)->level = TCPTRACE_L_LIFE;
	capture_save(&capture, file());
	run("listen", "2>&1");
	has_line("127.0.0.1:9090         0    1   10     0    2        1   2.01ms         -     - server/2002");
	ok(line_with("recorded at level life") && line_with("record --level=queue"), "why there is a dash");
	run("life", "2>&1");
	ok(!line_with("recorded at level"), "life has all that it needs");
}

static void test_listen_json(void)
{
	struct json_object *object;

	busy_listener();
	listen_ends(&stream);
	save_types(1);
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
	save_types(1);
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
			"   0 four-way by local   client/1001", "the client's endpoint");
	is_str(line(2), "22:13:21.001230   1.21ms    30.0us 127.0.0.1:9090  < 127.0.0.1:45678      6     17    1 short "
			"   0 four-way by remote  server/2002", "the server's");
	is_str(line(3), "-- 24 events, 0 lost", "the tally");
	is_int(out.count, 4, "nothing else");
	run("life", "-q sport = :9090");
	is_int(out.count, 1, "a filter, quiet: one row");
	ok(strstr(line(0), "127.0.0.1:9090  <"), "its row");
}

/* Several requests; an endpoint whose creation was not seen; unread data. */
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
	is_str(string(object_of("verdict", 101, 0), "connection"), "long", "connection");
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

/* ---- unusual names, addresses and files ---- */

/* The longest IPv6 addresses, and a process whose name would colour the terminal. */
static void test_wide(void)
{
	static const uint8_t address[TCPTRACE_ADDR_LEN] = {
		0x20, 1, 0xd, 0xb8, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55, 0x66, 0x66,
	};
	unsigned int i;

	stream_begin(&stream);
	stream.client.comm = "fifteen\033[31mxy";
	stream.client.pid = 4194304;
	handshake(&stream);
	four_way(&stream, &stream.client);
	for (i = 0; i < stream.count; i++) {
		stream.records[i].family = AF_INET6;
		memcpy(stream.records[i].saddr, address, sizeof(address));
		memcpy(stream.records[i].daddr, address, sizeof(address));
	}
	save(0);
	run("life", "-q");
	ok(strstr(line(0), " [2001:db8:1111:2222:3333:4444:5555:6666]:45678 > [2001:db8:1111:2222:3333:4444:5555:6666]:9090 "),
	   "both addresses, whole");
	ok(strstr(line(0), "fifteen\\x1b[31mxy/4194304"), "the name, without its escape");
	ok(strstr(line(1), ":9090  < ["), "the second line has the columns of the first");
	run("top", "-b -q --count=1 --sort=in");
	is_int(out.status, 0, "top: status");
}

/* A connection of two processes, filtered by either. */
static void test_process(void)
{
	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	moves(&stream, &stream.server, 5000, true);
	save(0);
	run("listen", "-H -q process server");
	is_int(out.count, 1, "listen: its listener");
	run("listen", "-H -q process client");
	is_int(out.count, 0, "listen: it has none");
	run("states", "--json process client | grep stay");
	ok(strstr(line_with("ESTABLISHED") ?: "", "\"now\":1,"), "states: its endpoint");
	run("states", "--json process server | grep stay");
	ok(strstr(line_with("ESTABLISHED") ?: "", "\"now\":1,"), "states: its endpoint");
	ok(strstr(line_with("LISTEN") ?: "", "\"now\":1,"), "states: its listener");
	run("window", "-q process server");
	ok(line_with("127.0.0.1:45678") && line_with("127.0.0.1:9090"), "window: a connection has two sides");
	run("window", "-q process nobody");
	ok(!line_with("127.0.0.1:9090"), "window: none");
	four_way(&stream, &stream.client);
	save(0);
	run("life", "-H -q process server");
	is_int(out.count, 1, "life: its endpoint");
	ok(line_with("server/2002"), "life: and no other's");
}

/* The intact part is shown, and the error is reported. */
static void test_truncated(void)
{
	static const char *const views[] = { "listen", "life", "ports --range=1-65535", "top" };
	unsigned int i;

	busy_listener();
	save(0);
	capture.size -= 100;
	capture_save(&capture, file());
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		run(views[i], "2>&1");
		is_int(out.status, 4, "%s of a truncated recording: status", views[i]);
		ok(line_with("truncated"), "it is said");
		ok(line_with("9090") || i == 1, "what is whole is shown");
		run(views[i], "--fail-on-loss 2>/dev/null");
		is_int(out.status, 4, "not a loss, but an error");
	}
	busy_listener();
	lost(&stream, 3);
	save(3);
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		run(views[i], "--fail-on-loss");
		is_int(out.status, 3, "%s, and records were lost: status", views[i]);
		ok(strstr(line(out.count - 1), " 3 lost"), "it is said");
	}
}

/* ---- ports ---- */

/* An existing endpoint: 10.0.0.1:`sport`, and 10.0.0.`peer`:`dport`; peer 0: it listens. */
static struct tcptrace_record *there(uint16_t sport, uint8_t peer, uint16_t dport, uint8_t state)
{
	/* The kernel counts the SYN of an endpoint that connects as acknowledged. */
	struct stream_endpoint side = {
		.cookie = 1000 + stream.count, .sport = sport, .dport = dport, .state = state, .bytes_out = 1,
		.iss = 5, .snd_una = 6, .snd_nxt = 6, .write_seq = 6,
	};
	uint8_t kind = state == TCPTRACE_S_TIME_WAIT ? TCPTRACE_K_TIMEWAIT : TCPTRACE_K_FULL;
	struct tcptrace_record *record = snapshot(&stream, &side, kind);

	record->saddr[12] = record->daddr[12] = 10;
	record->saddr[13] = record->saddr[14] = record->daddr[13] = record->daddr[14] = 0;
	record->saddr[15] = 1;
	record->daddr[15] = peer;
	if (!peer)
		memset(record->daddr, 0, sizeof(record->daddr));
	return record;
}

static void used_ports(void)
{
	uint16_t port;

	stream_begin(&stream);
	there(22, 0, 0, TCPTRACE_S_LISTEN);
	there(40009, 0, 0, TCPTRACE_S_LISTEN);
	there(22, 9, 40005, TCPTRACE_S_ESTABLISHED);		/* accepted, out of the range */
	there(40009, 9, 40005, TCPTRACE_S_ESTABLISHED);		/* accepted, in it */
	for (port = 40000; port < 40003; port++)
		there(port, 2, 80, TCPTRACE_S_ESTABLISHED);
	there(40003, 2, 80, TCPTRACE_S_TIME_WAIT);
	there(40000, 3, 80, TCPTRACE_S_TIME_WAIT);		/* the same port, another destination */
	there(39999, 2, 80, TCPTRACE_S_ESTABLISHED);		/* not chosen by connect() */
	save(0);
}

static void test_ports(void)
{
	used_ports();
	run("ports", "--range=40000-40009");
	is_int(out.status, 0, "ports: status");
	is_str(line(0), "netns 4026531840: ports 40000-40009, 10 in all, 0 reserved, 1 held by bind()", "the range");
	ok(strstr(line(1), "  -: a recording does not contain"), "why there is a dash");
	is_str(line(2), "SOURCE    DESTINATION     IN-USE TIME_WAIT SHARE REUSABLE   LEFT", "titles");
	is_str(line(3), "10.0.0.1  10.0.0.2:80          4         1   25%        -      5", "four of nine are in use");
	is_str(line(4), "10.0.0.1  10.0.0.3:80          1         1  100%        -      8", "one, in TIME_WAIT");
	is_str(line(5), "any       any other            0         0    0%        0      9", "none");
	is_int(out.count, 6, "what was accepted, or has a port beyond the range, is nobody's");
	run("ports", "-q --range=40000-40009 dst 10.0.0.3");
	ok(strstr(line(0), "10.0.0.3:80"), "a filter chooses lines");
	ok(strstr(line(1), "      9"), "and what listens counts all the same");
	is_int(out.count, 2, "two lines");

	run("ports", "--json --range=40000-40009");
	parse_all();
	is_str(string(objects[0], "type"), "ports", "type");
	is_str(string(objects[0], "daddr"), "10.0.0.2", "daddr");
	is_int(number(objects[0], "dport"), 80, "dport");
	is_int(number(objects[0], "in_use"), 4, "in_use");
	is_int(number(objects[0], "timewait"), 1, "timewait");
	is_int(number(objects[0], "left"), 5, "left");
	ok(!has(objects[0], "reusable"), "reusable is not known");
	is_int(number(objects[2], "left"), 9, "left for any other");
	is_int(number(objects[2], "held"), 1, "held");
	is_str(string(objects[3], "type"), "lost", "the last one");

	run("ports", "");
	ok(strstr(line(0), "netns 4026531840: -: a recording"), "without a range");
	ok(line_with("10.0.0.1  10.0.0.2:80          5         1   20%        -      -"), "what is in use is shown");
	run("ports", "--range=5-4 2>&1");
	is_int(out.status, 2, "a bad range: status");
	is_int(out.count, 1, "one line");
}

/* Bound to a device that no host has: the server's side; the client's is not bound. */
static void bind_server(uint32_t ifindex)
{
	unsigned int i;

	for (i = 0; i < stream.count; i++)
		if (stream.records[i].cookie != stream.client.cookie)
			stream.records[i].ifindex = ifindex;
}

/* By the device of an endpoint, not of a record alone. */
static void test_device(void)
{
	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	moves(&stream, &stream.server, 5000, true);
	four_way(&stream, &stream.client);
	bind_server(7777);
	save(0);
	run("listen", "-H -q dev 7777");
	is_int(out.count, 1, "listen: a listener that is bound to the device");
	run("listen", "-H -q not dev 7777");
	is_int(out.count, 0, "listen: and not to another one");
	run("listen", "-H -q dev 7778");
	is_int(out.count, 0, "listen: none is bound to that");
	run("life", "-H -q dev 7777 and process server");
	is_int(out.count, 1, "life: an endpoint that is bound");
	run("life", "-H -q not dev 7777 and process client");
	is_int(out.count, 1, "life: an endpoint that is not");
	run("life", "-H -q dev 7777 and process client");
	is_int(out.count, 0, "life: which is not the other one");
	run("watch", "-q dev 7777 and process server");
	ok(line_with("four-way close"), "watch: its verdict");
	run("export --format=prometheus", "dev 7777 2>/dev/null | grep '^tcptrace_listener_accept_queue{'");
	ok(out.count, "export: its listener");
	run("export --format=prometheus", "dev 7778 2>/dev/null | grep '^tcptrace_listener_accept_queue{'");
	is_int(out.count, 0, "export: none is bound to that");

	/* SO_BINDTODEVICE on an existing connection: its last record has it. */
	stream_begin(&stream);
	handshake(&stream);
	four_way(&stream, &stream.server);
	stream.records[stream.count - 1].ifindex = 7777;
	save(0);
	run("life", "-H -q process client and not dev 7777");
	is_int(out.count, 0, "life: one that was bound in between");
	run("life", "-H -q process client and not dev 7778");
	is_int(out.count, 1, "life: to that one alone");

	stream_begin(&stream);
	there(40000, 2, 80, TCPTRACE_S_ESTABLISHED)->ifindex = 7777;
	there(40001, 2, 81, TCPTRACE_S_ESTABLISHED)->ifindex = 4000000000u;
	there(40002, 2, 82, TCPTRACE_S_ESTABLISHED);
	save(0);
	run("ports", "-q --range=40000-40009 dev 7777");
	ok(line_with("10.0.0.2:80 ") && !line_with("10.0.0.2:81 ") && !line_with("10.0.0.2:82 "),
	   "ports: what is bound");
	run("ports", "-q --range=40000-40009 dev 4000000000");
	ok(!line_with("10.0.0.2:80 ") && line_with("10.0.0.2:81 ") && !line_with("10.0.0.2:82 "),
	   "ports: whatever its number");
	run("ports", "-q --range=40000-40009 dev != 7777 and dev != 4000000000");
	ok(!line_with("10.0.0.2:80 ") && !line_with("10.0.0.2:81 ") && line_with("10.0.0.2:82 "), "ports: what is not");
}

static void test_port_settings(void)
{
	static const char *const bad[] = { "x", "1-", "5-4", "70000", "1,,2", "1 2" };
	static struct port_settings settings;
	static struct port_set set;
	unsigned int i, port, count = 0;

	ok(port_settings_parse(&settings, "32768\t60999\n"), "as the file has it");
	is_int(settings.low, 32768, "low");
	is_int(settings.high, 60999, "high");
	ok(!port_settings_parse(&settings, "1024"), "one number is no range");
	ok(!port_settings_parse(&settings, "0-9"), "0 is no port");
	ok(port_set_parse(&set, "\n"), "an empty list");
	ok(port_set_parse(&set, "8080,9090-9092\n"), "a list");
	for (port = 0; port < PORTS; port++)
		count += port_set_has(&set, port);
	is_int(count, 4, "four of them");
	ok(port_set_has(&set, 9091) && !port_set_has(&set, 9093), "these");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!port_set_parse(&set, bad[i]), "not a list: %s", bad[i]);
}

/* ---- top ---- */

/* Two seconds, in each of which the client writes 5000 bytes; the last of them are not read. */
static void busy_connection(void)
{
	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	stream.time = 3 * SECOND / 2;
	sends(&stream, &stream.client, 5000);
	stream.time = 5 * SECOND / 2;
	sends(&stream, &stream.client, 4900);
	moves(&stream, &stream.client, 100, false);
	queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 100);
	stream.time = 31 * SECOND / 10;
	queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0);
	save(0);
}

static void test_rates(void)
{
	is_int(busy_rate(6, 4 * SECOND), 1, "a rate is rounded down");
	ok(busy_rate(UINT64_MAX, 1) == UNKNOWN - 1, "the largest there is is not the one that is not known");
}

static void test_top(void)
{
	busy_connection();
	run("top", "");
	is_int(out.status, 0, "top: status");
	is_str(line(0), "22:13:21  0 sockets, - changes/s, by bytes in and out", "the first look: nothing yet");
	ok(line_with("22:13:22  3 sockets, "), "a second later: both endpoints and the listener");
	ok(line_with("22:13:23  3 sockets, 6 changes/s"), "six changes in the second second");
	is_str(line(11), "127.0.0.1:9090  127.0.0.1:45678 ESTABLISHED     100    5000       0       0 5.00k     0   499ms"
			 "   65536   65536    0 server/2002", "5000 bytes came in that second, 100 were not read");
	is_str(line(12), "127.0.0.1:45678 127.0.0.1:9090  ESTABLISHED       0       0       0    5000     0 5.00k       -"
			 "   65536   65536    0 client/1001", "and went from the other endpoint");
	is_str(line(13), "127.0.0.1:9090  *               LISTEN            1       1      10       0     0     0       -"
			 "       -       -    0 server/2002", "the listener is last");

	run("top", "-H --sort=recvq --rows=1 dport = :45678");
	ok(strstr(line(out.count - 2), "127.0.0.1:9090  127.0.0.1:45678 "), "a filter, one row");
	run("top", "--count=2 -q");
	is_int(out.count, 1 + 3, "two tables, of no row and of three");
	run("top", "--sort=colour 2>&1");
	is_int(out.status, 2, "an order that is none: status");

	run("top", "--count=2 -q process client");
	is_int(out.count, 1 + 1, "a process: its endpoint");
	ok(line_with("client/1001"), "... and no other's");
	run("top", "--count=2 -q not process client");
	is_int(out.count, 1 + 2, "all other processes: the listener and the other endpoint");

	run("top", "--json");
	parse_all();
	is_int(number(object_of("snapshot", 102, 1), "in_bytes_per_s"), 5000, "in_bytes_per_s");
	is_int(number(object_of("snapshot", 101, 1), "out_bytes_per_s"), 5000, "out_bytes_per_s");
	is_int(number(object_of("snapshot", 102, 1), "recvq"), 100, "recvq");
	is_int(number(object_of("snapshot", 102, 1), "recvq_peak"), 5000, "recvq_peak");
	is_int(number(object_of("snapshot", 102, 1), "rcv_wnd"), 65536, "rcv_wnd");
}

int main(void)
{
	program_begin();
	test_listen();
	test_listen_again();
	test_listen_waiting();
	test_listen_drops();
	test_listen_level();
	test_listen_json();
	test_listen_once();
	test_life();
	test_life_long();
	test_wide();
	test_truncated();
	test_process();
	test_ports();
	test_device();
	test_port_settings();
	test_rates();
	test_top();
	program_end();
	return done_testing();
}
