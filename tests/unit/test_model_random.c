// SPDX-License-Identifier: GPL-2.0-only
/* The model and its views on records that no kernel would make, but that a file may contain: nothing may break. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_source.h"
#include "model/model.h"
#include "session/bootstrap.h"
#include "test.h"
#include "view/json/json.h"
#include "view/text/timeline.h"

#define RECORDS	200000
#define ENDPOINTS	50

static uint64_t state = 88172645463325252ull;

/* The same numbers in each run. */
static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % below;
}

/* Within what readers accept, see record_check.h; few sockets and few ports, so that they collide. */
static struct tcptrace_record random_record(uint64_t time)
{
	static const uint8_t ops[] = { 0, 1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 33, 34, 40, 41,
				       42, 43, 99, 255 };
	struct tcptrace_record record;
	uint8_t *bytes = (uint8_t *)&record;
	unsigned int i;

	for (i = 0; i < sizeof(record); i++)
		bytes[i] = any(4) ? 0 : any(256);
	record.time = time;
	record.cookie = any(80);
	record.stamp = any(2) * time;
	memset(record.saddr, 0, sizeof(record.saddr));
	memset(record.daddr, 0, sizeof(record.daddr));
	record.saddr[15] = any(2);
	record.daddr[15] = any(2);
	record.sport = any(3);
	record.dport = any(3);
	record.netns = any(2);
	record.type = 1 + any(TCPTRACE_T_LOST);
	record.op = ops[any(sizeof(ops))];
	record.kind = any(4);
	record.family = any(2) ? AF_INET : AF_INET6;
	record.old_state = any(TCPTRACE_STATE_MAX + 1);
	record.new_state = any(TCPTRACE_STATE_MAX + 1);
	record.comm[TCPTRACE_COMM_LEN - 1] = '\0';
	return record;
}

static struct timeline timeline;
static struct out out;
static struct model *model;
static unsigned int steps, verdicts, broken;

static void show_verdict(const struct endpoint *ep)
{
	verdicts++;
	timeline_verdict(&timeline, ep, model_peer(model, ep));
	json_verdict(&out, ep, model_peer(model, ep));
}

static void show(const struct step *step)
{
	const struct endpoint *ep = step->ep;

	steps++;
	timeline_step(&timeline, step);
	if (!any(8))
		json_step(&out, step, any(2));
	if (ep && step->peer && model_peer(model, ep) == step->peer)
		broken += model_peer(model, step->peer) != ep;
	if (step->verdict)
		show_verdict(ep);
}

static void bootstrap_some(uint64_t *time)
{
	struct bootstrap *bootstrap = bootstrap_new(model, *time + 20);
	struct tcptrace_record events[100];
	const struct tcptrace_record *event;
	struct fake_source fake;
	const struct endpoint *ep;
	struct step step;
	unsigned int i, count = any(100);

	for (i = 0; i < count; i++) {
		struct tcptrace_record record = random_record(++*time + any(100));

		record.type = TCPTRACE_T_SNAPSHOT;
		bootstrap_snapshot(&record, bootstrap);
	}
	*time -= any(30);
	for (i = 0; i < 100; i++)
		events[i] = random_record(++*time);
	fake_begin(&fake, events, 100, SOURCE_IDLE);
	broken += bootstrap_collect(bootstrap, &fake.source) != 0 || bootstrap_finish(bootstrap) != 0;
	while ((ep = bootstrap_next(bootstrap))) {
		timeline_socket(&timeline, ep);
		json_socket(&out, ep, *time);
	}
	while ((event = bootstrap_replay(bootstrap)))
		if (model_apply(model, event, NULL, &step) == MODEL_STEP)
			show(&step);
	bootstrap_free(bootstrap);
}

int main(void)
{
	const struct model_options options = { .max_endpoints = ENDPOINTS };
	const struct term term = { .terminal = true, .colour = true, .width = 100 };
	unsigned int i, over = 0;
	uint64_t time = 1000;

	model = model_new(&options);
	out_init(&out, open("/dev/null", O_WRONLY));
	timeline_init(&timeline, &out, &term, 1700000000000000000, false);
	for (i = 0; i < RECORDS; i++) {
		struct tcptrace_record record;
		const struct endpoint *ep;
		struct step step;

		if (!(i % 10000))
			bootstrap_some(&time);
		time += any(MODEL_SETTLE_NS);
		record = random_record(time);
		while ((ep = model_settle(model, time - MODEL_SETTLE_NS)))
			show_verdict(ep);
		if (model_apply(model, &record, NULL, &step) == MODEL_STEP)
			show(&step);
		over += model_endpoint_count(model) > ENDPOINTS;
	}
	while (model_settle(model, UINT64_MAX))
		;
	ok(steps > RECORDS / 4, "%u steps", steps);
	ok(verdicts > 1000, "%u verdicts", verdicts);
	is_int(broken, 0, "who is the other endpoint's other endpoint");
	is_int(over, 0, "no more endpoints than may be");
	ok(model_full(model) > 0, "what did not fit was counted: %llu",
	   (unsigned long long)model_full(model));
	is_int(out.error, 0, "all was printed");
	model_free(model);
	return done_testing();
}
