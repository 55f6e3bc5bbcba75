// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clauses of a filter match everything that the filter matches: by example, and by many random expressions on
 * random subjects. Each expression is decided twice: as text by filter.c, and here, subject by subject, by the meaning
 * of ss's grammar.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "filter/filter.h"
#include "test.h"

#define MAX TCPTRACE_CLAUSES_MAX

static struct filter *parse(const char *text)
{
	struct filter *filter = NULL;
	char error[256], *words[] = { (char *)text };

	if (filter_parse(1, words, 0, &filter, error, sizeof(error))) {
		diag("'%s': %s", text, error);
		return NULL;
	}
	return filter;
}

static void describe_prefix(FILE *file, const char *side, const uint8_t *address, int length)
{
	char text[INET6_ADDRSTRLEN];

	if (length)
		fprintf(file, "%s %s/%d ", side, inet_ntop(AF_INET6, address, text, sizeof(text)),
			length);
}

/* As text, to be compared with the expected one; "everything" if there are none. */
static const char *describe(const struct tcptrace_clause *clauses, size_t count)
{
	static char text[16384];
	FILE *file = fmemopen(text, sizeof(text), "w");
	size_t i;

	if (!count)
		fputs("everything", file);
	for (i = 0; i < count; i++) {
		const struct tcptrace_clause *c = &clauses[i];

		fputs(i ? ", " : "", file);
		if (c->family)
			fputs(c->family == AF_INET ? "inet " : "inet6 ", file);
		describe_prefix(file, "src", c->saddr, c->saddr_len);
		describe_prefix(file, "dst", c->daddr, c->daddr_len);
		fprintf(file, "%d-%d %d-%d", c->sport_min, c->sport_max, c->dport_min, c->dport_max);
	}
	fclose(file);
	return text;
}

static const struct {
	const char *text;
	int family;
	const char *clauses;
} examples[] = {
	{ "", 0, "everything" },
	{ "", AF_INET, "inet 0-65535 0-65535" },
	{ "9090", 0, "9090-9090 0-65535, 0-65535 9090-9090" },
	{ "9090", AF_INET6, "inet6 9090-9090 0-65535, inet6 0-65535 9090-9090" },
	{ "state established", 0, "everything" },
	{ "state time-wait sport 80", 0, "80-80 0-65535" },
	{ "sport 80 and dport 81", 0, "80-80 81-81" },
	{ "sport >= 80 and sport <= 90", 0, "80-90 0-65535" },
	{ "sport > 80 and sport < 90", 0, "81-89 0-65535" },
	{ "sport != 80", 0, "0-79 0-65535, 81-65535 0-65535" },
	{ "not sport != 80", 0, "80-80 0-65535" },
	{ "not ( sport 80 or dport 80 )", 0,
	  "0-79 0-79, 0-79 81-65535, 81-65535 0-79, 81-65535 81-65535" },
	{ "sport 80 or sport >= 80", 0, "80-65535 0-65535" },
	{ "sport >= 80 or sport 80", 0, "80-65535 0-65535" },
	{ "sport 80 or not sport 80 or sport 7", 0,
	  "80-80 0-65535, 0-79 0-65535, 81-65535 0-65535" },
	{ "sport 80 or src *", 0, "everything" },
	{ "src 10.1.2.3/8", 0, "src ::ffff:10.0.0.0/104 0-65535 0-65535" },
	{ "src 10/8 and dst [2001:db8::/32]:80", 0,
	  "inet6 src ::ffff:10.0.0.0/104 dst 2001:db8::/32 0-65535 80-80" },
	{ "src 10/8 and src 10.1/16", 0, "src ::ffff:10.1.0.0/112 0-65535 0-65535" },
	{ "src 10.1/16 and src 10/8", 0, "src ::ffff:10.1.0.0/112 0-65535 0-65535" },
	{ "src 10.1/16 or src 10/8", 0, "src ::ffff:10.0.0.0/104 0-65535 0-65535" },
	{ "src ::/0", 0, "inet6 0-65535 0-65535" },
	{ "src inet:* and sport 80", 0, "inet 80-80 0-65535" },
	/* What clauses cannot express is left to filter_match(), nothing else. */
	{ "not src 10/8", 0, "everything" },
	{ "not src 10/8 and sport 80", 0, "80-80 0-65535" },
	{ "not src 10/8 or sport 80", 0, "everything" },
	{ "not ( src 10/8 and sport 80 )", 0, "everything" },
	{ "not ( src 10/8 or sport 80 )", 0, "0-79 0-65535, 81-65535 0-65535" },
	{ "dev 1", 0, "everything" },
	{ "dev 1 and sport 80", 0, "80-80 0-65535" },
	{ "not dev 1 and sport 80", 0, "80-80 0-65535" },
	{ "process nginx", 0, "everything" },
	{ "not process nginx and sport 80", 0, "80-80 0-65535" },
	{ "process nginx or sport 80", 0, "everything" },
	/* If nothing can match, there is still a clause, because none would mean everything. */
	{ "sport 80 and sport 81", 0, "0-0 0-0" },
	{ "sport < 0", 0, "0-0 0-0" },
	{ "not src *", 0, "0-0 0-0" },
	{ "src 10/8 and src 11/8", 0, "0-0 0-0" },
};

static void test_examples(void)
{
	struct tcptrace_clause clauses[MAX];
	struct filter *filter;
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		filter = parse(examples[i].text);
		if (!ok(filter, "'%s' is accepted", examples[i].text))
			continue;
		filter_set_family(filter, examples[i].family);
		is_str(describe(clauses, filter_clauses(filter, clauses, MAX)), examples[i].clauses,
		       "'%s': %s", examples[i].text, examples[i].clauses);
		filter_free(filter);
	}
}

static size_t clauses_of_ports(int count, size_t max)
{
	struct tcptrace_clause clauses[MAX];
	char text[4096] = "sport 1";
	struct filter *filter;
	size_t length, got;
	int i;

	for (i = 1; i < count; i++) {
		length = strlen(text);
		snprintf(text + length, sizeof(text) - length, " or sport %d", 1 + 2 * i);
	}
	filter = parse(text);
	if (!filter)
		return -1;
	got = filter_clauses(filter, clauses, max);
	filter_free(filter);
	return got;
}

static void test_bounds(void)
{
	is_int(clauses_of_ports(MAX, MAX), MAX, "as many clauses as there is room for");
	is_int(clauses_of_ports(MAX + 1, MAX), 0, "one more than there is room for");
	is_int(clauses_of_ports(3 * MAX, MAX), 0, "many more");
	is_int(clauses_of_ports(2, 1), 0, "a caller's own bound");
	is_int(clauses_of_ports(1, 0), 0, "no room at all");
}

/* A subject of the test, with the parts of its addresses. */
struct subject {
	uint8_t saddr[TCPTRACE_ADDR_LEN], daddr[TCPTRACE_ADDR_LEN];
	struct filter_subject subject;
};

#define SUBJECTS 64	/* so that a set of them is a uint64_t */
static struct subject subjects[SUBJECTS];

/* The first is unknown, the last has the longest name that the kernel keeps. */
#define PROCESSES 4
static const struct process processes[PROCESSES] = {
	{ 0 }, { 1, "a" }, { 2, "a" }, { 3, "fifteen-letters" },
};

static uint64_t random_state = 0x9090909090909090;

static unsigned int random_below(unsigned int limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % limit;
}

static bool chance(unsigned int percent)
{
	return random_below(100) < percent;
}

static const uint16_t ports[] = { 0, 1, 22, 79, 80, 81, 443, 9090, 32768, 65534, 65535 };

static uint16_t random_port(void)
{
	return ports[random_below(sizeof(ports) / sizeof(ports[0]))];
}

static const struct {
	const char *text;
	bool inet6;	/* matches only sockets of this family */
	const char *prefix;
	int length;
} prefixes[] = {
	{ "10.0.0.1", false, "::ffff:10.0.0.1", 128 },
	{ "10.0.0.0/31", false, "::ffff:10.0.0.0", 127 },
	{ "10.0/16", false, "::ffff:10.0.0.0", 112 },
	{ "10/8", false, "::ffff:10.0.0.0", 104 },
	{ "192.168.7.9", false, "::ffff:192.168.7.9", 128 },
	{ "128/1", false, "::ffff:128.0.0.0", 97 },
	{ "0.0.0.0/0", false, "::ffff:0.0.0.0", 96 },
	{ "[::ffff:10.0.0.1]", true, "::ffff:10.0.0.1", 128 },
	{ "[::1]", true, "::1", 128 },
	{ "[2001:db8::/32]", true, "2001:db8::", 32 },
	{ "[2001:db8::1/127]", true, "2001:db8::", 127 },
	{ "[2001:db8:1::/46]", true, "2001:db8::", 46 },
	{ "[::/0]", true, "::", 0 },
	{ "[::/80]", true, "::", 80 },
	{ "*", false, "::", 0 },
};

static const char *const addresses[] = {
	"::ffff:10.0.0.1", "::ffff:10.0.0.0", "::ffff:10.0.3.1", "::ffff:10.3.0.1",
	"::ffff:11.0.0.1", "::ffff:192.168.7.9", "::ffff:0.0.0.0", "::", "::1", "2001:db8::", "2001:db8::1",
	"2001:db8::2", "2001:db8:3::1", "2001:db8:4::1", "2001:db9::1", "fe80::1",
};

/* The first seven are mapped. */
static void random_address(uint8_t *address, bool mapped)
{
	const size_t count = sizeof(addresses) / sizeof(addresses[0]);
	size_t which = mapped ? random_below(7) : 7 + random_below(count - 7);

	inet_pton(AF_INET6, addresses[which], address);
}

static void random_subjects(void)
{
	int i;

	for (i = 0; i < SUBJECTS; i++) {
		struct subject *s = &subjects[i];
		bool mapped = chance(50);

		random_address(s->saddr, mapped);
		random_address(s->daddr, mapped);
		s->subject = (struct filter_subject){
			.saddr = s->saddr, .daddr = s->daddr,
			.sport = random_port(), .dport = random_port(),
			.family = mapped && chance(70) ? AF_INET : AF_INET6,
			.state = 1 + random_below(TCPTRACE_STATE_MAX),
			.kind = TCPTRACE_K_FULL, .zone.ifindex = random_below(3),
			.process = &processes[random_below(PROCESSES)],
		};
	}
}

/* Bit by bit, to share no mistake with the code under test. */
static bool has_prefix(const uint8_t *address, const uint8_t *prefix, int length)
{
	int i;

	for (i = 0; i < length; i++)
		if ((address[i / 8] ^ prefix[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static char expression[8192];

static void say(const char *words)
{
	size_t length = strlen(expression);

	snprintf(expression + length, sizeof(expression) - length, "%s ", words);
}

static void say_number(const char *before, unsigned int number)
{
	char text[96];

	snprintf(text, sizeof(text), "%s%u", before, number);
	say(text);
}

static uint64_t make_port(void)
{
	static const char *const relations[][3] = {
		{ "=", "==", "" }, { "!=", "ne", "neq" }, { ">", "gt", "gt" },
		{ "<", "lt", "lt" }, { ">=", "ge", "geq" }, { "<=", "le", "leq" },
	};
	bool local = chance(50);
	unsigned int relation = random_below(6), port = random_port();
	uint64_t set = 0;
	int i;

	say(local ? "sport" : "dport");
	say(relations[relation][random_below(3)]);
	say_number(chance(50) ? ":" : "", port);
	for (i = 0; i < SUBJECTS; i++) {
		unsigned int got = local ? subjects[i].subject.sport : subjects[i].subject.dport;
		bool fits[] = { got == port, got != port, got > port, got < port, got >= port,
				got <= port };

		set |= (uint64_t)fits[relation] << i;
	}
	return set;
}

static uint64_t make_address(void)
{
	size_t which = random_below(sizeof(prefixes) / sizeof(prefixes[0]));
	bool local = chance(50), with_port = chance(30);
	unsigned int port = random_port();
	uint8_t prefix[TCPTRACE_ADDR_LEN];
	char text[64];
	uint64_t set = 0;
	int i;

	inet_pton(AF_INET6, prefixes[which].prefix, prefix);
	say(local ? "src" : "dst");
	if (chance(30))
		say("=");
	snprintf(text, sizeof(text), "%s%s", prefixes[which].text, with_port ? ":" : "");
	if (with_port)
		say_number(text, port);
	else
		say(text);
	for (i = 0; i < SUBJECTS; i++) {
		const struct subject *s = &subjects[i];
		bool fits = has_prefix(local ? s->saddr : s->daddr, prefix, prefixes[which].length);

		if (prefixes[which].inet6)
			fits &= s->subject.family == AF_INET6;
		if (with_port)
			fits &= (local ? s->subject.sport : s->subject.dport) == port;
		set |= (uint64_t)fits << i;
	}
	return set;
}

static uint64_t make_process(void)
{
	static const struct {
		const char *words;
		bool fits[PROCESSES];
	} conditions[] = {
		{ "process a", { false, true, true, false } },
		{ "process = 1", { false, true, false, false } },
		{ "process == fifteen-letters-and-more", { false, false, false, true } },
		{ "process != a", { true, false, false, true } },
		{ "process ne 2", { true, true, false, true } },
	};
	unsigned int which = random_below(5);
	uint64_t set = 0;
	int i;

	say(conditions[which].words);
	for (i = 0; i < SUBJECTS; i++)
		set |= (uint64_t)conditions[which].fits[subjects[i].subject.process - processes] << i;
	return set;
}

static uint64_t make_other(void)
{
	unsigned int number = random_port();
	bool device = chance(50);
	uint64_t set = 0;
	int i;

	if (device)
		say_number("dev ", number = 1 + random_below(2));
	else
		say_number("", number);
	for (i = 0; i < SUBJECTS; i++) {
		const struct filter_subject *s = &subjects[i].subject;
		bool fits = device ? s->zone.ifindex == number :
				     s->sport == number || s->dport == number;

		set |= (uint64_t)fits << i;
	}
	return set;
}

static uint64_t make_list(int depth);

static uint64_t make_condition(int depth)
{
	uint64_t set;

	if (chance(20)) {
		say(chance(50) ? "not" : "!");
		return ~make_condition(depth);
	}
	if (depth > 0 && chance(40)) {
		say("(");
		set = make_list(depth - 1);
		say(")");
		return set;
	}
	if (chance(15))
		return make_process();
	return chance(50) ? make_port() : chance(70) ? make_address() : make_other();
}

static uint64_t make_list(int depth)
{
	static const char *const ands[] = { "and", "&", "&&", "" };
	static const char *const ors[] = { "or", "|", "||" };
	uint64_t set = make_condition(depth);

	while (chance(45)) {
		if (chance(50)) {
			say(ands[random_below(4)]);
			set &= make_condition(depth);
		} else {
			say(ors[random_below(3)]);
			set |= make_condition(depth);
		}
	}
	return set;
}

/* By the definition of the ABI: clauses that the module would refuse with EINVAL must not be made. */
static bool is_valid(const struct tcptrace_clause *c)
{
	int i;

	for (i = 0; i < 128; i++)
		if ((i >= c->saddr_len && c->saddr[i / 8] & 0x80 >> i % 8) ||
		    (i >= c->daddr_len && c->daddr[i / 8] & 0x80 >> i % 8))
			return false;
	return c->saddr_len <= 128 && c->daddr_len <= 128 && c->sport_min <= c->sport_max &&
	       c->dport_min <= c->dport_max && !c->netns && !c->cgroup && !c->reserved &&
	       !c->reserved2 && !c->reserved3 &&
	       (!c->family || c->family == AF_INET || c->family == AF_INET6);
}

static bool clause_fits(const struct tcptrace_clause *c, const struct subject *s)
{
	return has_prefix(s->saddr, c->saddr, c->saddr_len) &&
	       has_prefix(s->daddr, c->daddr, c->daddr_len) &&
	       (!c->family || c->family == s->subject.family) &&
	       s->subject.sport >= c->sport_min && s->subject.sport <= c->sport_max &&
	       s->subject.dport >= c->dport_min && s->subject.dport <= c->dport_max;
}

static uint64_t clauses_fit(const struct tcptrace_clause *clauses, size_t count)
{
	uint64_t set = 0;
	size_t i, j;

	for (i = 0; i < count; i++)
		for (j = 0; j < SUBJECTS; j++)
			set |= (uint64_t)clause_fits(&clauses[i], &subjects[j]) << j;
	return count ? set : UINT64_MAX;
}

static uint64_t matched(const struct filter *filter)
{
	uint64_t set = 0;
	int i;

	for (i = 0; i < SUBJECTS; i++)
		set |= (uint64_t)filter_match(filter, &subjects[i].subject) << i;
	return set;
}

/* What may match, whatever the process is. */
static uint64_t matched_unknown(const struct filter *filter)
{
	uint64_t set = 0;
	int i;

	for (i = 0; i < SUBJECTS; i++) {
		struct filter_subject subject = subjects[i].subject;

		subject.process = NULL;
		set |= (uint64_t)filter_match(filter, &subject) << i;
	}
	return set;
}

static uint64_t of_family(int family)
{
	uint64_t set = 0;
	int i;

	for (i = 0; i < SUBJECTS; i++)
		set |= (uint64_t)(!family || subjects[i].subject.family == family) << i;
	return set;
}

#define ROUNDS 20000

static void test_random(void)
{
	unsigned int refused = 0, wrong = 0, missed = 0, invalid = 0, bounded = 0, excluded = 0, hidden = 0;
	struct tcptrace_clause clauses[MAX];
	size_t count, i;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		int family = chance(10) ? AF_INET : chance(10) ? AF_INET6 : 0;
		struct filter *filter;
		uint64_t wanted, held;

		random_subjects();
		expression[0] = '\0';
		wanted = make_list(3);
		filter = parse(expression);
		if (!filter) {
			refused++;
			continue;
		}
		filter_set_family(filter, family);
		wanted &= of_family(family);
		count = filter_clauses(filter, clauses, MAX);
		held = clauses_fit(clauses, count);
		for (i = 0; i < count; i++)
			invalid += !is_valid(&clauses[i]);
		if (matched(filter) != wanted && wrong++ < 5)
			diag("'%s': got %llx, wanted %llx", expression,
			     (unsigned long long)matched(filter), (unsigned long long)wanted);
		hidden += !!(wanted & ~matched_unknown(filter));
		if (!filter_asks_process(filter))
			hidden += wanted != matched_unknown(filter);
		if (wanted & ~held && missed++ < 5)
			diag("'%s': what fits is not in: %s", expression,
			     describe(clauses, count));
		bounded += !!count;
		excluded += held != UINT64_MAX;
		filter_free(filter);
	}
	is_int(refused, 0, "%d random expressions are accepted", ROUNDS);
	is_int(wrong, 0, "... and fit what they mean");
	is_int(missed, 0, "... and their clauses hold whatever they fit");
	is_int(hidden, 0, "... and more where processes are not known, but no less");
	is_int(invalid, 0, "... and a source can take each clause");
	ok(bounded > ROUNDS / 4, "... of which many, %u, can be bounded", bounded);
	ok(excluded > ROUNDS / 4, "... and spare the source something, %u", excluded);
}

int main(void)
{
	test_examples();
	test_bounds();
	test_random();
	return done_testing();
}
