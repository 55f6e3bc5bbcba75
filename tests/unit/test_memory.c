// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that an endpoint takes, all of it: the maximum of the process while it added ENDPOINTS of them, minus its
 * size before, for each. Each case has a process of its own, because that maximum never decreases.
 *
 *	test_memory		each case against the promised limit
 *	test_memory FIGURES	without TAP, for tests/bench: "is memory.CASE BYTES"
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/model.h"
#include "model/queue_stats.h"
#include "session/bootstrap.h"
#include "stream.h"
#include "test.h"

#define ENDPOINTS		400000u
#define PROMISED	256	/* bytes */

static struct stream stream;
static struct model *model;
static unsigned int processes = 1000;	/* that they belong to */

static double status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	size_t length = strlen(name);
	unsigned long kilobytes = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':')
			kilobytes = strtoul(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return kilobytes * 1024.0;
}

/* ---- connections, two endpoints each, with a tuple of their own ---- */

static void begin_connection(unsigned int number)
{
	stream_begin(&stream);
	stream.client.cookie = 1000 + 2 * number;
	stream.server.cookie = 1001 + 2 * number;
	stream.client.sport = stream.server.dport = 1024 + number % 60000;
	stream.client.pid = 1000 + 2 * number % processes;
	stream.server.pid = 1000 + (2 * number + 1) % processes;
}

static void feed(unsigned int number)
{
	struct step step;
	unsigned int i;

	for (i = 0; i < stream.count; i++) {
		struct tcptrace_record *record = &stream.records[i];

		record->saddr[13] = record->daddr[13] = number / 60000;
		model_settle(model, UINT64_MAX);
		model_apply(model, record, NULL, &step);
	}
}

static void half_open(unsigned int number)
{
	begin_connection(number);
	connects(&stream, &stream.client);
	syn_arrives(&stream);
	feed(number);
}

static void established(unsigned int number)
{
	begin_connection(number);
	handshake(&stream);
	feed(number);
}

/* The first one in TIME_WAIT, the other one not closed yet. */
static void closing(unsigned int number)
{
	begin_connection(number);
	handshake(&stream);
	sends_fin(&stream, &stream.client, TCPTRACE_OP_CLOSE);
	fin_arrives(&stream, &stream.server, TCPTRACE_S_CLOSE_WAIT);
	fin_is_acked(&stream, &stream.client, TCPTRACE_S_FIN_WAIT2);
	timewait(&stream, &stream.client, TCPTRACE_OP_BEGIN, TCPTRACE_S_FIN_WAIT2, TCPTRACE_S_TIME_WAIT, 60000);
	feed(number);
}

static void of_any_kind(unsigned int number)
{
	static void (*const kinds[])(unsigned int number) = { half_open, established, closing };

	kinds[number % 3](number);
}

/* Both sides requested and responded, were blocked in read(), were limited by the window, and leave unread data. */
static void used(unsigned int number, unsigned int arrivals)
{
	begin_connection(number);
	handshake(&stream);
	by_task(queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0), &stream.server);
	sends(&stream, &stream.client, 100);
	by_task(queue(&stream, &stream.client, TCPTRACE_T_RECV, TCPTRACE_OP_WAIT, 0), &stream.client);
	sends(&stream, &stream.server, 100);
	stream.client.write_seq += 100;
	by_task(queue(&stream, &stream.client, TCPTRACE_T_SEND, TCPTRACE_OP_WRITTEN, 0), &stream.client);
	while (arrivals--) {
		stream.server.rcv_nxt += 10;
		queue(&stream, &stream.server, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
		stream.client.rcv_nxt += 10;
		queue(&stream, &stream.client, TCPTRACE_T_RECV, TCPTRACE_OP_QUEUED, 0);
	}
	feed(number);
}

static void of_level_queue(unsigned int number)
{
	used(number, 1);
}

static void never_read(unsigned int number)
{
	used(number, 4 * QUEUE_STATS_ARRIVALS);
}

/* ---- the cases ---- */

static void follow(void (*connection)(unsigned int number))
{
	unsigned int number;

	for (number = 0; number < ENDPOINTS / 2; number++)
		connection(number);
}

static void life(void)
{
	follow(of_any_kind);
}

/* As if each connection had a process of its own on either side. */
static void life_of_many(void)
{
	processes = ENDPOINTS;
	follow(of_any_kind);
}

static void level_queue(void)
{
	follow(of_level_queue);
}

static void unread(void)
{
	follow(never_read);
}

/* Existing endpoints, and what the bootstrap needs in addition. */
static void existing(void)
{
	struct bootstrap *bootstrap = bootstrap_new(model, SECOND);
	unsigned int number;

	for (number = 0; number < ENDPOINTS / 2; number++) {
		begin_connection(number);
		handshake(&stream);
		stream.count = 0;
		snapshot(&stream, &stream.client, TCPTRACE_K_FULL);
		snapshot(&stream, &stream.server, TCPTRACE_K_FULL);
		stream.records[0].saddr[13] = stream.records[0].daddr[13] = number / 60000;
		stream.records[1].saddr[13] = stream.records[1].daddr[13] = number / 60000;
		bootstrap_snapshot(&stream.records[0], bootstrap);
		bootstrap_snapshot(&stream.records[1], bootstrap);
	}
	bootstrap_finish(bootstrap);
	bootstrap_free(bootstrap);
}

static const struct {
	const char *name;
	void (*run)(void);
	unsigned int promised;
	const char *text;
} cases[] = {
	{ "life", life, PROMISED, "full, request and timewait sockets at level life" },
	{ "alone", life_of_many, PROMISED, "and where no two of them belong to the same process" },
	{ "queue", level_queue, PROMISED, "with all counters of level queue" },
	{ "unread", unread, PROMISED + 100, "and where nobody reads while more and more comes" },
	{ "existing", existing, PROMISED, "that existed before, bootstrap included" },
};

#define CASES	(sizeof(cases) / sizeof(cases[0]))

struct usage {
	uint32_t endpoints;
	double bytes;	/* for each */
};

static void measure(void (*run)(void), struct usage *usage)
{
	static const struct model_options options;
	double before = status("VmRSS");

	model = model_new(&options);
	if (!model)
		abort();
	run();
	usage->endpoints = model_endpoint_count(model);
	usage->bytes = (status("VmHWM") - before) / ENDPOINTS;
}

/* In a process of its own. */
static bool usage_of(void (*run)(void), struct usage *usage)
{
	int result = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		measure(run, usage);
		_exit(0);
	}
	return child > 0 && waitpid(child, &result, 0) == child && !result;
}

int main(int argc, char **argv)
{
	struct usage *usage = mmap(NULL, sizeof(*usage), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	(void)argv;
	if (usage == MAP_FAILED)
		abort();
	for (i = 0; i < CASES; i++) {
		bool well = usage_of(cases[i].run, usage);

		if (argc > 1) {
			printf("is memory.%s %.1f\n", cases[i].name, usage->bytes);
			continue;
		}
		ok(well, "%s", cases[i].text);
		is_int(usage->endpoints, ENDPOINTS, "all of them are there");
#ifdef __SANITIZE_ADDRESS__
		skip("a sanitizer takes memory of its own");
#else
		ok(usage->bytes > sizeof(struct endpoint), "an endpoint takes more than its struct: this measures");
		ok(usage->bytes < cases[i].promised, "less than %u bytes each: %.1f", cases[i].promised,
		   usage->bytes);
#endif
	}
	return argc > 1 ? 0 : done_testing();
}
