// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the records on standard input (tcptrace-ctl record - | tally) by their headers alone, and keeps nothing else:
 * so hours can be counted. At the end it prints a line for each kind of record:
 *
 *	type=TYPE op=OP kind=N old=STATE new=STATE dir=in|out|- sport=PORT dport=PORT name=REASON count=N segments=N
 *
 * Ports of clients are 0. `segments` is what the kernel's counters would count: for a retransmission the number of
 * retransmitted segments, for a segment the number of pieces of one MSS. And a last line, from the trailer and from its
 * own count:
 *
 *	# events=N overwritten=N nested=N missed=N unknown=N counted=N snapshots=N disorder=N whole=yes|no
 *
 * `disorder` is the number of records that are older than the previous one.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/record/capture_file.h"
#include "record_text.h"

#define FIRST_OF_CLIENTS	32768	/* net.ipv4.ip_local_port_range */
#define PLACES			65536	/* a power of two, many times the number of kinds */

struct key {
	__u16 type, sport, dport;
	__u8 op, kind, old, new, dir, unused;
	char name[32];
};

static struct place {
	struct key key;
	unsigned long long count, segments;
} places[PLACES];
static unsigned int used;

static unsigned long long counted, snapshots, disorder;
static __u64 last_time;
static struct tcptrace_lost trailer;
static bool whole;

static __u16 port_of_server(__u16 port)
{
	return port < FIRST_OF_CLIENTS ? port : 0;
}

/* A key has no unused bytes, so all of them are compared. */
static void make_key(struct key *key, const struct tcptrace_record *record)
{
	memset(key, 0, sizeof(*key));
	key->type = record->type;
	key->sport = port_of_server(record->sport);
	key->dport = port_of_server(record->dport);
	key->op = record->op;
	key->kind = record->kind;
	key->old = record->old_state;
	key->new = record->new_state;
	if (record->type == TCPTRACE_T_SEGMENT || record->type == TCPTRACE_T_RESET)
		key->dir = 1 + record->u.segment.out;
	if (record->type == TCPTRACE_T_DROP && record->op == TCPTRACE_OP_SEGMENT)
		memcpy(key->name, record->u.drop.name, sizeof(key->name) - 1);
}

static struct place *place_of(const struct key *key)
{
	const unsigned char *bytes = (const void *)key;
	unsigned int at = 2166136261u;
	size_t i;

	for (i = 0; i < sizeof(*key); i++)
		at = (at ^ bytes[i]) * 16777619u;
	for (at %= PLACES; places[at].count; at = (at + 1) % PLACES)
		if (!memcmp(&places[at].key, key, sizeof(*key)))
			return &places[at];
	if (++used > PLACES / 2)
		errx(1, "more than %u kinds of records", PLACES / 2);
	places[at].key = *key;
	return &places[at];
}

static unsigned int segments_of(const struct tcptrace_record *record)
{
	const struct tcptrace_segment *segment = &record->u.segment;

	if (record->type == TCPTRACE_T_RETRANSMIT)
		return record->u.retransmit.segments;
	if (record->type != TCPTRACE_T_SEGMENT || !segment->out || !segment->len || !record->mss)
		return 1;
	return (segment->len + record->mss - 1) / record->mss;
}

static void count(const struct tcptrace_record *record)
{
	struct place *place;
	struct key key;

	counted++;
	disorder += record->time < last_time;
	last_time = record->time;
	make_key(&key, record);
	place = place_of(&key);
	place->count++;
	place->segments += segments_of(record);
}

static void take(const struct tcptrace_record *record)
{
	if (whole)
		errx(1, "something follows the trailer");
	switch (record->type) {
	case TCPTRACE_T_SNAPSHOT:
		snapshots++;
		break;
	case TCPTRACE_T_LOST:
		whole = record->cookie == CAPTURE_TRAILER;
		if (whole)
			trailer = record->u.lost;
		break;
	default:
		count(record);
	}
}

static void print_place(const struct place *place)
{
	static const char * const directions[] = { "-", "in", "out" };
	const struct key *key = &place->key;

	printf("type=%s op=%s kind=%u old=%s new=%s dir=%s sport=%u dport=%u name=%s count=%llu segments=%llu\n",
	       text_type(key->type), text_op(key->op), key->kind, text_state(key->old), text_state(key->new),
	       directions[key->dir], key->sport, key->dport, key->name[0] ? key->name : "-",
	       place->count, place->segments);
}

int main(void)
{
	struct capture_header header;
	static struct tcptrace_record records[1024];
	size_t got, i;

	if (fread(&header, sizeof(header), 1, stdin) != 1 || memcmp(header.magic, CAPTURE_MAGIC, sizeof(header.magic)) ||
	    header.header_size != sizeof(header) || header.record_size != sizeof(records[0]))
		errx(1, "not a recording of this version");
	while ((got = fread(records, sizeof(records[0]), sizeof(records) / sizeof(records[0]), stdin)))
		for (i = 0; i < got; i++)
			take(&records[i]);
	for (i = 0; i < PLACES; i++)
		if (places[i].count)
			print_place(&places[i]);
	printf("# events=%llu overwritten=%llu nested=%llu missed=%llu unknown=%llu counted=%llu snapshots=%llu disorder=%llu whole=%s\n",
	       trailer.events, trailer.overwritten, trailer.nested, trailer.missed, trailer.unknown, counted, snapshots,
	       disorder, whole ? "yes" : "no");
	return 0;
}
