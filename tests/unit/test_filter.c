// SPDX-License-Identifier: GPL-2.0-only
/* The filter language: what is accepted, what is refused with which status and message, what matches. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "filter/filter.h"
#include "record/device.h"
#include "test.h"

/* Parses an expression as one argument. NULL: refused. */
static struct filter *parse(const char *text, int *status, char *error, size_t size)
{
	struct filter *filter = NULL;
	char *words[] = { (char *)text };

	error[0] = '\0';
	*status = filter_parse(1, words, 0, &filter, error, size);
	return *status ? NULL : filter;
}

static const struct {
	const char *text;
	int status;
} statuses[] = {
/* As in ss 6.1.0: each line was tried with "ss -tan". */
{ "", 0 },
{ "sport = :9090", 0 }, { "sport :9090", 0 }, { "sport 9090", 0 }, { "sport=:9090", 1 },
{ "dport == 80", 0 }, { "dport eq :80", 0 },
{ "dport != :80", 0 }, { "dport ne 80", 0 }, { "dport neq 80", 0 },
{ "dport > :1024", 0 }, { "dport gt 1024", 0 }, { "dport < :1024", 0 }, { "dport lt 1024", 0 },
{ "dport >= :1024", 0 }, { "dport ge 1024", 0 }, { "dport geq 1024", 0 },
{ "dport <= :1024", 0 }, { "dport le 1024", 0 }, { "dport leq 1024", 0 },
{ "sport = :nosuchservice", 1 }, { "sport = 080", 1 }, { "sport = 0x50", 0 }, { "sport = :*", 0 },
{ "sport = 10.0.0.1:80", 1 }, { "sport =", 255 }, { "sport", 255 }, { "sport = = 80", 255 },
{ "src 10.0.0.1", 0 }, { "src = 10.0.0.1", 0 }, { "src == 10.0.0.1", 0 },
{ "src != 10.0.0.1", 255 }, { "src > 10.0.0.1", 255 },
{ "src 10.0.0.0/8", 0 }, { "src 10/8", 0 }, { "src 10.8", 0 }, { "src 10.0.0.0/255.0.0.0", 0 },
{ "src 10.0.0.0/33", 1 }, { "src 10.0.0.0/255.0.255.0", 1 }, { "src 256.0.0.1", 1 },
{ "src 10.0.0.1.2", 1 },
{ "src 10.0.0.1:80", 0 }, { "src 10.0.0.1:nosuchservice", 1 }, { "src 10.0.0.0/8:80", 0 },
{ "src :80", 0 }, { "src *:80", 0 }, { "src *", 0 }, { "src *80x", 1 },
{ "src any", 0 }, { "src all:80", 0 }, { "src any/8", 1 },
{ "src [::1]", 0 }, { "src [::1]:80", 0 }, { "src [::1/64]:80", 0 }, { "src [::1", 1 },
{ "src [fe80::1%lo]", 1 }, { "src ::1", 1 }, { "src ::/0", 0 }, { "src 2001:db8::/32:80", 0 },
{ "src 2001:db8::1:80", 0 }, { "src ::ffff:10.0.0.1", 1 }, { "src [::ffff:10.0.0.1]", 0 },
{ "src [::1/129]", 1 }, { "src inet:10.0.0.1", 0 }, { "src inet6:[::1]:80", 0 },
{ "src inet:[::1]", 1 }, { "src inet6:10.0.0.1", 1 }, { "src inet:*", 0 },
{ "src no.such.host.invalid", 1 }, { "dst", 255 },
{ "( sport 80 )", 0 }, { "( sport 80 or sport 81 ) and src 10/8", 0 }, { "(sport 80)", 1 },
{ "( sport 80", 255 }, { "sport 80 )", 255 }, { "( )", 255 }, { ")", 255 },
{ "\\( sport = :80 \\)", 0 },
{ "! sport 80", 0 }, { "not sport 80", 0 }, { "! ! sport 80", 0 }, { "!sport 80", 1 },
{ "not", 255 },
{ "sport 80 and dport 80", 0 }, { "sport 80 & dport 80", 0 }, { "sport 80 && dport 80", 0 },
{ "sport 80 or dport 80", 0 }, { "sport 80 | dport 80", 0 }, { "sport 80 || dport 80", 0 },
{ "sport 80 dport 80", 0 }, { "sport 80 not dport 80", 0 }, { "sport 80 and and dport 80", 255 },
{ "sport 80 and", 255 }, { "and sport 80", 255 }, { "sport 80 AND dport 80", 1 },
{ "state established", 0 }, { "state ESTABLISHED", 0 }, { "state listen", 255 },
{ "state estab", 255 }, { "state SYN_RECV", 255 }, { "state new-syn-recv", 255 },
{ "state nosuch", 255 }, { "state", 255 }, { "exclude time-wait", 0 }, { "excl time-wait", 0 },
{ "exclude", 255 }, { "exclude nosuch", 255 }, { "state established state time-wait", 0 },
{ "state connected exclude time-wait sport 80", 0 }, { "state established and sport 80", 255 },
{ "sport 80 state established", 1 }, { "established", 1 }, { "foo", 1 }, { "10.0.0.1", 255 },
{ "dev lo", 0 }, { "dev = lo", 0 }, { "dev != lo", 0 }, { "dev > lo", 255 },
{ "dev a/b", 1 }, { "dev 1", 0 }, { "dev", 255 },

/* It may be in another namespace or in a recording. ss refuses it with 1. */
{ "dev nosuchdevice", 0 },

/* Bare ports and processes are extensions: ss refuses them with 255. */
{ "9090", 0 }, { ":9090", 0 }, { "9090 and src 10.0.0.1", 0 }, { "not 9090", 0 },
{ "src 10.0.0.1 9090", 0 }, { "( 9090 or 9091 )", 0 }, { "sport = 80 81", 0 },
{ "process nginx", 0 }, { "process = 1", 0 }, { "process != nginx", 0 }, { "not process 1 and 9090", 0 },
{ "process", 255 }, { "process > 1", 255 }, { "process 0", 1 }, { "process nginx nginx", 1 },
{ "0", 0 }, { "65535", 0 }, { "65536", 1 }, { "-1", 1 }, { "9090x", 1 }, { ":nosuchservice", 1 },
/* ss requires the length within the brackets. */
{ "src [::1]/64", 1 }, { "src [::1]/64:80", 1 }, { "src [::1]/129", 1 }, { "src [::1]64", 1 },
/* ss accepts these as ports that no socket has; they are mistakes. */
{ "sport = 70000", 0 }, { "sport = -1", 1 }, { "sport > :*", 1 },
/* Supported by ss, but not contained in records. */
{ "dst unix:/tmp/x", 255 }, { "fwmark 1", 255 }, { "cgroup /", 255 }, { "autobound", 255 },
};

static void test_statuses(void)
{
	struct filter *filter;
	char error[256];
	int status;
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		filter = parse(statuses[i].text, &status, error, sizeof(error));
		is_int(status, statuses[i].status, "status of '%s'", statuses[i].text);
		if (status)
			ok(error[0] && !strpbrk(error, "\n\r\t"), "one line tells why: %s", error);
		filter_free(filter);
	}
}

/* Filters with one wrong word, and what the message must contain. */
static const struct {
	const char *text, *wrong, *right;
} messages[] = {
	{ "sport = :80 and foo", "\"foo\"", "\"sport = :9090\"" },
	{ "sport=:9090", "\"sport=:9090\"", "blanks" },
	{ "(sport = :80)", "\"(sport\"", "blanks" },
	{ "src 10.0.0.300", "\"10.0.0.300\"", "10.0.0.0/8" },
	{ "src ::1", "\"::1\"", "[::1]" },
	{ "src inet6:1:2:3:4:5:6:7:8", "\"inet6:1:2:3:4:5:6:7:8\"", "[1:2:3:4:5:6:7:8]" },
	{ "src inet:[::1]", "\"inet:[::1]\"", "IPv4" },
	{ "src [::1]/64", "\"[::1]/64\"", "inside the brackets" },
	{ "99999", "\"99999\"", "not a port" },
	{ "src 10.0.0.1:x", "\"10.0.0.1:x\"", "a number" },
	{ "src != 10.0.0.1", "\"!=\"", "\"not dst" },
	{ "sport = :80 and", "ends", "a condition" },
	{ "sport", "ends", "a port" },
	{ "dev", "ends", "a device" },
	{ "process", "ends", "\"process nginx\"" },
	{ "process 0", "\"0\"", "no process" },
	{ "Process x", "\"Process\"", "\"process\"" },
	{ "( sport = :80", "\"(\"", "\")\"" },
	{ "sport = :80 )", "\")\"", "\"(\"" },
	{ "sport = :80 = 80", "\"=\"", "\"and\"" },
	{ "sport 80 OR sport 81", "\"OR\"", "\"or\"" },
	{ "state listen", "\"listen\"", "\"listening\"" },
	{ "state FIN_WAIT1", "\"FIN_WAIT1\"", "\"fin-wait-1\"" },
	{ "state nosuch", "\"nosuch\"", "time-wait" },
	{ "exclude", "\"exclude\"", "\"exclude time-wait\"" },
	{ "established", "\"established\"", "\"state\"" },
	{ "sport 80 state established", "\"state\"", "before all conditions" },
	{ "10.0.0.1", "\"10.0.0.1\"", "\"src\"" },
	{ "dev a/b", "\"a/b\"", "ip link" }, { "dev 1234567890123456", "\"1234567890123456\"", "ip link" },
	{ "dev ..", "\"..\"", "ip link" },
	{ "fwmark 1", "\"fwmark\"", "not supported by tcptrace" },
	{ "cgroup /", "\"cgroup\"", "not supported by tcptrace" },
	{ "not autobound", "\"autobound\"", "not supported by tcptrace" },
	{ "dst unix:/x", "\"unix:/x\"", "not supported by tcptrace" },
	{ "a\001b", "\"a\\x01b\"", "expected" },
	{ "a\xc2\x9b" "b\xff", "\"a\\xc2\\x9bb\\xff\"", "expected" },
	{ "123456789012345678901234567890123456789012345678901234567890abc\xc3\xa9", "890abc...\"", "expected" },
};

static void test_messages(void)
{
	char error[256], tiny[8];
	int status;
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		filter_free(parse(messages[i].text, &status, error, sizeof(error)));
		ok(strstr(error, messages[i].wrong), "%s: names the word", error);
		ok(strstr(error, messages[i].right), "... and what is right");
	}
	parse("nosuchword", &status, tiny, sizeof(tiny));
	is_int(strlen(tiny), sizeof(tiny) - 1, "a message is cut to its room");
}

/* Words and expressions may have any length. */
static void test_sizes(void)
{
	static char text[200000];
	struct filter *filter;
	char error[256];
	int status;
	size_t i;

	memset(text, 'x', sizeof(text) - 1);
	filter_free(parse(text, &status, error, sizeof(error)));
	is_int(status, 1, "a very long word is no port: %s", error);
	memcpy(text, "src ", 4);
	filter_free(parse(text, &status, error, sizeof(error)));
	is_int(status, 1, "... nor an address");
	for (i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "! ", 3);
	filter_free(parse(text, &status, error, sizeof(error)));
	is_int(status, 255, "negations without an end: %s", error);
	for (i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "( ", 3);
	filter_free(parse(text, &status, error, sizeof(error)));
	is_int(status, 255, "parentheses without an end: %s", error);
	for (i = 0; i + 6 < sizeof(text); i += 6)
		memcpy(text + i, "80 or ", 7);
	filter_free(parse(text, &status, error, sizeof(error)));
	is_int(status, 255, "conditions without an end: %s", error);
	for (i = 0; i < 2000 * 6; i += 6)
		memcpy(text + i, "80 or ", 7);
	memcpy(text + i, "81", 3);
	filter = parse(text, &status, error, sizeof(error));
	ok(filter && filter_match(filter, &(struct filter_subject){ .sport = 81 }),
	   "two thousand conditions");
	filter_free(filter);
}

/* Does the subject "SADDR SPORT DADDR DPORT" match? An address with a dot is of family IPv4. */
static int fits(const char *text, const char *subject_text, unsigned int state, uint32_t ifindex)
{
	uint8_t addresses[2][TCPTRACE_ADDR_LEN];
	struct filter_subject subject = {
		.saddr = addresses[0], .daddr = addresses[1],
		.family = AF_INET6, .state = state, .kind = TCPTRACE_K_FULL, .zone.ifindex = ifindex,
	};
	char words[2][64], mapped[160], error[256];
	struct filter *filter;
	int i, status, matched;

	if (sscanf(subject_text, "%63s %hu %63s %hu", words[0], &subject.sport, words[1],
		   &subject.dport) != 4)
		return -1;
	for (i = 0; i < 2; i++) {
		bool inet = !strchr(words[i], ':');

		if (inet)
			subject.family = AF_INET;
		snprintf(mapped, sizeof(mapped), "%s%s", inet ? "::ffff:" : "", words[i]);
		if (inet_pton(AF_INET6, mapped, addresses[i]) != 1)
			return -1;
	}
	filter = parse(text, &status, error, sizeof(error));
	if (!filter) {
		diag("%s", error);
		return -1;
	}
	matched = filter_match(filter, &subject);
	filter_free(filter);
	return matched;
}

/* With -4 and -6, an address has to be of that family, as in ss; and a host has all its addresses. */
static void test_families(void)
{
	static const struct {
		const char *text;
		int family, status;
	} all[] = {
		{ "src [::1]", AF_INET, 1 }, { "dst 127.0.0.1", AF_INET6, 1 }, { "src 127.0.0.1", AF_INET, 0 },
		{ "dst [::1]", AF_INET6, 0 }, { "src [::ffff:127.0.0.1]", AF_INET6, 0 }, { "src *:80", AF_INET, 0 },
		{ "src inet6:[::1]", AF_INET, 0 }, { "sport = :80", AF_INET6, 0 },
	};
	struct filter *filter;
	char error[256];
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *words[] = { (char *)all[i].text };

		filter = NULL;
		is_int(filter_parse(1, words, all[i].family, &filter, error, sizeof(error)), all[i].status, "%s with -%d",
		       all[i].text, all[i].family == AF_INET ? 4 : 6);
		if (!all[i].status)
			filter_free(filter);
	}
	ok(fits("src localhost", "127.0.0.1 80 10.0.0.2 5000", TCPTRACE_S_ESTABLISHED, 0) < 0, "no host is looked up");
	filter_allow_hosts();
	is_int(fits("src localhost", "127.0.0.1 80 10.0.0.2 5000", TCPTRACE_S_ESTABLISHED, 0), 1, "unless that is allowed");
	is_int(fits("src localhost:80", "127.0.0.1 81 10.0.0.2 5000", TCPTRACE_S_ESTABLISHED, 0), 0, "with its port");
	is_int(fits("src localhost and dst 10.0.0.3", "127.0.0.1 80 10.0.0.2 5000", TCPTRACE_S_ESTABLISHED, 0), 0,
	       "in an expression");
}

static const struct {
	const char *text, *subject;
	bool fits;
} matches[] = {
	{ "", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "80", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "5000", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "81", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "80 and src 10.0.0.1", "10.0.0.1 5000 10.0.0.2 80", true },
	{ "80 5000", "10.0.0.1 5000 10.0.0.2 80", true },
	{ "80 5001", "10.0.0.1 5000 10.0.0.2 80", false },
	{ "not 80", "10.0.0.1 5000 10.0.0.2 80", false },
	{ "sport = 5000", "10.0.0.1 5000 10.0.0.2 80", true },
	{ "sport = 80", "10.0.0.1 5000 10.0.0.2 80", false },
	{ "sport != 80", "10.0.0.1 5000 10.0.0.2 80", true },
	{ "sport > 80", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport >= 80", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport < 80", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport <= 80", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport > 65535", "10.0.0.1 65535 10.0.0.2 5000", false },
	{ "sport < 0", "10.0.0.1 0 10.0.0.2 5000", false },
	{ "not sport < 0", "10.0.0.1 0 10.0.0.2 5000", true },
	{ "sport = 0x50", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport = :*", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport != :*", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "src 10.0.0.0/8", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "dst 10.0.0.0/8", "10.0.0.1 80 11.0.0.2 5000", false },
	{ "dst 10.0.0.0/7", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src 10.0.0.9/8", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src 10/255.0.0.0", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src 10.1.2.3/255.255.0.0", "10.1.9.9 80 11.0.0.2 5000", true },
	{ "src 10.1.2.3/255.255.0.0", "10.2.2.3 80 11.0.0.2 5000", false },
	{ "src 10.1", "10.1.0.0 80 11.0.0.2 5000", true },
	{ "src 10.1", "10.0.0.1 80 11.0.0.2 5000", false },
	{ "src 10.0.0.1:80", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src 10.0.0.1:81", "10.0.0.1 80 11.0.0.2 5000", false },
	{ "src :80", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src any:81", "10.0.0.1 80 11.0.0.2 5000", false },
	{ "not src 10.0.0.1:81", "10.0.0.1 80 11.0.0.2 5000", true },
	{ "src [2001:db8::/32]", "2001:db8::1 80 2001:db8::2 5000", true },
	{ "src [2001:db8::/32]:80", "2001:db8::1 80 2001:db8::2 5000", true },
	{ "src [2001:db8::1/127]:80", "2001:db8::2 80 2001:db8::2 5000", false },
	{ "src 2001:db8::1:80", "2001:db8::1 80 2001:db8::2 5000", true },
	/* An IPv4 address and the same one mapped: what is written as IPv6 is not IPv4. */
	{ "src 10.0.0.1", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", true },
	{ "src [::ffff:10.0.0.1]", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "src [::ffff:10.0.0.1]", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", true },
	{ "src [::ffff:10.0.0.0/104]", "10.0.0.1 80 10.0.0.2 5000", false },
	/* No port has such a number. */
	{ "sport = :70000", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport != :70000", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport > :70000", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport >= :70000", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport < :70000", "10.0.0.1 65535 10.0.0.2 5000", true },
	{ "sport <= :70000", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "src 10.0.0.1:70000", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "not src 10.0.0.1:70000", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "src [::ffff:10.0.0.1/80]", "10.0.0.1 80 10.0.0.2 5000", false },
	/* Families: measured with ss, an IPv6 prefix does not match IPv4 sockets. */
	{ "src ::/0", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "src ::/0", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", true },
	{ "src 0.0.0.0/0", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "src 0.0.0.0/0", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", true },
	{ "src 0.0.0.0/0", "::1 80 ::1 5000", false },
	{ "src *", "::1 80 ::1 5000", true },
	{ "src 0.0.0.0", ":: 80 :: 0", false },
	{ "src inet:*", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "src inet:*", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", false },
	{ "src inet6:*", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "src inet6:[::ffff:10.0.0.1]", "::ffff:10.0.0.1 80 ::ffff:10.0.0.2 5000", true },
	{ "src inet6:[::ffff:10.0.0.1]", "10.0.0.1 80 10.0.0.2 5000", false },
	/* A family applies to the whole filter. */
	{ "src inet:10.0.0.1 or sport 80", "::1 80 ::1 5000", false },
	{ "not src inet:10.0.0.1", "::1 80 ::1 5000", false },
	{ "not src inet:10.0.0.1", "10.0.0.2 80 10.0.0.2 5000", true },
	{ "src inet:* or src inet6:*", "10.0.0.2 80 10.0.0.2 5000", true },
	/* Without precedence, from left to right: (A or B) and C, and not A is (not A) ... */
	{ "sport 80 or sport 81 and dport 1", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "sport 80 or ( sport 81 and dport 1 )", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "sport 80 or sport 81 dport 1", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "not sport 81 or sport 81 and dport 5000", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "not sport 80 and dport 1", "10.0.0.1 80 10.0.0.2 5000", false },
	{ "not ( sport 80 and dport 1 )", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "! ! sport 80", "10.0.0.1 80 10.0.0.2 5000", true },
	{ "not ( ! ( sport 80 or dport 1 ) )", "10.0.0.1 80 10.0.0.2 5000", true },
};

static void test_matches(void)
{
	const struct servent *http = getservbyname("http", "tcp");
	size_t i;

	for (i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		is_int(fits(matches[i].text, matches[i].subject, TCPTRACE_S_ESTABLISHED, 0),
		       matches[i].fits, "'%s' %s %s", matches[i].text,
		       matches[i].fits ? "fits" : "does not fit", matches[i].subject);

	is_int(fits("dev 7", "::1 1 ::1 2", 1, 7), 1, "a device by its number");
	is_int(fits("dev 7", "::1 1 ::1 2", 1, 8), 0, "another device");
	is_int(fits("dev != 7", "::1 1 ::1 2", 1, 8), 1, "any but a device");
	is_int(fits("not dev 7", "::1 1 ::1 2", 1, 7), 0, "not that device");
	is_int(fits("dev 0", "::1 1 ::1 2", 1, 0), 1, "no device, as in ss");
	is_int(fits("dev 0", "::1 1 ::1 2", 1, 7), 0, "but that is one");
	is_int(fits("dev if7", "::1 1 ::1 2", 1, 7), 1, "a device without a name, as it is shown");
	is_int(fits("dev if7", "::1 1 ::1 2", 1, 8), 0, "another one without a name");
	device_name_set(&(struct zone){ .ifindex = 70 }, "eth0");
	device_name_set(&(struct zone){ .ifindex = 71 }, "a\nb");
	is_int(fits("dev eth0", "::1 1 ::1 2", 1, 70), 1, "a device by its name");
	is_int(fits("dev eth0", "::1 1 ::1 2", 1, 71), 0, "by the name of another");
	is_int(fits("dev eth0", "::1 1 ::1 2", 1, 0), 0, "on no device");
	is_int(fits("dev != eth0", "::1 1 ::1 2", 1, 70), 0, "any but that");
	is_int(fits("dev != eth0", "::1 1 ::1 2", 1, 71), 1, "which is another");
	is_int(fits("dev != eth0", "::1 1 ::1 2", 1, 0), 1, "or none");
	is_int(fits("dev eth0", "::1 1 ::1 2", 1, 72), 1, "whose name is not known may be it");
	is_int(fits("not dev eth0", "::1 1 ::1 2", 1, 72), 1, "or not");
	is_int(fits("dev eth0 and sport 2", "::1 1 ::1 2", 1, 70), 0, "with another condition");
	is_int(fits("dev 70 or dev eth1", "::1 1 ::1 2", 1, 70), 1, "and by its number, whatever its name");

	if (!http) {
		skip("no service http: /etc/services is not there");
		return;
	}
	is_int(fits("sport = http", "::1 80 ::1 2", 1, 0), 1, "a service by name");
	is_int(fits("src [::1]:http", "::1 80 ::1 2", 1, 0), 1, "... behind an address");
	is_int(fits(":http", "::1 80 ::1 2", 1, 0), 1, "... or bare, with its colon");
	is_int(fits("sport > :http", "::1 81 ::1 2", 1, 0), 1, "... or compared");
}

#define BIT(state)	(1u << TCPTRACE_S_##state)
#define ALL		0xffeu

static const struct {
	const char *text;
	uint32_t states;
} states[] = {
	{ "", ALL }, { "sport 80", ALL },
	{ "state established", BIT(ESTABLISHED) }, { "state Syn-Sent", BIT(SYN_SENT) },
	{ "state syn-recv", BIT(SYN_RECV) }, { "state syn-rcv", BIT(SYN_RECV) },
	{ "state fin-wait-1", BIT(FIN_WAIT1) }, { "state fin-wait-2", BIT(FIN_WAIT2) },
	{ "state time-wait", BIT(TIME_WAIT) }, { "state close-wait", BIT(CLOSE_WAIT) },
	{ "state unconnected", BIT(CLOSE) }, { "state close", BIT(CLOSE) },
	{ "state closed", BIT(CLOSE) }, { "state last-ack", BIT(LAST_ACK) },
	{ "state listening", BIT(LISTEN) }, { "state closing", BIT(CLOSING) },
	{ "state all", ALL }, { "state connected", ALL & ~(BIT(CLOSE) | BIT(LISTEN)) },
	{ "state synchronized", ALL & ~(BIT(CLOSE) | BIT(LISTEN) | BIT(SYN_SENT)) },
	{ "state bucket", BIT(SYN_RECV) | BIT(TIME_WAIT) },
	{ "state big", ALL & ~(BIT(SYN_RECV) | BIT(TIME_WAIT)) },
	{ "state established state closing sport 80", BIT(ESTABLISHED) | BIT(CLOSING) },
	{ "exclude time-wait", ALL & ~BIT(TIME_WAIT) },
	{ "state bucket excl syn-recv", BIT(TIME_WAIT) },
	{ "exclude all state listening", BIT(LISTEN) },
};

static bool state_fits(const char *text, unsigned int kind, unsigned int state)
{
	struct filter_subject subject = { .kind = kind, .state = state };
	struct filter *filter;
	char error[256];
	int status;
	bool matched;

	filter = parse(text, &status, error, sizeof(error));
	matched = filter && filter_match(filter, &subject);
	filter_free(filter);
	return matched;
}

static void test_states(void)
{
	struct filter *filter;
	char error[256];
	int status;
	unsigned int state;
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		filter = parse(states[i].text, &status, error, sizeof(error));
		if (!ok(filter, "'%s' is accepted", states[i].text))
			continue;
		is_int(filter_states(filter), states[i].states, "states of '%s'", states[i].text);
		is_int(filter_has_states(filter),
		       !strncmp(states[i].text, "state", 5) || !strncmp(states[i].text, "excl", 4),
		       "... are named, or not");
		is_int(filter_is_empty(filter), !states[i].text[0], "... or nothing is");
		filter_free(filter);
		for (state = 1; state <= TCPTRACE_STATE_MAX; state++)
			if (!strstr(states[i].text, "sport"))
				is_int(state_fits(states[i].text, TCPTRACE_K_FULL, state),
				       states[i].states >> state & 1, "'%s', state %u",
				       states[i].text, state);
	}
	ok(state_fits("state syn-recv", TCPTRACE_K_REQUEST, TCPTRACE_S_SYN_RECV), "half open");
	ok(state_fits("state bucket", TCPTRACE_K_REQUEST, 12), "half open, in the kernel's number");
	ok(!state_fits("state syn-recv", TCPTRACE_K_REQUEST, TCPTRACE_S_CLOSE), "given up");
	ok(state_fits("state time-wait", TCPTRACE_K_TIMEWAIT, TCPTRACE_S_TIME_WAIT), "TIME_WAIT");
	ok(state_fits("state fin-wait-2", TCPTRACE_K_TIMEWAIT, TCPTRACE_S_FIN_WAIT2),
	   "an orphan's timewait socket is in FIN_WAIT2");
	ok(state_fits("", TCPTRACE_K_NONE, 0), "no socket, no filter");
	ok(state_fits("state all", TCPTRACE_K_NONE, 0), "no socket, all states");
	ok(!state_fits("state connected", TCPTRACE_K_NONE, 0), "no socket is not connected");
	ok(!state_fits("state established", TCPTRACE_K_FULL, 33), "a state that there is not");
}

static void test_words(void)
{
	char *several[] = { "state", "established", "sport", "=", ":80", "or dport", "= :80" };
	char *blanks[] = { "", " \t", "\n" };
	struct filter *filter;
	char error[256];

	is_int(filter_parse(7, several, 0, &filter, error, sizeof(error)), 0, "several arguments");
	is_int(filter_states(filter), BIT(ESTABLISHED), "... begin with a state");
	filter_free(filter);
	is_int(filter_parse(3, blanks, 0, &filter, error, sizeof(error)), 0, "blanks only");
	ok(filter_is_empty(filter), "... are no filter");
	filter_free(filter);
	is_int(filter_parse(0, NULL, 0, &filter, error, sizeof(error)), 0, "no argument");
	ok(filter_is_empty(filter), "... is no filter");
	filter_free(filter);
	filter_free(NULL);
}

static void test_family(void)
{
	struct filter_subject subject = { .family = AF_INET6, .sport = 80 };
	struct filter *filter;
	char error[256];
	int status;

	filter = parse("80", &status, error, sizeof(error));
	filter_set_family(filter, AF_INET);
	ok(!filter_match(filter, &subject), "-4");
	filter_set_family(filter, AF_INET6);
	ok(filter_match(filter, &subject), "-6");
	filter_set_family(filter, 0);
	ok(filter_match(filter, &subject), "both");
	filter_free(filter);
	filter = parse("src inet6:*", &status, error, sizeof(error));
	filter_set_family(filter, AF_INET);
	ok(filter_match(filter, &subject), "a family in the filter comes after the option");
	filter_free(filter);
}

int main(void)
{
	test_statuses();
	test_messages();
	test_sizes();
	test_words();
	test_matches();
	test_states();
	test_family();
	test_families();
	return done_testing();
}
