// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the fuzzers mutate recordings: record by record and field by field, so that the result is mostly an intact
 * recording of something odd, and not a damaged one, which is refused at its first wrong byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "record/capture_file.h"
#include "record/record_check.h"
#include "recordings.h"

#define RECORDS_MAX	256

struct recording {
	struct capture_header header;
	struct tcptrace_record records[RECORDS_MAX];	/* without the trailer */
	size_t count;
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t most,
				 unsigned int seed);

static uint64_t random_state;

static uint64_t random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint32_t below(uint32_t limit)
{
	return (random_bits() >> 32) * limit >> 32;
}

static void begin(unsigned int seed)
{
	random_state = seed + 0x9e3779b97f4a7c15ull;
	random_bits();
	random_bits();
}

/* ---- reading and writing ---- */

static bool is_trailer(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_LOST && record->cookie == CAPTURE_TRAILER;
}

static void mend_header(struct capture_header *header)
{
	memcpy(header->magic, CAPTURE_MAGIC, sizeof(header->magic));
	header->byte_order = CAPTURE_BYTE_ORDER;
	header->header_size = sizeof(*header);
	header->abi = TCPTRACE_ABI;
	header->record_size = sizeof(struct tcptrace_record);
	if (header->level > TCPTRACE_L_SEGMENT)
		header->level = TCPTRACE_L_SEGMENT;
	header->checksum = capture_header_checksum(header);
}

static void parse(struct recording *recording, const uint8_t *data, size_t size)
{
	memset(&recording->header, 0, sizeof(recording->header));
	recording->header.level = TCPTRACE_L_SEGMENT;
	recording->header.types_version = TCPTRACE_TYPES_VERSION;
	recording->count = 0;
	if (size < sizeof(recording->header))
		return;
	memcpy(&recording->header, data, sizeof(recording->header));
	data += sizeof(recording->header);
	size -= sizeof(recording->header);
	for (; size >= sizeof(*recording->records) && recording->count < RECORDS_MAX;
	     data += sizeof(*recording->records), size -= sizeof(*recording->records)) {
		memcpy(&recording->records[recording->count], data, sizeof(*recording->records));
		recording->count += !is_trailer(&recording->records[recording->count]);
	}
}

/* What a recorder cannot have written, so that no view gets it. */
static void mend_record(struct tcptrace_record *record, uint16_t types_version)
{
	if (!record_known(record) && types_version <= TCPTRACE_TYPES_VERSION)
		record->type = TCPTRACE_T_LISTEN + record->type % TCPTRACE_T_LOST;
	if (record->family != AF_INET && record->family != AF_INET6)
		record->family = record->family & 1 ? AF_INET6 : AF_INET;
	record->kind %= TCPTRACE_K_TIMEWAIT + 1;
	record->old_state %= TCPTRACE_STATE_MAX + 1;
	record->new_state %= TCPTRACE_STATE_MAX + 1;
}

/* Existing sockets come before the events, and these are in order of time. */
static bool comes_before(const struct tcptrace_record *a, const struct tcptrace_record *b)
{
	bool first = a->type == TCPTRACE_T_SNAPSHOT, second = b->type == TCPTRACE_T_SNAPSHOT;

	return first != second ? first : !first && a->time < b->time;
}

/* Few are out of order, and the order of equal ones stays. */
static void sort(struct tcptrace_record *records, size_t count)
{
	size_t i, j;

	for (i = 1; i < count; i++) {
		struct tcptrace_record record = records[i];

		for (j = i; j && comes_before(&record, &records[j - 1]); j--)
			records[j] = records[j - 1];
		records[j] = record;
	}
}

/* As a recorder would have written it, as far as there is room. */
static size_t put(struct recording *recording, uint8_t *data, size_t most)
{
	struct tcptrace_record trailer = { .type = TCPTRACE_T_LOST, .cookie = CAPTURE_TRAILER };
	uint32_t checksum = 0;
	size_t room, count, i;

	if (most < sizeof(recording->header) + sizeof(trailer))
		return 0;
	room = (most - sizeof(recording->header)) / sizeof(trailer) - 1;
	count = recording->count < room ? recording->count : room;
	for (i = 0; i < count; i++)
		mend_record(&recording->records[i], recording->header.types_version);
	sort(recording->records, count);
	for (i = 0; i < count; i++) {
		struct tcptrace_record *record = &recording->records[i];

		trailer.u.lost.events += record_known(record) && record->type != TCPTRACE_T_SNAPSHOT && record->type != TCPTRACE_T_LOST;
		record->position = checksum = capture_checksum(checksum, record);
	}
	trailer.position = capture_checksum(checksum, &trailer);
	mend_header(&recording->header);
	memcpy(data, &recording->header, sizeof(recording->header));
	data += sizeof(recording->header);
	memcpy(data, recording->records, count * sizeof(trailer));
	memcpy(data + count * sizeof(trailer), &trailer, sizeof(trailer));
	return sizeof(recording->header) + (count + 1) * sizeof(trailer);
}

size_t recording_mend(uint8_t *data, size_t size, size_t most)
{
	static struct recording recording;

	parse(&recording, data, size);
	return put(&recording, data, most);
}

/* ---- fields ---- */

#define FIELD(member)	{ offsetof(struct tcptrace_record, member), sizeof(((struct tcptrace_record *)0)->member) }

static const struct field {
	uint16_t offset, size;
} fields[] = {
	FIELD(time), FIELD(cookie), FIELD(stamp), FIELD(saddr), FIELD(daddr), FIELD(sport), FIELD(dport), FIELD(cpu), FIELD(netns),
	FIELD(family), FIELD(kind), FIELD(old_state), FIELD(new_state), FIELD(snd_una), FIELD(snd_nxt), FIELD(write_seq),
	FIELD(rcv_nxt), FIELD(copied_seq), FIELD(snd_wnd), FIELD(rcv_wnd), FIELD(flags), FIELD(pid), FIELD(error), FIELD(comm),
	FIELD(mss), FIELD(op), FIELD(wscale), FIELD(ifindex),
	/* The fields of each member of the union. */
	FIELD(u.listen.listener), FIELD(u.listen.backlog), FIELD(u.listen.backlog_max), FIELD(u.listen.syn_backlog),
	FIELD(u.listen.retransmits), FIELD(u.listen.inode), FIELD(u.listen.uid),
	FIELD(u.totals.bytes_in), FIELD(u.totals.bytes_out), FIELD(u.totals.retransmits), FIELD(u.totals.timeout),
	FIELD(u.queue.bytes), FIELD(u.queue.sndbuf), FIELD(u.queue.probes),
	FIELD(u.segment.seq), FIELD(u.segment.ack), FIELD(u.segment.len), FIELD(u.segment.window), FIELD(u.segment.flags),
	FIELD(u.segment.mss), FIELD(u.segment.wscale), FIELD(u.segment.out), FIELD(u.segment.sacks), FIELD(u.segment.reason),
	FIELD(u.segment.sack_from), FIELD(u.segment.sack_to),
	FIELD(u.retransmit.rto), FIELD(u.retransmit.backoff), FIELD(u.drop.reason), FIELD(u.drop.flags), FIELD(u.drop.name),
	FIELD(u.lost.missed), FIELD(u.lost.unknown),
};

/* The types, and which ops each has. */
static const struct {
	uint8_t type, first, last;
} types[] = {
	{ TCPTRACE_T_LISTEN, 0, 0 },
	{ TCPTRACE_T_STATE, 0, 0 },
	{ TCPTRACE_T_REQUEST, TCPTRACE_OP_OPEN, TCPTRACE_OP_DESTROYED },
	{ TCPTRACE_T_ACCEPT, 0, 0 },
	{ TCPTRACE_T_CONNECT, 0, TCPTRACE_OP_FAILED },
	{ TCPTRACE_T_SHUTDOWN, TCPTRACE_OP_CLOSE, TCPTRACE_OP_SHUT_RDWR },
	{ TCPTRACE_T_RESET, TCPTRACE_OP_SENT, TCPTRACE_OP_RECEIVED },
	{ TCPTRACE_T_TIMEWAIT, TCPTRACE_OP_BEGIN, TCPTRACE_OP_KILLED },
	{ TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, TCPTRACE_OP_WAIT },
	{ TCPTRACE_T_SEND, TCPTRACE_OP_WAIT, TCPTRACE_OP_WRITTEN },
	{ TCPTRACE_T_ACK, 0, 0 },
	{ TCPTRACE_T_ACK, TCPTRACE_OP_CLOSED, TCPTRACE_OP_OPENED },
	{ TCPTRACE_T_WINDOW, 0, 0 },
	{ TCPTRACE_T_WINDOW, TCPTRACE_OP_CLOSED, TCPTRACE_OP_KEEPALIVE },
	{ TCPTRACE_T_RETRANSMIT, TCPTRACE_OP_RTO, TCPTRACE_OP_PMTU },
	{ TCPTRACE_T_DROP, TCPTRACE_OP_SYN_QUEUE, TCPTRACE_OP_SEGMENT },
	{ TCPTRACE_T_SEGMENT, 0, 0 },
	{ TCPTRACE_T_SNAPSHOT, 0, 0 },
	{ TCPTRACE_T_LOST, 0, 0 },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Names that a process may choose: controls of a terminal, of JSON, of XML, of Prometheus; invalid UTF-8. */
static const char *const names[] = {
	"\x1b[2J\x1b[31m", "a\nb", "\"\\", "</text>&<", "\xc2\x9b" "31m", "\x9b" "31m", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
	"\xe2\x80\xae" "evil", "\xff\xfe", "\x7f\x7f\x7f", "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5", "0123456789abcdefX", " ", "",
	"{}%n%s", "\t\r\b\a", "\xcc\x80\xcc\x81", "#",
};

static void set_text(char *text, size_t size)
{
	strncpy(text, names[below(COUNT(names))], size);
}

static void set_number(uint8_t *at, size_t size)
{
	static const uint64_t odd[] = { 0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
					0x8000000000000000, 0xffffffffffffffff, 1000000000, 60000000000 };
	uint64_t value = 0;

	if (size > sizeof(value))
		size = sizeof(value);
	memcpy(&value, at, size);
	switch (below(5)) {
	case 0:
		value = odd[below(COUNT(odd))];
		break;
	case 1:
		value += (uint64_t)below(129) - 64;
		break;
	case 2:
		value ^= 1ull << below(8 * size);
		break;
	case 3:
		value += (below(2) ? 1 : -1ull) * below(1u << below(32));
		break;
	default:
		value = random_bits();
	}
	memcpy(at, &value, size);
}

static void set_address(uint8_t address[TCPTRACE_ADDR_LEN])
{
	static const uint8_t odd[][TCPTRACE_ADDR_LEN] = {
		{ 0 }, { [15] = 1 }, { [10] = 0xff, 0xff, 127, 0, 0, 1 }, { [10] = 0xff, 0xff }, { 0xfe, 0x80, [15] = 1 },
		{ 0x20, 1, 0xd, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ [10] = 0xff, 0xff, 255, 255, 255, 255 }, { [12] = 1, 2, 3, 4 },
	};

	memcpy(address, odd[below(COUNT(odd))], TCPTRACE_ADDR_LEN);
}

/* ---- records ---- */

static struct tcptrace_record *any(struct recording *recording)
{
	return &recording->records[below(recording->count)];
}

/* Makes room for a record at `at`. */
static struct tcptrace_record *insert(struct recording *recording, size_t at)
{
	if (recording->count == RECORDS_MAX)
		return NULL;
	memmove(&recording->records[at + 1], &recording->records[at], (recording->count - at) * sizeof(*recording->records));
	recording->count++;
	return &recording->records[at];
}

static void change_field(struct recording *recording)
{
	const struct field *field = &fields[below(COUNT(fields))];
	uint8_t *at = (uint8_t *)any(recording) + field->offset;

	/* Copied from another record: most dependencies are on two fields being equal. */
	if (below(2))
		memcpy(at, (uint8_t *)any(recording) + field->offset, field->size);
	else if (field->offset == offsetof(struct tcptrace_record, comm) || field->offset == offsetof(struct tcptrace_record, u.drop.name))
		set_text((char *)at, field->size);
	else if (field->size == TCPTRACE_ADDR_LEN)
		set_address(at);
	else
		set_number(at, field->size);
}

static void change_type(struct recording *recording)
{
	struct tcptrace_record *record = any(recording);
	size_t i = below(COUNT(types));

	record->type = types[i].type;
	record->op = types[i].first + below(types[i].last - types[i].first + 1);
}

static void change_states(struct recording *recording)
{
	struct tcptrace_record *record = any(recording);

	record->new_state = below(TCPTRACE_STATE_MAX + 1);
	if (below(2))
		record->old_state = below(4) ? any(recording)->new_state : below(TCPTRACE_STATE_MAX + 1);
	if (!below(4))
		record->kind = below(TCPTRACE_K_TIMEWAIT + 1);
	if (!below(8))
		record->family = below(2) ? AF_INET : AF_INET6;
}

static void change_bytes(struct recording *recording)
{
	struct tcptrace_record *record = any(recording);
	struct tcptrace_record copy = *record;

	LLVMFuzzerMutate((uint8_t *)&copy, sizeof(copy), sizeof(copy));
	*record = copy;
}

static void duplicate(struct recording *recording)
{
	struct tcptrace_record record = *any(recording), *place = insert(recording, below(recording->count + 1));

	if (place)
		*place = record;
}

/* The same from the peer's side. */
static void mirror(struct recording *recording)
{
	size_t at = below(recording->count);
	struct tcptrace_record of = recording->records[at], *record = insert(recording, at + 1);

	if (!record)
		return;
	*record = of;
	memcpy(record->saddr, of.daddr, sizeof(record->saddr));
	memcpy(record->daddr, of.saddr, sizeof(record->daddr));
	record->sport = of.dport;
	record->dport = of.sport;
	record->cookie = below(2) ? of.cookie + 1 : any(recording)->cookie;
	record->snd_una = record->snd_nxt = record->write_seq = of.rcv_nxt;
	record->rcv_nxt = record->copied_seq = of.snd_nxt;
}

static void discard(struct recording *recording)
{
	size_t at = below(recording->count), count = below(4) ? 1 : 1 + below(recording->count - at);

	if (count == recording->count)
		return;
	memmove(&recording->records[at], &recording->records[at + count],
		(recording->count - at - count) * sizeof(*recording->records));
	recording->count -= count;
}

static void exchange(struct recording *recording)
{
	struct tcptrace_record *a = any(recording), *b = any(recording), keep = *a;

	*a = *b;
	*b = keep;
}

/* In order of time again, by small steps and large ones. */
static void retime(struct recording *recording)
{
	uint64_t time = recording->records[0].time;
	size_t i;

	for (i = 0; i < recording->count; i++) {
		recording->records[i].time = time;
		time += 1ull << below(below(8) ? 24 : 40);
	}
}

static void change_header(struct recording *recording)
{
	struct capture_header *header = &recording->header;

	switch (below(4)) {
	case 0:
		header->level = below(TCPTRACE_L_SEGMENT + 1);
		break;
	case 1:
		set_text(header->host, sizeof(header->host));
		break;
	case 2:
		set_number((uint8_t *)&header->realtime, sizeof(header->realtime));
		break;
	default:
		set_number((uint8_t *)&header->types_version, sizeof(header->types_version));
	}
}

static void change(struct recording *recording)
{
	static void (*const ways[])(struct recording *recording) = {
		change_field, change_field, change_field, change_field, change_type, change_type, change_states, change_states,
		change_bytes, duplicate, duplicate, mirror, discard, exchange, exchange, retime, change_header,
	};

	ways[below(COUNT(ways))](recording);
}

/* ---- damage ---- */

/* What no recorder writes. */
static size_t damage(uint8_t *data, size_t size, size_t most)
{
	switch (below(3)) {
	case 0:
		return below(size + 1);
	case 1:
		return LLVMFuzzerMutate(data, size, most);
	default:
		data[below(size < sizeof(struct capture_header) || below(2) ? size : sizeof(struct capture_header))] ^= 1 << below(8);
		return size;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static struct recording recording;
	uint32_t changes;

	begin(seed);
	parse(&recording, data, size);
	if (!recording.count) {
		recording.count = 1;
		memset(recording.records, 0, sizeof(*recording.records));
		recording.records->family = AF_INET;
		change_type(&recording);
	}
	for (changes = 1 + below(5); changes; changes--)
		change(&recording);
	size = put(&recording, data, most);
	return size && !below(32) ? damage(data, size, most) : size;
}

/* Alternately some of one and some of the other; each keeps its order. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t most,
				 unsigned int seed)
{
	static struct recording from[2], to;
	size_t next[2] = { 0 };

	begin(seed);
	parse(&from[0], one, one_size);
	parse(&from[1], other, other_size);
	to.header = from[0].header;
	to.count = 0;
	while (to.count < RECORDS_MAX && (next[0] < from[0].count || next[1] < from[1].count)) {
		unsigned int which = below(2);
		uint32_t run = 1 + below(8);

		while (run-- && next[which] < from[which].count && to.count < RECORDS_MAX)
			to.records[to.count++] = from[which].records[next[which]++];
	}
	if (!below(4))
		retime(&to);
	return put(&to, out, most);
}
