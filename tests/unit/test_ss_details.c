// SPDX-License-Identifier: GPL-2.0-only
/*
 * What follows the addresses in ss (timers, owners, memory, struct tcp_info), for sockets of this test, from sock_diag
 * and /proc, compared with the real ss.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "view/table/ss_details.h"

static struct ss_details details;

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (void *)&address, &size))
		abort();
	return ntohs(address.sin6_port);
}

/* What a snapshot would contain, as far as ss_details.c uses it. */
static struct tcptrace_record record_of(int fd, uint8_t state)
{
	struct tcptrace_record record = {
		.type = TCPTRACE_T_SNAPSHOT,
		.kind = TCPTRACE_K_FULL,
		.family = AF_INET6,
		.old_state = state,
		.new_state = state,
	};
	socklen_t size = sizeof(record.cookie), int_size = sizeof(int);
	struct stat stats;
	int v6only = 0;

	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &int_size);
	record.flags = v6only ? TCPTRACE_F_V6ONLY : 0;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &record.cookie, &size) || fstat(fd, &stats))
		abort();
	if (state == TCPTRACE_S_LISTEN)
		record.u.listen.inode = stats.st_ino;
	else
		record.u.totals.inode = stats.st_ino;
	return record;
}

static void fill(const struct tcptrace_record *record)
{
	const struct ss_row row = ss_row_of_record(record);

	ss_details_fill(&details, &row);
}

/* Replaces numbers that change every millisecond by T, and strips trailing blanks. */
static void timeless(char *text)
{
	static const char *const words[] = { "lastsnd:", "lastrcv:", "lastack:", "busy:", "timer:(keepalive,",
					     "timer:(on,", "rto:", "ato:", "pacing_rate ", "send ",
					     "delivery_rate " };
	char *end = text + strlen(text), *at, *rest;
	size_t i;

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		at = strstr(text, words[i]);
		if (!at)
			continue;
		at += strlen(words[i]);
		for (rest = at; *rest && *rest != ' ' && *rest != ','; rest++)
			;
		memmove(at, rest, strlen(rest) + 1);
	}
}

/* The same from ss: everything after the two ports. */
static const char *by_ss(const char *words, uint16_t port, bool listens)
{
	static char text[16384];
	char command[256], *at;
	size_t size;
	FILE *pipe;
	int i;

	snprintf(command, sizeof(command), "ss -6tnH %s %s 'sport = :%u'", words,
		 listens ? "-l" : "state established", port);
	pipe = popen(command, "r");
	if (!pipe)
		abort();
	size = fread(text, 1, sizeof(text) - 1, pipe);
	pclose(pipe);
	text[size] = '\0';
	at = text;
	/* [State] Recv-Q Send-Q Local Peer */
	for (i = 0; i < 4 + listens; i++) {
		at += strspn(at, " ");
		at += strcspn(at, " \n");
	}
	at += strspn(at, " ");
	/* The blank before each word. */
	if (*at && *at != '\n')
		*--at = ' ';
	return at;
}

static void compare(int fd, uint8_t state, const char *words, const struct ss_wanted *wanted)
{
	const struct sockdiag_request request = { .states = ~0u, .extensions = ss_details_extensions(wanted) };
	struct tcptrace_record record = record_of(fd, state);
	struct processes *processes = NULL;
	struct sockdiag *diag = NULL;
	char theirs[16384];

	snprintf(theirs, sizeof(theirs), "%s", by_ss(words, port_of(fd), state == TCPTRACE_S_LISTEN));
	ok(!sockdiag_open(&diag, &request), "sock_diag answers");
	if (wanted->processes) {
		processes = processes_new();
		processes_want_all(processes);
		processes_scan(processes, "/proc");
	}
	details.wanted = wanted;
	details.diag = diag;
	details.processes = processes;
	fill(&record);
	details.text[details.used] = '\0';
	timeless(details.text);
	timeless(theirs);
	is_str(details.text, theirs, "ss %s", words);
	sockdiag_close(diag);
	processes_free(processes);
}

static void compare_all(int fd, uint8_t state)
{
	compare(fd, state, "", &(struct ss_wanted){ 0 });
	compare(fd, state, "-o", &(struct ss_wanted){ .timers = true });
	compare(fd, state, "-e", &(struct ss_wanted){ .timers = true, .extended = true });
	compare(fd, state, "-m", &(struct ss_wanted){ .memory = true });
	compare(fd, state, "-i", &(struct ss_wanted){ .info = true, .exact = true });
	compare(fd, state, "-O -o -i -m", &(struct ss_wanted){ .timers = true, .info = true, .memory = true,
							       .one_line = true, .exact = true });
	compare(fd, state, "-p", &(struct ss_wanted){ .processes = true });
	compare(fd, state, "--tos", &(struct ss_wanted){ .tos = true });
	compare(fd, state, "--cgroup", &(struct ss_wanted){ .cgroup = true });
	compare(fd, state, "--inet-sockopt", &(struct ss_wanted){ .options = true });
}

static void names(int fd)
{
	/* To the letter; ss takes ')' for its end. */
	static const char *const good[] = { "nc", "na\xc3\xafve", "C:\\x", "a b\"c", "(sd-pam)", "fifteen letters", "a)b\nc" };
	static const struct {
		const char *name, *shown;
	} bad[] = {
		{ "\033[31mRED", "\\x1b[31mRED" }, { "a\nb", "a\\x0ab" }, { "\xc2\x9b" "1m", "\\xc2\\x9b1m" },
		{ "\xff\xfe", "\\xff\\xfe" }, { "\\x1b", "\\x5cx1b" }, { "fourteen bytes\xc3\xa9", "fourteen bytes\\xc3" },
	};
	const struct ss_wanted processes = { .processes = true };
	struct tcptrace_record record = record_of(fd, TCPTRACE_S_LISTEN);
	char before[16], wanted[256];
	size_t i;

	prctl(PR_GET_NAME, before);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		prctl(PR_SET_NAME, good[i]);
		compare(fd, TCPTRACE_S_LISTEN, "-p", &processes);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct processes *found = processes_new();

		prctl(PR_SET_NAME, bad[i].name);
		processes_want_all(found);
		processes_scan(found, "/proc");
		details = (struct ss_details){ .wanted = &processes, .processes = found };
		fill(&record);
		details.text[details.used] = '\0';
		snprintf(wanted, sizeof(wanted), "(\"%s\",pid=%d,fd=%d)", bad[i].shown, getpid(), fd);
		ok(strstr(details.text, wanted), "ss -p, escaped: %s", wanted);
		processes_free(found);
	}
	prctl(PR_SET_NAME, before);
}

static void times(void)
{
	static const struct {
		unsigned int ms;
		const char *text;
	} wanted[] = {
		{ 5, "005ms" },		{ 200, "200ms" },	   { 1234, "1.234ms" }, { 9000, "9sec" },
		{ 12345, "12sec" },	{ 60000, "1min" },	   { 64999, "1min4sec" }, { 599999, "9min59sec" },
		{ 600000, "10min" },	{ 659000, "10min" },
	};
	struct tcptrace_record record = { .kind = TCPTRACE_K_TIMEWAIT, .new_state = TCPTRACE_S_TIME_WAIT };
	const struct ss_wanted timers = { .timers = true };
	char text[64];
	size_t i;

	details.wanted = &timers;
	details.diag = NULL;
	details.processes = NULL;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		record.u.totals.timeout = wanted[i].ms;
		fill(&record);
		details.text[details.used] = '\0';
		snprintf(text, sizeof(text), " timer:(timewait,%s,0)", wanted[i].text);
		is_str(details.text, text, "%u ms", wanted[i].ms);
	}
}

int main(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	int client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	socklen_t size = sizeof(address);
	char bytes[3000] = { 0 };
	pid_t child;

	times();
	if (bind(listener, (void *)&address, size) || listen(listener, 7)) {
		skip("no IPv6 here");
		return done_testing();
	}
	if (system("ss -V >/dev/null 2>&1")) {
		skip("ss (iproute2) is not installed");
		return done_testing();
	}
	address.sin6_port = htons(port_of(listener));
	setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(client, (void *)&address, size) || (server = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 ||
	    write(client, bytes, sizeof(bytes)) < 0 || read(server, bytes, 1000) < 0 || write(server, bytes, 100) < 0)
		abort();
	/* A delayed acknowledgment would occur between the two measurements. */
	usleep(300000);
	/* Held twice by each of two processes. */
	if (fcntl(client, F_DUPFD_CLOEXEC, 0) < 0)
		abort();
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	compare_all(listener, TCPTRACE_S_LISTEN);
	names(listener);
	compare_all(client, TCPTRACE_S_ESTABLISHED);
	kill(child, SIGKILL);
	return done_testing();
}
