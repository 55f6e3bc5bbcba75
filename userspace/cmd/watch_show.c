// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"
#include "watch.h"

/* Of a tuple, whatever its state: an end that changes its state is not to be lost. */
bool watch_wanted(const struct tcptrace_record *record, void *arg)
{
	const struct watch *watch = arg;
	const struct filter_subject subject = {
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.state = watch->any_state,
		.kind = TCPTRACE_K_FULL,
		.ifindex = record->ifindex,
	};

	return filter_match(watch->filter, &subject);
}

bool watch_shows_state(const struct watch *watch, uint8_t state)
{
	return watch->states & 1u << state;
}

void watch_show_socket(struct watch *watch, const struct end *end, uint64_t time)
{
	if (!watch_shows_state(watch, end->state))
		return;
	if (watch->arguments->options.json)
		json_socket(&watch->out, end, time);
	else
		timeline_socket(&watch->timeline, end);
}

void watch_show_verdict(struct watch *watch, const struct end *end)
{
	if (!watch_shows_state(watch, end->state))
		return;
	if (watch->arguments->options.json)
		json_verdict(&watch->out, end);
	else
		timeline_verdict(&watch->timeline, end);
}

void watch_show_headers(struct watch *watch, bool sockets)
{
	const struct options *options = &watch->arguments->options;

	if (options->json || options->no_header || options->quiet)
		return;
	if (sockets)
		timeline_socket_header(&watch->timeline);
	else
		timeline_header(&watch->timeline);
}

