// SPDX-License-Identifier: GPL-2.0-only
/* The reader of the rings against a writer that is stopped at the worst places. */
#include <errno.h>

#include "record/level.h"
#include "ring_writer.h"
#include "source/ring.h"
#include "source/source.h"
#include "test.h"

#define SLOTS	8
#define LIFE	level_types(TCPTRACE_L_LIFE)

static uint64_t clock_now;

static uint64_t now(void)
{
	return clock_now;
}

struct bench {
	struct writer writer;
	struct rings *rings;
};

static void begin(struct bench *bench, uint32_t cpus, uint32_t types)
{
	char error[256] = "";

	writer_open(&bench->writer, cpus, SLOTS);
	clock_now = 0;
	if (rings_open(bench->writer.map, bench->writer.size, types, &bench->rings, error,
		       sizeof(error))) {
		diag("%s", error);
		abort();
	}
	rings_set_clock(bench->rings, now);
}

static void end(struct bench *bench)
{
	rings_close(bench->rings);
	writer_close(&bench->writer);
}

/* All records returned until the clock's time, as text: "0:1@10 " is position 1 of CPU 0, time 10. */
static const char *drained(struct bench *bench, uint64_t time)
{
	static char text[4096];
	const struct tcptrace_record *record;
	size_t length = 0;
	int outcome;

	clock_now = time;
	text[0] = '\0';
	while ((outcome = rings_next(bench->rings, &record)) == SOURCE_RECORD) {
		if (record->type == TCPTRACE_T_LOST)
			length += sprintf(text + length, "lost(%llu,%llu) ", record->u.lost.overwritten,
					  record->u.lost.nested);
		else
			length += sprintf(text + length, "%u:%llu@%llu%s ", record->cpu, record->cookie,
					  record->time, writer_whole(record) ? "" : "TORN");
	}
	if (outcome != SOURCE_IDLE)
		sprintf(text + length, "outcome %d", outcome);
	return text;
}

static struct tcptrace_lost losses(struct bench *bench)
{
	struct tcptrace_lost lost = { 0 };

	rings_losses(bench->rings, &lost);
	return lost;
}

/* ---- opening ---- */

static void refused(const char *what, size_t offset, uint64_t value, size_t size, int wanted,
		    const char *text)
{
	struct writer writer;
	struct rings *rings = NULL;
	char error[256] = "";

	writer_open(&writer, 2, SLOTS);
	memcpy((char *)writer.map + offset, &value, size);
	is_int(rings_open(writer.map, writer.size, LIFE, &rings, error, sizeof(error)), wanted,
	       "%s is refused", what);
	ok(strstr(error, text), "and the reason is said: %s", error);
	writer_close(&writer);
}

#define REFUSED(field, value, wanted, text) \
	refused(#field " " #value, offsetof(struct tcptrace_map, field), value, \
		sizeof(((struct tcptrace_map *)0)->field), wanted, text)

static void opening(void)
{
	struct bench bench;

	REFUSED(magic, 1, -EPROTO, "magic");
	REFUSED(abi, TCPTRACE_ABI + 1, -EPROTONOSUPPORT,
		"module uses ABI 2, this tcptrace-ctl uses 1: install matching versions");
	REFUSED(record_size, 128, -EPROTO, "wrong record size");
	REFUSED(slots, 0, -EPROTO, "power of two");
	REFUSED(slots, 12, -EPROTO, "power of two");
	REFUSED(slots, 1u << 31, -EPROTO, "do not fit");
	REFUSED(cpus, 0, -EPROTO, "CPUs");
	REFUSED(cpus, 3, -EPROTO, "do not fit");
	REFUSED(cpus, UINT32_MAX, -EPROTO, "CPUs");
	REFUSED(rings, UINT64_MAX - 7, -EPROTO, "do not fit");
	REFUSED(rings, 4, -EPROTO, "do not fit");
	REFUSED(stride, 0, -EPROTO, "do not fit");
	REFUSED(stride, UINT64_MAX - 7, -EPROTO, "do not fit");
	REFUSED(records, 0, -EPROTO, "do not fit");
	REFUSED(records, UINT64_MAX - 7, -EPROTO, "do not fit");
	REFUSED(size, 1u << 20, -EPROTO, "do not fit");

	writer_open(&bench.writer, 1, SLOTS);
	writer_put(&bench.writer, 0, 5, TCPTRACE_T_STATE);
	is_int(rings_open(bench.writer.map, bench.writer.size, LIFE, &bench.rings, NULL, 0), 0,
	       "a ring that was written to is opened");
	rings_set_clock(bench.rings, now);
	writer_put(&bench.writer, 0, 6, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:2@6 ", "what was there before is not handed out");
	end(&bench);
}

/* ---- order ---- */

static void order(void)
{
	struct bench bench;

	begin(&bench, 2, LIFE);
	is_str(drained(&bench, 1), "", "nothing there");
	ok(!rings_stalled(bench.rings), "and nothing to wait for");
	writer_put(&bench.writer, 0, 10, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 1, 11, TCPTRACE_T_CONNECT);
	writer_put(&bench.writer, 1, 12, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 0, 13, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 1, 14, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:1@10 1:1@11 1:2@12 0:2@13 1:3@14 ", "two CPUs in order of time");

	writer_put(&bench.writer, 0, 150, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 1, 90, TCPTRACE_T_STATE);
	is_str(drained(&bench, 150), "1:4@90 ", "a record of the present stays");
	ok(rings_stalled(bench.rings), "and is worth a look soon");
	is_str(drained(&bench, 151), "0:3@150 ", "until the present is past");
	is_int(losses(&bench).events, 7, "all are counted");
	end(&bench);
}

static void stalled(void)
{
	struct bench bench;
	uint64_t position;

	begin(&bench, 2, LIFE);
	writer_put(&bench.writer, 0, 10, TCPTRACE_T_STATE);
	position = writer_reserve(&bench.writer, 0);
	writer_fill(&bench.writer, 0, position, 20, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 1, 5, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 1, 30, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "", "a writer within its slot holds up all that may be younger");
	ok(rings_stalled(bench.rings), "which poll() would not tell");
	ok(rings_complete_until(bench.rings) <= 5, "nor is anything complete");
	is_str(drained(&bench, 101), "", "and again");
	writer_put(&bench.writer, 0, 40, TCPTRACE_T_STATE);
	writer_publish(&bench.writer, 0, position);
	is_str(drained(&bench, 102), "1:1@5 0:1@10 0:2@20 1:2@30 0:3@40 ", "then all comes in order");
	ok(!rings_stalled(bench.rings), "and nothing is left");
	is_int(rings_complete_until(bench.rings), 102, "complete until then");

	/* Read up to a time before: what is older than that may go on. */
	writer_put(&bench.writer, 1, 200, TCPTRACE_T_STATE);
	is_str(drained(&bench, 200), "", "of the present");
	position = writer_reserve(&bench.writer, 0);
	is_str(drained(&bench, 300), "", "the writer may have taken any time since 200");
	writer_fill(&bench.writer, 0, position, 200, TCPTRACE_T_STATE);
	writer_publish(&bench.writer, 0, position);
	is_str(drained(&bench, 301), "0:4@200 1:3@200 ", "and it has");
	end(&bench);
}

/* Reserved and not taken yet, in the first round: the slot is as initialised. */
static void unused(void)
{
	unsigned int wrong = 0;
	struct bench bench;
	uint64_t i;

	begin(&bench, 1, LIFE);
	for (i = 1; i <= SLOTS; i++) {
		writer_ring(&bench.writer, 0)->reserved++;
		wrong += *drained(&bench, 10 * i) || !rings_stalled(bench.rings);
		writer_fill(&bench.writer, 0, i, 10 * i, TCPTRACE_T_STATE);
		writer_slot(&bench.writer, 0, i)->position = i;
		wrong += !*drained(&bench, 10 * i + 1);
	}
	is_int(wrong, 0, "no slot that was never used is taken for a record, or a hole");
	is_int(losses(&bench).events, SLOTS, "all of the first round");
	end(&bench);
}

static void nested(void)
{
	struct bench bench;
	uint64_t outer, middle;

	begin(&bench, 1, LIFE);
	writer_put(&bench.writer, 0, 5, TCPTRACE_T_STATE);
	outer = writer_reserve(&bench.writer, 0);
	middle = writer_reserve(&bench.writer, 0);
	writer_put(&bench.writer, 0, 10, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 0, 11, TCPTRACE_T_STATE);
	writer_fill(&bench.writer, 0, middle, 12, TCPTRACE_T_STATE);
	writer_publish(&bench.writer, 0, middle);
	writer_fill(&bench.writer, 0, outer, 13, TCPTRACE_T_STATE);
	is_str(drained(&bench, 50), "", "interrupted before it took the time");
	writer_publish(&bench.writer, 0, outer);
	writer_put(&bench.writer, 0, 14, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:1@5 0:4@10 0:5@11 0:3@12 0:2@13 0:6@14 ",
	       "what nested in a handler is older than it");
	end(&bench);
}

/* ---- losses ---- */

static void holes(void)
{
	struct bench bench;
	uint64_t outer;
	int i;

	begin(&bench, 1, LIFE);
	writer_put(&bench.writer, 0, 1, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:1@1 ", "one");
	outer = writer_reserve(&bench.writer, 0);
	for (i = 0; i < SLOTS - 1; i++)
		writer_put(&bench.writer, 0, 110 + i, TCPTRACE_T_STATE);
	is_int(writer_put(&bench.writer, 0, 120, TCPTRACE_T_STATE), 0, "once round: a hole");
	writer_put(&bench.writer, 0, 121, TCPTRACE_T_STATE);
	writer_fill(&bench.writer, 0, outer, 130, TCPTRACE_T_STATE);
	writer_publish(&bench.writer, 0, outer);
	is_str(drained(&bench, 200),
	       "lost(2,0) 0:4@111 0:5@112 0:6@113 0:7@114 0:8@115 0:9@116 lost(0,1) 0:11@121 ",
	       "the interrupted record and the one after it were overwritten, the hole is nested");
	is_int(losses(&bench).nested, 1, "nested in all");
	is_int(losses(&bench).overwritten, 2, "overwritten in all");
	is_int(losses(&bench).events, 8, "events in all");
	end(&bench);
}

static void hole_at_end(void)
{
	struct bench bench;
	int i;

	begin(&bench, 2, LIFE);
	for (i = 0; i < SLOTS; i++)
		writer_put(&bench.writer, 0, 10 + i, TCPTRACE_T_STATE);
	drained(&bench, 50);
	/* Without reserving: only what the reader sees matters. */
	writer_slot(&bench.writer, 0, SLOTS + 1)->position = (SLOTS + 1) | TCPTRACE_HOLE;
	writer_ring(&bench.writer, 0)->reserved++;
	writer_put(&bench.writer, 1, 60, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "1:1@60 lost(0,1) ", "a loss with nothing behind it is told at once");
	is_str(drained(&bench, 101), "", "and once");
	end(&bench);
}

/* A CPU that came online without memory for its ring. */
static void no_ring(void)
{
	struct bench bench;
	uint64_t position;
	int i;

	begin(&bench, 2, LIFE);
	writer_put(&bench.writer, 0, 10, TCPTRACE_T_STATE);
	writer_ring(&bench.writer, 1)->lost = 3;
	writer_put(&bench.writer, 0, 20, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:1@10 0:2@20 lost(0,3) ", "what found no ring is lost");
	is_str(drained(&bench, 101), "", "and told once");
	/* It gets a ring later, and its loss is reported after a writer in the middle of its slot. */
	writer_ring(&bench.writer, 1)->lost = 4;
	for (i = 0; i < SLOTS - 1; i++)
		writer_put(&bench.writer, 1, 110 + i, TCPTRACE_T_STATE);
	position = writer_reserve(&bench.writer, 1);
	writer_fill(&bench.writer, 1, position, 120, TCPTRACE_T_STATE);
	is_str(drained(&bench, 200), "", "a stalled writer");
	writer_ring(&bench.writer, 1)->lost = 6;
	writer_publish(&bench.writer, 1, position);
	is_str(drained(&bench, 201),
	       "lost(0,1) 1:1@110 1:2@111 1:3@112 1:4@113 1:5@114 1:6@115 1:7@116 lost(0,2) 1:8@120 ",
	       "all that it has, and what it had lost until each");
	is_int(losses(&bench).nested, 6, "in all");
	end(&bench);

	writer_open(&bench.writer, 1, SLOTS);
	writer_ring(&bench.writer, 0)->lost = 7;
	is_int(rings_open(bench.writer.map, bench.writer.size, LIFE, &bench.rings, NULL, 0), 0, "opened after a loss");
	rings_set_clock(bench.rings, now);
	is_str(drained(&bench, 100), "", "which is not this reader's");
	end(&bench);
}

static void overwritten(void)
{
	struct bench bench;
	uint64_t position;
	int i;

	begin(&bench, 1, LIFE);
	for (i = 1; i <= SLOTS; i++)
		writer_put(&bench.writer, 0, i, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100), "0:1@1 0:2@2 0:3@3 0:4@4 0:5@5 0:6@6 0:7@7 0:8@8 ",
	       "a full ring is whole");
	for (i = 9; i <= 9 + SLOTS; i++)
		writer_put(&bench.writer, 0, i, TCPTRACE_T_STATE);
	is_str(drained(&bench, 100),
	       "lost(1,0) 0:10@10 0:11@11 0:12@12 0:13@13 0:14@14 0:15@15 0:16@16 0:17@17 ",
	       "one more than it holds: one is lost");
	for (i = 0; i < 1000 * SLOTS + 3; i++)
		writer_put(&bench.writer, 0, 100 + i, TCPTRACE_T_STATE);
	drained(&bench, 100000);
	is_int(losses(&bench).overwritten, 1 + 999 * SLOTS + 3, "many rounds");
	is_int(losses(&bench).events, 3 * SLOTS, "and the last one read");
	is_int(losses(&bench).events + losses(&bench).overwritten,
	       writer_ring(&bench.writer, 0)->reserved, "read + lost = written");

	/* The oldest slot is being overwritten: it is lost, the others are not. */
	for (i = 0; i < SLOTS; i++)
		writer_put(&bench.writer, 0, 200000 + i, TCPTRACE_T_STATE);
	position = writer_reserve(&bench.writer, 0);
	is_str(drained(&bench, 300000), "", "one is being written");
	is_int(losses(&bench).events, 3 * SLOTS, "a stalled writer, so nothing yet");
	writer_fill(&bench.writer, 0, position, 250000, TCPTRACE_T_STATE);
	writer_publish(&bench.writer, 0, position);
	drained(&bench, 300000);
	is_int(losses(&bench).events, 4 * SLOTS, "then all but the one in whose slot it was");
	is_int(losses(&bench).events + losses(&bench).overwritten,
	       writer_ring(&bench.writer, 0)->reserved, "read + lost = written");
	end(&bench);
}

/* A stalled CPU delays the records of the others; they must neither grow without limit nor get stuck. */
static void bounded(void)
{
	struct bench bench;
	uint64_t position, time = 10, i;
	bool held_back = true;

	begin(&bench, 2, LIFE);
	position = writer_reserve(&bench.writer, 0);
	writer_fill(&bench.writer, 0, position, 5, TCPTRACE_T_STATE);
	for (i = 0; i < 100 * SLOTS; i++) {
		writer_put(&bench.writer, 1, time++, TCPTRACE_T_STATE);
		held_back = held_back && !*drained(&bench, time);
	}
	ok(held_back, "all is held back");
	writer_publish(&bench.writer, 0, position);
	drained(&bench, time + 1);
	is_str(drained(&bench, time + 2), "", "all is out");
	ok(losses(&bench).overwritten > 0, "some had to be given up");
	ok(losses(&bench).events > SLOTS, "not all");
	is_int(losses(&bench).events + losses(&bench).overwritten,
	       writer_ring(&bench.writer, 1)->reserved + 1, "read + lost = written");
	end(&bench);
}

/* ---- types ---- */

static void types(void)
{
	struct bench bench;
	struct tcptrace_record *slot;
	const struct tcptrace_record *record;

	begin(&bench, 1, LIFE);
	writer_put(&bench.writer, 0, 1, TCPTRACE_T_STATE);
	writer_put(&bench.writer, 0, 2, TCPTRACE_T_SEND);
	writer_put(&bench.writer, 0, 3, TCPTRACE_T_LOST + 1);
	writer_put(&bench.writer, 0, 4, 65535);
	writer_put(&bench.writer, 0, 5, TCPTRACE_T_TIMEWAIT);
	writer_put(&bench.writer, 0, 6, 0);
	is_str(drained(&bench, 100), "0:1@1 0:5@5 ", "other readers' levels and unknown types are skipped");
	is_int(losses(&bench).unknown, 3, "unknown ones are counted");
	is_int(losses(&bench).events, 2, "and are no events");

	slot = writer_slot(&bench.writer, 0, writer_reserve(&bench.writer, 0));
	writer_fill(&bench.writer, 0, 7, 101, TCPTRACE_T_STATE);
	slot->new_state = TCPTRACE_STATE_MAX + 1;
	writer_publish(&bench.writer, 0, 7);
	slot = writer_slot(&bench.writer, 0, writer_reserve(&bench.writer, 0));
	writer_fill(&bench.writer, 0, 8, 102, TCPTRACE_T_STATE);
	memset(slot->comm, 'x', sizeof(slot->comm));
	writer_publish(&bench.writer, 0, 8);
	clock_now = 200;
	is_int(rings_next(bench.rings, &record), SOURCE_RECORD, "a record");
	is_int(record->cookie, 8, "one with a state that is none is not handed out");
	is_int(strlen(record->comm), TCPTRACE_COMM_LEN - 1, "a name ends");
	is_int(losses(&bench).unknown, 4, "and is counted");
	end(&bench);

	begin(&bench, 1, level_types(TCPTRACE_L_QUEUE));
	writer_put(&bench.writer, 0, 2, TCPTRACE_T_SEND);
	writer_put(&bench.writer, 0, 3, TCPTRACE_T_SEGMENT);
	is_str(drained(&bench, 100), "0:1@2 ", "level queue");
	end(&bench);
}

/* ---- random steps, compared with plain bookkeeping ---- */

#define CPUS	3
#define DEPTH	4

struct held {
	uint64_t position[DEPTH];
	int depth;
};

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* One step of one CPU: a handler starts within those in progress, or the innermost one ends. */
static void step(struct bench *bench, struct held *held, uint32_t cpu, uint64_t *time)
{
	if (held->depth < DEPTH && any(2)) {
		held->position[held->depth++] = writer_reserve(&bench->writer, cpu);
	} else if (held->depth) {
		uint64_t position = held->position[--held->depth];

		/* A slot with a published hole is not filled here. */
		if (!position || writer_slot(&bench->writer, cpu, position)->position)
			return;
		writer_fill(&bench->writer, cpu, position, (*time)++, TCPTRACE_T_STATE);
		writer_publish(&bench->writer, cpu, position);
	}
}

struct account {
	uint64_t last;		/* time of the last record */
	uint64_t told;		/* losses, from LOST records */
	bool ordered, whole;
};

static void take_all(struct bench *bench, struct account *account, uint64_t time)
{
	const struct tcptrace_record *record;

	clock_now = time;
	while (rings_next(bench->rings, &record) == SOURCE_RECORD) {
		if (record->time < account->last)
			account->ordered = false;
		account->last = record->time;
		if (record->type == TCPTRACE_T_LOST)
			account->told += record->u.lost.overwritten + record->u.lost.nested;
		else if (!writer_whole(record))
			account->whole = false;
	}
}

static void at_random(void)
{
	struct account account = { .ordered = true, .whole = true };
	struct held held[CPUS] = { 0 };
	uint64_t time = 1, written = 0;
	struct tcptrace_lost lost;
	struct bench bench;
	uint32_t cpu;
	int i;

	begin(&bench, CPUS, LIFE);
	for (i = 0; i < 2000000; i++) {
		cpu = any(CPUS);
		step(&bench, &held[cpu], cpu, &time);
		if (!any(12))
			take_all(&bench, &account, time);
	}
	for (cpu = 0; cpu < CPUS; cpu++)
		while (held[cpu].depth)
			step(&bench, &held[cpu], cpu, &time);
	take_all(&bench, &account, time + 1);
	for (cpu = 0; cpu < CPUS; cpu++)
		written += writer_ring(&bench.writer, cpu)->reserved;
	lost = losses(&bench);
	diag("%llu written, %llu read, %llu overwritten, %llu nested", (unsigned long long)written,
	     lost.events, lost.overwritten, lost.nested);
	ok(account.ordered, "in order of time");
	ok(account.whole, "no record is torn");
	ok(lost.events && lost.overwritten && lost.nested, "all of it happened");
	is_int(lost.events + lost.overwritten + lost.nested, written, "read + lost = written");
	is_int(account.told, lost.overwritten + lost.nested, "each loss was told of in the stream");
	end(&bench);
}

int main(void)
{
	opening();
	order();
	stalled();
	unused();
	nested();
	holes();
	hole_at_end();
	no_ring();
	overwritten();
	bounded();
	types();
	at_random();
	return done_testing();
}
