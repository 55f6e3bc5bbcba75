// SPDX-License-Identifier: GPL-2.0-only
/* watch on recordings made by hand: its text, and its JSON by the contract. Runs tcptrace-ctl from BUILD. */
#include <pty.h>
#include <utmp.h>

#include "program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Runs watch on the recording, with `arguments`, including standard error. */
static void watch(const char *arguments)
{
	run("watch", arguments);
}

/*
 * The same on a terminal with so many columns. It is kept open here: when the last one closes it, a reader may see the
 * end before the last bytes (n_tty_read() checks both, one after the other). So a NUL is written when watch has ended.
 */
static void watch_on_terminal(unsigned short columns, bool no_color, const char *option)
{
	struct winsize size = { .ws_row = 25, .ws_col = columns };
	const char *build = getenv("BUILD");
	char program[PATH_MAX], source[PATH_MAX + 16];
	int terminal, slave, status;
	size_t held = 0;
	pid_t child;

	snprintf(program, sizeof(program), "%s/tcptrace-ctl", build ? build : "build");
	snprintf(source, sizeof(source), "--source=%s", file());
	if (openpty(&terminal, &slave, NULL, NULL, &size))
		abort();
	child = fork();
	if (child < 0)
		abort();
	if (!child) {
		pid_t watch = fork();

		if (watch < 0)
			_exit(127);
		if (!watch) {
			if (login_tty(slave))
				_exit(127);
			setenv("TERM", "xterm", 1);
			unsetenv("NO_COLOR");
			if (no_color)
				setenv("NO_COLOR", "1", 1);
			execl(program, program, "watch", source, option, (char *)NULL);
			_exit(127);
		}
		waitpid(watch, &status, 0);
		if (write(slave, "", 1) != 1)
			_exit(127);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
	}
	while (held < sizeof(out.text) - 1 && (!held || out.text[held - 1])) {
		ssize_t got = read(terminal, out.text + held, sizeof(out.text) - 1 - held);

		if (got <= 0)
			break;
		held += got;
	}
	out.text[held] = '\0';
	close(slave);
	close(terminal);
	waitpid(child, &status, 0);
	out.status = WEXITSTATUS(status);
	split();
}

/* Columns of a line, without its carriage return and colours. */
static unsigned int columns_of(const char *line)
{
	unsigned int columns = 0;

	for (; *line; line++) {
		if (*line == '\033')
			line = strchr(line, 'm');
		else
			columns += *line != '\r';
	}
	return columns;
}

static void whole_life(void)
{
	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	sends(&stream, &stream.client, 6);
	sends(&stream, &stream.server, 17);
	four_way(&stream, &stream.client);
	time_wait_ends(&stream, &stream.client);
	save(0);
}

/* ---- text ---- */

static void test_text(void)
{
	whole_life();
	watch("9090");
	is_int(out.status, 0, "status");
	has_line("TIME            SINCE   LOCAL             PEER            STATE                     "
		 "Recv-Q Send-Q WHAT                               PROCESS");
	has_line("22:13:21.000010         127.0.0.1:9090  - *               CLOSE -> LISTEN         "
		 "       0     10 listen(), backlog 10               server/2002");
	has_line("22:13:21.000020         127.0.0.1:45678 > 127.0.0.1:9090  CLOSE -> SYN_SENT       "
		 "       0      0 send SYN seq=0                     client/1001");
	has_line("22:13:21.000030 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 LISTEN -> SYN_RECV      "
		 "       0      0 recv SYN seq=0 mss=65495 wscale=7, send SYN,ACK seq=0 ack=1");
	has_line("22:13:21.000040 +10.0us 127.0.0.1:45678 > 127.0.0.1:9090  SYN_SENT -> ESTABLISHED "
		 "       0      0 recv SYN,ACK seq=0 ack=1 win=65536 wscale=7, send ACK seq=1 ack=1 client/1001");
	has_line("22:13:21.000050 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 SYN_RECV                "
		 "       0      0 recv ACK ack=1 win=512, accept queue 1/10");
	has_line("22:13:21.000070 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 ESTABLISHED             "
		 "       0      0 accept(), waited 10.0us, accept queue 1/10 server/2002");
	has_line("22:13:21.000090 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 ESTABLISHED             "
		 "       6      0 received 6 bytes                   server/2002");
	has_line("22:13:21.000140 +10.0us 127.0.0.1:45678 > 127.0.0.1:9090  ESTABLISHED             "
		 "       0      0 read 17 bytes, waited 10.0us       client/1001");
	has_line("22:13:21.000150 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 ESTABLISHED             "
		 "       0      0 17 bytes acked, window 65536       server/2002");
	has_line("22:13:21.000170 +10.0us 127.0.0.1:45678 > 127.0.0.1:9090  ESTABLISHED -> FIN_WAIT1"
		 "       0      0 send FIN,ACK seq=7 ack=18          client/1001");
	has_line("22:13:21.000180 +10.0us 127.0.0.1:9090  < 127.0.0.1:45678 ESTABLISHED -> CLOSE_WAIT"
		 "      1      0 recv FIN,ACK seq=7                 server/2002");
	has_line("22:13:21.001220      == 127.0.0.1:45678 > 127.0.0.1:9090  four-way close, initiated by local "
		 "(client/1001); TIME_WAIT is held here for 60 s");
	has_line("                        handshake 20.0us, duration 1.20ms, half-closed 1.05ms, 17 bytes in, "
		 "6 out, 1 request, 0 retransmissions, peak Recv-Q 17 Send-Q 6");
	has_line("                        oldest byte waited 10.0us, short connection");
	has_line("22:13:21.001240      == 127.0.0.1:9090  < 127.0.0.1:45678 four-way close, initiated by remote "
		 "(client/1001)");
	has_line("                        handshake 30.0us, accepted after 10.0us, duration 1.21ms, half-closed 1.03ms, "
		 "6 bytes in, 17 out, 1 request, 0 retransmissions, peak Recv-Q 6 Send-Q 17");
	has_line("22:14:21.001250 +60.0s  127.0.0.1:45678 > 127.0.0.1:9090  TIME_WAIT -> CLOSE      "
		 "       0      0 2MSL timer expired after 60.0s     client/1001");
	is_str(out.lines[out.count - 1], "-- 25 events, 0 lost", "the last line");

	watch("-q 9090");
	ok(!line_with("TIME  ") && !line_with("-- "), "-q: neither heading nor tally");
	watch("-H 9090");
	ok(!line_with("TIME  ") && line_with("-- 25 events"), "-H: no heading");
	watch("--absolute-seq 9090");
	ok(line_with("send SYN seq=4294967290 "), "--absolute-seq");
	watch("--count 3 -q 9090");
	is_int(out.count, 3, "--count");
	watch("--duration 0.0001 -q 9090");
	is_int(out.count, 10, "--duration, from the first event on");
	watch("9091");
	is_int(out.count, 2, "another port: nothing but heading and tally");
	watch("dst 10.0.0.0/99 2>&1");
	ok(out.status && out.count == 1, "a bad filter: one line and a status: %s", out.lines[0]);
}

static void test_reset_text(void)
{
	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	shuts(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	by_task(to_state(&stream, &stream.server, TCPTRACE_S_CLOSE), &stream.server);
	reset(&stream, &stream.server, TCPTRACE_OP_SENT);
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNRESET;
	save(0);
	watch("9090");
	ok(line_with("127.0.0.1:9090  < 127.0.0.1:45678 reset by local (server/2002), closed with 5 bytes unread"),
	   "who reset, and why");
	ok(line_with("127.0.0.1:45678 > 127.0.0.1:9090  reset by remote (server/2002), closed with 5 bytes unread"),
	   "at the other endpoint as well");
	ok(line_with("-> CLOSE           5      0 aborted, 5 bytes unread "), "the step itself");
	ok(line_with("send RST,ACK seq=1 ack=6"), "the RST");
	ok(line_with("ESTABLISHED -> CLOSE           0      0 ECONNRESET"), "the errno");
}

static void test_explain_text(void)
{
	unsigned int i, explained = 0;

	whole_life();
	watch("--explain -q 9090");
	is_int(out.status, 0, "--explain: status");
	for (i = 0; i + 1 < out.count; i++)
		if (strstr(out.lines[i], "LISTEN -> SYN_RECV"))
			break;
	ok(strstr(out.lines[i + 1], "                        The first handshake step arrives"),
	   "the words are below their step");
	for (i = 0; i < out.count; i++)
		explained += !strncmp(out.lines[i], "                        ", 24) && strchr(out.lines[i], '.');
	is_int(explained, 24 + 4, "each step has words, and each verdict its figures");
	watch("--explain --json 9090 2>&1");
	is_int(out.status, 2, "not with --json");
	is_int(out.count, 1, "%s", out.lines[0]);
}

static unsigned int widest_line(void)
{
	unsigned int i, widest = 0;

	for (i = 0; i < out.count; i++)
		if (columns_of(out.lines[i]) > widest)
			widest = columns_of(out.lines[i]);
	return widest;
}

static void test_terminal(void)
{
	unsigned int widest;

	whole_life();
	watch_on_terminal(100, false, NULL);
	is_int(out.status, 0, "on a terminal");
	widest = widest_line();
	ok(widest > 80 && widest <= 100, "no line is wider than 100 columns: %u", widest);
	ok(line_with("\033["), "colours");
	ok(line_with("  recv SYN seq=0 mss=65495 wscale=7, send SYN,ACK seq=0 ack=1"),
	   "what happened stays in one piece");
	watch_on_terminal(100, false, "--explain");
	widest = widest_line();
	ok(line_with("First handshake step") && widest > 80 && widest <= 100, "nor is an explanation: %u", widest);
	watch_on_terminal(160, true, NULL);
	ok(!line_with("\033["), "NO_COLOR");
	ok(line_with("LISTEN -> SYN_RECV             0      0 recv SYN seq=0 mss=65495"),
	   "on a wide one, a step is a line");
	watch("9090");
	ok(!line_with("\033["), "nor are there colours in a pipe");
}

/* What else a step may say. */
static void test_notes(void)
{
	struct tcptrace_record *acked;

	stream_begin(&stream);
	handshake(&stream);
	stream.client.write_seq += 1000;
	by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WAIT, 0), &stream.client);
	by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0), &stream.server);
	by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), &stream.client);
	queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 0)->snd_wnd = 0;
	sends_fin(&stream, &stream.client, TCPTRACE_OP_SHUT_WR);
	stream.client.snd_nxt = stream.client.snd_una = stream.client.write_seq;
	queue(&stream, &stream.client, TCPTRACE_T_ACK, 0, 1001);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	acked = fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	sends_fin(&stream, &stream.server, TCPTRACE_OP_CLOSE);
	enters_time_wait(&stream, &stream.client);
	stream.records[stream.count - 2].stamp = acked->stamp;
	timewait(&stream, &stream.client, TCPTRACE_OP_RESTART, TCPTRACE_S_TIME_WAIT,
		 TCPTRACE_S_TIME_WAIT, 60000);
	timewait(&stream, &stream.client, TCPTRACE_OP_KILLED, TCPTRACE_S_TIME_WAIT, TCPTRACE_S_CLOSE,
		 12300);
	save(0);
	watch("-q");
	ok(line_with(" 1000 waits for send buffer space "), "a full send queue");
	ok(line_with(" blocked in read "), "an empty receive queue");
	ok(line_with(" 1000 window 0, 1000 unsent "), "a closed window");
	ok(!line_with("wrote 0"), "nothing written is no line");
	ok(strstr(line_with("FIN_WAIT1 -> FIN_WAIT2"), " recv FIN,ACK ack="), "a FIN that acknowledges the FIN");
	ok(!line_with(" received 0 bytes"), "nor is a FIN data");
	ok(line_with(" 1000 bytes and FIN acked, window 65536 "), "a FIN is no byte");
	ok(line_with(" recv FIN,ACK seq=1 ack=1002, FIN and ACK in one segment "), "a merged FIN");
	ok(line_with(" three-way close, initiated by local (client/1001), FIN and ACK merged; "), "its verdict");
	ok(line_with(" segment received, timer restarted: 60.0s "), "a restart of TIME_WAIT");
	ok(line_with(" removed early, 12.3s left "), "an early end of it");
	watch("--level queue -q --json");
	ok(line_with("\"type\":\"ack\"") && strstr(line_with("\"op\":\"shut_wr\""), "shutdown"),
	   "the same in JSON");
}

static struct tcptrace_record *retransmits(uint8_t op, uint32_t total)
{
	struct tcptrace_record *record = stream_add(&stream, &stream.client, TCPTRACE_T_RETRANSMIT, op);

	record->u.retransmit.total = total;
	record->u.retransmit.seq = stream.client.iss + 1;
	record->u.retransmit.len = 200;
	record->u.retransmit.rto = 204;
	return record;
}

/* A segment that the server receives, `from` relative to the client's initial number, and its record. */
static struct tcptrace_segment *received(int32_t from, uint16_t length)
{
	struct tcptrace_record *record = stream_add(&stream, &stream.server, TCPTRACE_T_SEGMENT, 0);

	record->u.segment = (struct tcptrace_segment){
		.seq = stream.client.iss + from,
		.ack = stream.server.iss + 1,
		.len = length,
		.flags = 0x10,
		.window = 512,
	};
	return &record->u.segment;
}

/* Retransmissions, probes, and what is remarkable about a segment. */
static void test_losses(void)
{
	static const char *const numbers[] = { "(1st)", "(2nd)", "(3rd)", "(4th)", "(11th)", "(12th)", "(21st)", "(112th)" };
	static const uint32_t totals[] = { 1, 2, 3, 4, 11, 12, 21, 112 };
	struct tcptrace_segment *segment;
	unsigned int i;

	stream_begin(&stream);
	listen_begins(&stream);
	listen_ends(&stream)->flags = TCPTRACE_F_TASK;
	handshake(&stream);
	for (i = 0; i < COUNT(totals); i++)
		retransmits(TCPTRACE_OP_SYN, totals[i]);
	retransmits(TCPTRACE_OP_SYNACK, 2);
	retransmits(TCPTRACE_OP_RTO, 1);
	retransmits(TCPTRACE_OP_LOSS, 2);
	retransmits(TCPTRACE_OP_FAST, 3);
	retransmits(TCPTRACE_OP_LOSS, 3);
	retransmits(TCPTRACE_OP_TLP, 4);
	retransmits(TCPTRACE_OP_PMTU, 4);
	retransmits(TCPTRACE_OP_SPURIOUS, 4);
	queue(&stream, &stream.client, TCPTRACE_T_WINDOW, TCPTRACE_OP_KEEPALIVE, 0)->u.queue.probes = 2;
	queue(&stream, &stream.client, TCPTRACE_T_WINDOW, TCPTRACE_OP_PROBE, 0);
	received(-1, 0);
	received(0, 0);
	received(101, 50);
	received(-49, 50);
	received(-9, 50);
	segment = received(1, 0);
	segment->window = 0;
	save(0);
	watch("--level segment -q");
	ok(line_with(" stopped listening "), "a listener that close() did not end");
	for (i = 0; i < COUNT(numbers); i++) {
		char words[64];

		snprintf(words, sizeof(words), " retransmits SYN %s", numbers[i]);
		ok(line_with(words), "%s", words);
	}
	ok(line_with(" retransmits SYN,ACK (2nd)"), "a SYN-ACK");
	ok(line_with(" retransmits seq=1 len=200: RTO expired, 204ms"), "the timer");
	ok(line_with(" retransmits seq=1 len=200: fast retransmit"), "ACKs");
	ok(line_with(" retransmits seq=1 len=200: marked lost after an RTO"), "what the timer took to be lost");
	ok(line_with(" retransmits seq=1 len=200: tail loss probe"), "a tail loss probe");
	ok(line_with(" retransmits seq=1 len=200: path MTU exceeded"), "a segment that was too large");
	ok(line_with(" retransmits seq=1 len=200: marked lost client"), "lost without a timeout");
	ok(line_with(" retransmission was spurious"), "in vain");
	ok(line_with(" sends keepalive, 2 unanswered"), "a keepalive");
	ok(line_with(" sends zero-window probe"), "a probe of the window");
	ok(line_with(" recv ACK seq=-1 ack=1 win=512"), "a number before the initial one");
	ok(line_with(" recv ACK seq=0 ack=1 win=512, window 65536, probe for an ACK"), "a probe");
	ok(line_with(" recv ACK seq=101 ack=1 len=50 win=512, window 65536, out of order, 100 bytes missing before it"), "a gap");
	ok(line_with(" recv ACK seq=-49 ack=1 len=50 win=512, window 65536, duplicate"), "a duplicate");
	ok(line_with(" recv ACK seq=-9 ack=1 len=50 win=512, window 65536, 10 bytes duplicate"), "a duplicate in part");
	ok(line_with(" recv ACK seq=1 ack=1 win=0, window closed"), "a closed window");
	watch("--level segment -q --json");
	ok(line_with("\"seq\":-1,"), "JSON has the number before the initial one as well");
}

static void test_sockets(void)
{
	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	stream.count = 0;
	stream.listener.state = TCPTRACE_S_LISTEN;
	about_listener(snapshot(&stream, &stream.listener, TCPTRACE_K_FULL), 3);
	memset(stream.records[0].daddr, 0, TCPTRACE_ADDR_LEN);
	by_task(snapshot(&stream, &stream.server, TCPTRACE_K_FULL), &stream.server);
	snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
	stream.client.cookie = 103;
	stream.client.sport++;
	stream.client.state = TCPTRACE_S_TIME_WAIT;
	snapshot(&stream, &stream.client, TCPTRACE_K_TIMEWAIT)->u.totals.timeout = 45200;
	save(0);
	watch("--once");
	is_int(out.count, 5, "--once: a heading and a line for each socket");
	has_line("STATE       Recv-Q Send-Q LOCAL           PEER            PROCESS");
	has_line("LISTEN           3     10 127.0.0.1:9090  *");
	has_line("ESTABLISHED      5      0 127.0.0.1:9090  127.0.0.1:45678 server/2002");
	has_line("ESTABLISHED      0      0 127.0.0.1:45678 127.0.0.1:9090");
	has_line("TIME_WAIT        0      0 127.0.0.1:45679 127.0.0.1:9090  45.2s left");
	watch("--once -H state listening");
	is_int(out.count, 1, "--once: states choose");
	watch("--once -6");
	is_int(out.count, 1, "--once -6: none");
	watch("-q");
	is_int(out.count, 4, "without --once, the same sockets first");
}

static unsigned int lines_with(const char *text)
{
	unsigned int i, count = 0;

	for (i = 0; i < out.count; i++)
		count += !!strstr(out.lines[i], text);
	return count;
}

/* All of an endpoint from its SYN on, although its process is known only since it was accepted; and nothing else. */
static void test_process(void)
{
	static const char *const clients[] = { "process client", "process 1001", "not process server", "process 1001 and 9090" };
	static const char *const servers[] = { "process = server", "process 2002", "process != client", "9090 process server" };
	unsigned int client, server, i;

	whole_life();
	watch("-q 9090");
	client = lines_with(" 127.0.0.1:45678 > ");
	server = lines_with(" 127.0.0.1:9090  < ");
	for (i = 0; i < 4; i++) {
		char words[64];

		snprintf(words, sizeof(words), "-q '%s'", clients[i]);
		watch(words);
		is_int(lines_with(" 127.0.0.1:45678 > "), client, "%s: the whole of its endpoint", clients[i]);
		is_int(lines_with(" 127.0.0.1:9090 "), client, "%s: as that one's peer alone is the other endpoint there", clients[i]);
		snprintf(words, sizeof(words), "-q '%s'", servers[i]);
		watch(words);
		is_int(lines_with(" 127.0.0.1:9090  < "), server, "%s: the whole of its endpoint", servers[i]);
		is_int(lines_with(" 127.0.0.1:9090  - *"), 1, "%s: the listener", servers[i]);
		ok(line_with("LISTEN -> SYN_RECV"), "%s: and what nobody had accepted yet", servers[i]);
		is_int(lines_with(" 127.0.0.1:45678 > "), 0, "%s: nothing of the other endpoint", servers[i]);
	}
	watch("-q process nobody");
	is_int(out.count, 0, "a process that has none");
	watch("--once process client 2>&1");
	ok(out.status == 2 && line_with("-p shows the processes"), "--once cannot say whose a socket is: %s", out.lines[0]);
}

static void test_loss_text(void)
{
	whole_life();
	stream.count -= 3;
	lost(&stream, 7);
	enters_time_wait(&stream, &stream.client);
	save(7);
	watch("--fail-on-loss 9090");
	is_int(out.status, 3, "--fail-on-loss");
	ok(line_with("-- 7 records lost here: 7 not read in time"), "a hole, where it is");
	ok(line_with("; some records were lost"), "a verdict that may be wrong says so");
	ok(strstr(out.lines[out.count - 1], " events, 7 lost, 7 not read in time"), "the tally: %s",
	   out.lines[out.count - 1]);
	watch("9090");
	is_int(out.status, 0, "without it, the status is 0");
	watch("--max-endpoints 1 --fail-on-loss 9090");
	is_int(out.status, 3, "endpoints that did not fit are a loss");
	ok(strstr(out.lines[out.count - 1], " of endpoints beyond --max-endpoints"), "and said");
}

/* A process name may contain anything. */
static void test_names(void)
{
	stream_begin(&stream);
	memcpy(connects(&stream, &stream.client)->comm, "\033[2Jx\n\xc3\xa4\xc3", 10);
	save(0);
	watch("-q");
	is_int(out.count, 1, "one line");
	ok(line_with("\\x1b[2Jx\\x0a\xc3\xa4\\xc3/1001"), "no byte moves the cursor");
	watch("-q --json");
	ok(line_with("\"comm\":\"\\\\x1b[2Jx\\\\x0a\xc3\xa4\\\\xc3\""), "JSON has the same name");
}

static void test_ipv6(void)
{
	unsigned int i;

	stream_begin(&stream);
	handshake(&stream);
	for (i = 0; i < stream.count; i++) {
		struct tcptrace_record *record = &stream.records[i];

		record->family = AF_INET6;
		memset(record->saddr, 0, TCPTRACE_ADDR_LEN);
		memset(record->daddr, 0, TCPTRACE_ADDR_LEN);
		record->saddr[15] = record->daddr[15] = 1;
	}
	save(0);
	watch("-q");
	ok(line_with("[::1]:45678     > [::1]:9090 "), "IPv6 has brackets");
	watch("-q -4");
	is_int(out.count, 0, "-4: none");
}

/* ---- JSON ---- */

static const char *const always[] = {
	"time", "type", "cookie", "netns", "family", "saddr", "sport", "daddr", "dport", "state", "recvq",
	"sendq",
};

static const char *const types[] = {
	"listen", "state", "request", "accept", "connect", "send", "recv", "ack", "segment", "window",
	"retransmit", "reset", "shutdown", "timewait", "drop", "snapshot", "verdict", "lost",
};

static bool is_of(const char *word, const char *const *words, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}


/* Each line is an object of the contract; the last one, and no other, is `lost`. */
static void parse(void)
{
	unsigned int i, k, bad = 0, missing = 0, other = 0, tallies = 0;

	for (i = 0; i < out.count; i++) {
		json_object_put(objects[i]);
		objects[i] = json_tokener_parse(out.lines[i]);
		if (!json_object_is_type(objects[i], json_type_object)) {
			bad++;
			continue;
		}
		for (k = 0; k < COUNT(always); k++)
			missing += !has(objects[i], always[k]);
		other += !is_of(string(objects[i], "type"), types, COUNT(types));
		tallies += !strcmp(string(objects[i], "type"), "lost");
	}
	is_int(bad, 0, "each of %u lines is an object", out.count);
	is_int(missing, 0, "no key is missing");
	is_int(other, 0, "each type is in the list");
	is_int(tallies, 1, "one tally");
	is_str(string(objects[out.count - 1], "type"), "lost", "the last one");
}

static void test_json(void)
{
	struct json_object *object;

	whole_life();
	watch("--json 9090");
	is_int(out.status, 0, "status");
	parse();
	is_int(out.count, 25 - 1 + 2 + 1, "each event but the dead socket's, two verdicts, the tally");

	object = object_of("connect", 101, 0);
	is_str(string(object, "flags"), "SYN", "connect: flags");
	is_str(string(object, "dir"), "out", "dir");
	is_int(number(object, "seq"), 0, "relative seq");
	is_int(number(object, "errno"), 0, "errno");
	is_int(number(object, "pid"), 1001, "pid");
	is_str(string(object, "comm"), "client", "comm");
	is_str(string(object, "saddr"), "127.0.0.1", "saddr");
	is_int(number(object, "sport"), 45678, "sport");
	is_int(number(object, "dport"), 9090, "dport");
	is_int(number(object, "family"), 4, "family");
	is_str(string(object, "state"), "SYN_SENT", "state");
	is_int(number(object, "time"), SECOND + 20 * US, "time");

	object = object_of("request", 102, 0);
	is_str(string(object, "old"), "LISTEN", "request: old");
	is_str(string(object, "new"), "SYN_RECV", "new");
	is_str(string(object, "op"), "open", "op");
	is_str(string(object, "dir"), "in", "the segment that came");
	is_int(number(object, "mss"), 65495, "mss");
	is_int(number(object, "wscale"), 7, "wscale");
	is_int(number(object, "backlog_max"), 10, "backlog_max");
	is_int(number(object_of("request", 102, 1), "in_state_ns"), -1, "acked: it stays in its state");

	object = object_of("state", 101, 0);
	is_str(string(object, "new"), "ESTABLISHED", "state: new");
	is_str(string(object, "flags"), "SYN,ACK", "flags");
	is_int(number(object_of("accept", 102, 0), "accept_wait_ns"), 10 * US, "accept: accept_wait_ns");
	is_int(number(object_of("recv", 102, 1), "read_delay_ns"), 10 * US, "read: read_delay_ns");
	is_str(string(object_of("state", 101, 2), "flags"), "ACK", "to FIN_WAIT2: flags");
	is_int(number(object, "ack"), 1, "ack");
	is_int(number(object, "win"), 65536, "win");
	is_int(number(object, "in_state_ns"), 20 * US, "in_state_ns");
	is_int(number(object, "rcv_wnd"), 65536, "rcv_wnd");

	object = object_of("recv", 102, 0);
	is_int(number(object, "recvq"), 6, "recv: recvq");
	is_int(number(object, "bytes"), 6, "bytes");
	object = object_of("send", 101, 0);
	is_int(number(object, "sendq"), 6, "send: sendq");
	is_int(number(object, "unsent"), 6, "unsent");
	is_int(number(object, "unacked"), 0, "unacked");

	object = object_of("timewait", 101, 0);
	is_str(string(object, "old"), "FIN_WAIT2", "timewait: old");
	is_int(number(object, "timeout_ms"), 60000, "timeout_ms");

	object = object_of("verdict", 101, 0);
	is_str(string(object, "how"), "four-way", "verdict: how");
	is_str(string(object, "closed_by"), "local", "closed_by");
	is_int(number(object, "closed_pid"), 1001, "closed_pid");
	is_int(number(object, "handshake_ns"), 20 * US, "handshake_ns");
	is_int(number(object, "duration_ns"), 1200 * US, "duration_ns");
	is_int(number(object, "bytes_in"), 17, "bytes_in");
	is_int(number(object, "bytes_out"), 6, "bytes_out");
	is_int(number(object, "retransmits"), 0, "retransmits");
	is_int(number(object, "recvq_peak"), 17, "recvq_peak");
	is_int(number(object, "sendq_peak"), 6, "sendq_peak");
	is_int(number(object, "half_closed_ns"), 1050 * US, "half_closed_ns");
	is_int(number(object, "requests"), 1, "requests");
	is_int(number(object, "held_ms"), 60000, "held_ms");
	is_int(number(object, "read_delay_ns"), 10 * US, "read_delay_ns");
	is_int(number(object, "read_blocked_ns"), 0, "read_blocked_ns");
	is_int(number(object, "receiver_limited_ns"), 0, "receiver_limited_ns");
	is_int(number(object, "sender_limited_ns"), 0, "sender_limited_ns");
	is_str(string(object, "connection"), "short", "connection");
	is_str(string(object, "asked_by"), "local", "asked_by");
	is_int(number(object, "peer"), 102, "peer");
	is_int(number(object, "pair_handshake_ns"), 40 * US, "pair_handshake_ns: from the SYN until its ACK came");
	ok(!has(object, "pair_duration_ns"), "the other endpoint has yet something to say");
	ok(!has(object, "syn_recv_ns") && !has(object, "orphaned"), "what does not apply is left out");
	object = object_of("verdict", 102, 0);
	is_int(number(object, "peer"), 101, "peer of the other endpoint");
	is_int(number(object, "pair_handshake_ns"), 40 * US, "the same handshake");
	is_int(number(object, "pair_duration_ns"), 1220 * US, "pair_duration_ns");
	is_int(number(object, "syn_recv_ns"), 30 * US, "syn_recv_ns");
	is_int(number(object, "accept_wait_ns"), 10 * US, "accept_wait_ns");
	is_str(string(object, "asked_by"), "remote", "asked_by of the other endpoint");
	is_str(string(object_of("verdict", 102, 0), "closed_by"), "remote", "verdict of the other endpoint");

	object = objects[out.count - 1];
	is_int(number(object, "events"), 25, "events");
	is_int(number(object, "lost"), 0, "lost");
	is_int(number(object, "unknown"), 0, "unknown");
	is_int(number(object, "missed"), 0, "missed");

	watch("--json --absolute-seq 9090");
	parse();
	is_int(number(object_of("connect", 101, 0), "seq"), 4294967290ll, "--absolute-seq");
}

static void test_json_reset(void)
{
	struct json_object *object;

	stream_begin(&stream);
	connects(&stream, &stream.client);
	refusal(&stream, &stream.server)->u.segment.reason = 2;
	reset(&stream, &stream.client, TCPTRACE_OP_RECEIVED);
	to_state(&stream, &stream.client, TCPTRACE_S_CLOSE)->error = ECONNREFUSED;
	lost(&stream, 4);
	save(4);
	watch("--json");
	parse();
	object = object_of("reset", 0, 0);
	is_str(string(object, "by"), "local", "reset without a socket: by");
	is_str(string(object, "reason"), "NO_SOCKET", "reason");
	is_str(string(object, "flags"), "RST,ACK", "flags");
	is_int(number(object, "ack"), 1, "ack, relative to the peer's");
	ok(!has(object, "seq"), "seq 0 is no sequence number");
	object = object_of("reset", 101, 0);
	is_str(string(object, "by"), "remote", "reset: by");
	is_str(string(object, "dir"), "in", "dir");
	object = object_of("verdict", 101, 0);
	is_str(string(object, "how"), "refused", "verdict: how");
	is_int(number(object, "errno"), ECONNREFUSED, "errno");
	is_str(string(object, "error"), "ECONNREFUSED", "by name");
	ok(!has(object, "handshake_ns"), "no handshake");
	is_int(number(objects[out.count - 1], "lost"), 4, "lost");
}

/* An endpoint too many is counted, not forgotten: there is room for the client's, not for the server's. */
static void test_json_full(void)
{
	whole_life();
	save(0);
	watch("--json --max-endpoints 1 --fail-on-loss 9090");
	parse();
	is_int(out.status, 3, "an endpoint too many is a loss");
	ok(number(objects[out.count - 1], "model_full") > 0, "model_full says so");
	is_int(number(objects[out.count - 1], "lost"), 0, "though no record was lost");
	watch("--json --max-endpoints 3 --fail-on-loss 9090");
	parse();
	is_int(out.status, 0, "three fit: the listener and two endpoints");
	is_int(number(objects[out.count - 1], "model_full"), 0, "and nothing else is said");
}

static void test_json_sockets(void)
{
	stream_begin(&stream);
	handshake(&stream);
	moves(&stream, &stream.client, 5, false);
	stream.count = 0;
	by_task(snapshot(&stream, &stream.server, TCPTRACE_K_FULL), &stream.server);
	stream.listener.state = TCPTRACE_S_LISTEN;
	about_listener(snapshot(&stream, &stream.listener, TCPTRACE_K_FULL), 3);
	save(0);
	watch("--json --once");
	parse();
	is_int(number(object_of("snapshot", 102, 0), "recvq"), 5, "snapshot: recvq");
	is_int(number(object_of("snapshot", 102, 0), "pid"), 2002, "pid");
	is_int(number(object_of("snapshot", 100, 0), "backlog"), 3, "backlog");
	is_int(number(object_of("snapshot", 100, 0), "sendq"), 10, "sendq of a listener");
	watch("--json");
	parse();
	is_int(number(object_of("snapshot", 102, 0), "recvq"), 5, "the same before the events");
}

int main(void)
{
	program_begin();
	test_text();
	test_reset_text();
	test_explain_text();
	test_terminal();
	test_notes();
	test_losses();
	test_sockets();
	test_process();
	test_loss_text();
	test_names();
	test_ipv6();
	test_json();
	test_json_reset();
	test_json_full();
	test_json_sockets();
	program_end();
	return done_testing();
}
