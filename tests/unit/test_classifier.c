// SPDX-License-Identifier: GPL-2.0-only
/* The module's classifier of clauses, compared with a linear search by the definition in uapi/tcptrace.h. */
#include <stdlib.h>

#include "../../module/classifier.c"
#include "test.h"

#define INET	2
#define INET6	10

/* ---- the linear search ---- */

static bool prefix_fits(const u8 *prefix, unsigned int length, const u8 *address)
{
	unsigned int bit;

	for (bit = 0; bit < length; bit++)
		if ((prefix[bit / 8] ^ address[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static bool ports_fit(const struct tcptrace_clause *clause, u16 sport, u16 dport)
{
	return sport >= clause->sport_min && sport <= clause->sport_max && dport >= clause->dport_min &&
	       dport <= clause->dport_max;
}

static bool clause_fits(const struct tcptrace_clause *clause, const struct tcptrace_key *key)
{
	return ports_fit(clause, key->sport, key->dport) && (!clause->family || clause->family == key->family) &&
	       (!clause->netns || clause->netns == key->netns) &&
	       prefix_fits(clause->saddr, clause->saddr_len, (const u8 *)&key->saddr) &&
	       prefix_fits(clause->daddr, clause->daddr_len, (const u8 *)&key->daddr);
}

static bool walk(const struct tcptrace_rule *rules, u32 count, u32 level, const struct tcptrace_key *key)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (rules[i].level >= level && clause_fits(&rules[i].clause, key))
			return true;
	return false;
}

/* The decision by the ports of the key. */
static enum tcptrace_verdict walk_ports(const struct tcptrace_rule *rules, u32 count, u32 level,
					const struct tcptrace_key *key)
{
	enum tcptrace_verdict verdict = TCPTRACE_FITS_NONE;
	u32 i;

	for (i = 0; i < count; i++) {
		const struct tcptrace_clause *clause = &rules[i].clause;

		if (rules[i].level < level || !ports_fit(clause, key->sport, key->dport))
			continue;
		if (!clause->family && !clause->netns && !clause->saddr_len && !clause->daddr_len)
			return TCPTRACE_FITS;
		verdict = TCPTRACE_FITS_PERHAPS;
	}
	return verdict;
}

/* ---- random clauses and keys ---- */

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* Few different values, their neighbours, and the limits, so that ranges touch and keys are at their bounds. */
static u16 some_port(void)
{
	static const u16 some[] = { 0, 1, 79, 80, 81, 443, 1023, 1024, 9090, 32768, 60999, 65534, 65535 };

	return one_in(8) ? below(65536) : some[below(sizeof(some) / sizeof(some[0]))];
}

static void some_address(u8 *bytes)
{
	unsigned int i;

	memset(bytes, one_in(8) ? 0xff : 0, 10);
	memset(bytes + 10, 0xff, 2);
	for (i = 12; i < 16; i++)
		bytes[i] = one_in(4) ? 0xff : below(3);
	if (one_in(3))
		for (i = 0; i < 12; i++)
			bytes[i] = one_in(4) ? 0xff : below(2);
}

static void some_prefix(u8 *bytes, u8 *length)
{
	static const u8 some[] = { 0, 0, 0, 1, 8, 63, 64, 65, 96, 104, 112, 120, 127, 128 };
	unsigned int bit;

	*length = one_in(4) ? below(129) : some[below(sizeof(some))];
	some_address(bytes);
	/* Bits beyond the length are ignored; usually they are 0. */
	if (!one_in(4))
		for (bit = *length; bit < 128; bit++)
			bytes[bit / 8] &= ~(0x80 >> bit % 8);
}

static void some_ports(u16 *min, u16 *max)
{
	u16 one = some_port(), other = some_port();

	*min = one < other ? one : other;
	*max = one < other ? other : one;
	if (one_in(3))
		*max = *min;
	if (one_in(3)) {
		*min = 0;
		*max = 65535;
	}
}

static u32 some_netns(void)
{
	static const u32 some[] = { 1, 4026531840u, 4026531841u, 0xffffffffu };

	return some[below(4)];
}

static struct tcptrace_rule some_rule(void)
{
	struct tcptrace_rule rule = { .level = below(4) };
	struct tcptrace_clause *clause = &rule.clause;

	some_ports(&clause->sport_min, &clause->sport_max);
	some_ports(&clause->dport_min, &clause->dport_max);
	if (one_in(2))
		return rule;
	clause->netns = one_in(2) ? some_netns() : 0;
	clause->family = one_in(2) ? one_in(2) ? INET : INET6 : 0;
	some_prefix(clause->saddr, &clause->saddr_len);
	some_prefix(clause->daddr, &clause->daddr_len);
	return rule;
}

static struct tcptrace_key some_key(void)
{
	struct tcptrace_key key = { .sport = some_port(), .dport = some_port(), .family = one_in(2) ? INET : INET6 };

	key.netns = one_in(6) ? 0 : some_netns();
	some_address((u8 *)&key.saddr);
	some_address((u8 *)&key.daddr);
	return key;
}

/* ---- the tests ---- */

static struct tcptrace_rule rules[TCPTRACE_CLAUSES_IN_ALL];

struct tally {
	unsigned int keys, fit, by_ports, wrong;
};

static void compare_with_walk(u32 count, unsigned int keys, struct tally *tally)
{
	struct tcptrace_classifier *classifier = tcptrace_classifier_build(rules, count);
	u32 level;

	for (; keys; keys--) {
		struct tcptrace_key key = some_key();

		for (level = TCPTRACE_L_LIFE; level <= TCPTRACE_L_SEGMENT; level++) {
			bool fits = walk(rules, count, level, &key);
			enum tcptrace_verdict ports = walk_ports(rules, count, level, &key);

			tally->keys++;
			tally->fit += fits;
			tally->by_ports += ports != TCPTRACE_FITS_PERHAPS;
			tally->wrong += tcptrace_classify(classifier, level, &key) != fits ||
					tcptrace_classify_ports(classifier, level, key.sport, key.dport) != ports;
		}
	}
	free(classifier);
}

static void random_sets(const char *what, u32 most, unsigned int sets, unsigned int keys)
{
	struct tally tally = { };
	unsigned int set;
	u32 count, i;

	for (set = 0; set < sets; set++) {
		count = below(most + 1);
		for (i = 0; i < count; i++)
			rules[i] = i && one_in(8) ? rules[below(i)] : some_rule();
		/* The same clause at another level. */
		for (i = 1; i < count; i++)
			if (one_in(8))
				rules[i].clause = rules[below(i)].clause;
		compare_with_walk(count, keys, &tally);
	}
	is_int(tally.wrong, 0, "%s: as the walk over them", what);
	ok(tally.fit > tally.keys / 50 && tally.fit < tally.keys - tally.keys / 50, "%u of %u lookups fit", tally.fit,
	   tally.keys);
	ok(tally.by_ports && tally.by_ports < tally.keys, "and of %u the ports decide", tally.by_ports);
}

static void no_clause(void)
{
	struct tcptrace_classifier *classifier = tcptrace_classifier_build(NULL, 0);
	struct tcptrace_key key = some_key();

	ok(!tcptrace_classify(classifier, TCPTRACE_L_LIFE, &key), "nothing fits no clause");
	is_int(tcptrace_classify_ports(classifier, TCPTRACE_L_LIFE, 1, 2), TCPTRACE_FITS_NONE, "and the ports say so");
	free(classifier);
}

static void merging(void)
{
	struct tcptrace_classifier *classifier;
	u32 i;

	/* 20 readers request the same port on either side, one of them at a higher level. */
	for (i = 0; i < 40; i++) {
		rules[i] = (struct tcptrace_rule) { .level = i == 7 ? TCPTRACE_L_SEGMENT : TCPTRACE_L_LIFE };
		rules[i].clause = (struct tcptrace_clause) { .sport_max = 65535, .dport_max = 65535 };
		*(i % 2 ? &rules[i].clause.sport_min : &rules[i].clause.dport_min) = 80;
		*(i % 2 ? &rules[i].clause.sport_max : &rules[i].clause.dport_max) = 80;
	}
	classifier = tcptrace_classifier_build(rules, 40);
	is_int(__builtin_popcountll(classifier->ports_only[0] | classifier->ports_only[classifier->stride - 1]), 1,
	       "identical clauses are one: one bit in the word of each level");
	is_int(classifier->fields[TCPTRACE_FIELD_SPORT].bounds, 2, "a port has three intervals");
	is_int(classifier->fields[TCPTRACE_FIELD_SADDR].bounds, 0, "and an address that nobody names one");
	is_int(tcptrace_classify_ports(classifier, TCPTRACE_L_SEGMENT, 80, 1), TCPTRACE_FITS, "the highest level is kept");
	is_int(tcptrace_classify_ports(classifier, TCPTRACE_L_SEGMENT, 1, 80), TCPTRACE_FITS_NONE, "of that clause alone");
	is_int(tcptrace_classify_ports(classifier, TCPTRACE_L_LIFE, 1, 80), TCPTRACE_FITS, "and the others are there");
	free(classifier);
}

/* The maximum number of clauses, all different: the worst case of a lookup. */
static void most(void)
{
	struct tcptrace_classifier *classifier;
	struct tally tally = { };
	u32 i, field;

	for (i = 0; i < TCPTRACE_CLAUSES_IN_ALL; i++) {
		rules[i] = some_rule();
		rules[i].level = TCPTRACE_L_LIFE + below(3);
		rules[i].clause.sport_min = i * 5;
		rules[i].clause.sport_max = 30000 + i * 7;
	}
	classifier = tcptrace_classifier_build(rules, TCPTRACE_CLAUSES_IN_ALL);
	for (field = 0; field < TCPTRACE_FIELDS; field++)
		ok(classifier->fields[field].bounds <= 2 * TCPTRACE_CLAUSES_IN_ALL, "field %u has %u bounds", field,
		   classifier->fields[field].bounds);
	ok(classifier->stride <= TCPTRACE_CLAUSES_IN_ALL / 64 + 2, "a vector has %u words", classifier->stride);
	free(classifier);
	compare_with_walk(TCPTRACE_CLAUSES_IN_ALL, 2000, &tally);
	is_int(tally.wrong, 0, "all of %u lookups as the walk, %u fit", tally.keys, tally.fit);
}

int main(void)
{
	srandom(20240917);
	no_clause();
	merging();
	random_sets("one clause", 1, 3000, 30);
	random_sets("a few clauses", 8, 2000, 50);
	random_sets("many clauses", 200, 60, 500);
	most();
	return done_testing();
}
