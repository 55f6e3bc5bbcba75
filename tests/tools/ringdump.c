// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the rings and prints each record as a line of text, until SIGTERM or SIGINT. Then it reads the rest, and prints
 * a last line: what was read, what was lost, how often poll(2) woke it.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "clauses.h"
#include "record_text.h"
#include "ring_reader.h"

static struct wish wish;
static bool mine, oldest, once, unfiltered, mapping_only;
static sigset_t ending;

static const struct argp_option options[] = {
	{ "level", 'l', "LEVEL", 0, "off, life (default), queue or segment", 0 },
	{ "clause", 'c', "PARTS", 0, "sport=N[-N],dport=,saddr=PREFIX,daddr=,family=4|6,netns=N (repeatable)", 0 },
	{ "wake-records", 'r', "N", 0, "watermark of poll(2)", 0 },
	{ "wake-ms", 'm', "MS", 0, "longest wait of poll(2)", 0 },
	{ "mine", 'M', NULL, 0, "print only what fits the clauses, not what other readers asked for", 0 },
	{ "oldest", 'o', NULL, 0, "begin with the oldest record in the rings", 0 },
	{ "once", '1', NULL, 0, "print what is there and end", 0 },
	{ "no-filter", 'n', NULL, 0, "ask for nothing, only look", 0 },
	{ "mapping-only", 'p', NULL, 0, "close the file, keep the mapping and do nothing but wait", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 'l':
		wish.filter.level = text_to_level(argument);
		if (wish.filter.level > TCPTRACE_L_SEGMENT)
			argp_error(state, "no level: %s", argument);
		return 0;
	case 'c': wish_add(&wish, argument); return 0;
	case 'r': wish.filter.wake_records = atoi(argument); return 0;
	case 'm': wish.filter.wake_ms = atoi(argument); return 0;
	case 'M': mine = true; return 0;
	case 'o': oldest = true; return 0;
	case '1': once = true; return 0;
	case 'n': unfiltered = true; return 0;
	case 'p': mapping_only = true; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void drain(struct ring_reader *reader)
{
	struct tcptrace_record record;

	ring_bound(reader);
	while (ring_next(reader, &record))
		if (!mine || wish_fits(&wish, &record))
			text_record(stdout, &record);
	fflush(stdout);
}

/* Signals are unblocked only while it waits, so that none is missed. */
static bool wait_for_records(const struct ring_reader *reader)
{
	struct pollfd poll = { .fd = reader->file, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(&poll, 1, NULL, &none) >= 0)
		return true;
	if (errno != EINTR)
		err(1, "poll");
	return false;
}

static void nothing(int signal)
{
	(void)signal;
}

static void hold_mapping(struct ring_reader *reader)
{
	int signal;

	close(reader->file);
	printf("# ready\n");
	fflush(stdout);
	sigwait(&ending, &signal);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse };
	const struct sigaction action = { .sa_handler = nothing };
	unsigned long long wakes = 0, start;
	struct ring_reader reader;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	wish_init(&wish, TCPTRACE_L_LIFE);
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	ring_open(&reader, oldest);
	start = oldest ? 0 : ring_reserved(&reader);
	if (!unfiltered && write(reader.file, &wish, wish_size(&wish)) < 0)
		err(1, "filter");
	if (mapping_only) {
		hold_mapping(&reader);
		return 0;
	}
	printf("# ready\n");
	do {
		drain(&reader);
	} while (!once && wait_for_records(&reader) && ++wakes);
	drain(&reader);
	printf("# read=%llu overwritten=%llu holes=%llu reserved=%llu wakes=%llu\n", reader.read,
	       reader.overwritten, reader.holes, ring_reserved(&reader) - start, wakes);
	return 0;
}
