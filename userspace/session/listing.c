// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "base/signals.h"
#include "host/netns.h"
#include "record/record.h"
#include "session/conclude.h"
#include "session/listing.h"
#include "session/stop.h"
#include "session/subject.h"

int listing_parse(struct listing *listing, int count, char *const words[], int family)
{
	char error[256];
	int status = filter_parse(count, words, family, &listing->filter, error, sizeof(error));

	if (status) {
		warnx("%s", error);
		return status;
	}
	if (filter_asks_process(listing->filter)) {
		warnx(FILTER_NO_PROCESS);
		return EXIT_USAGE;
	}
	if (listing->options->family)
		filter_set_family(listing->filter, listing->options->family);
	listing->states = filter_states(listing->filter);
	listing->everything = filter_is_empty(listing->filter) && !listing->options->family;
	return 0;
}

static bool is_here(const char *name)
{
	return if_nametoindex(name);
}

/* As in ss, a device that is not in the listed namespace is a mistake. */
static int refuse_missing(const struct listing *listing)
{
	const char *missing = filter_missing_device(listing->filter, is_here);

	if (missing)
		warnx("\"%s\": " FILTER_NO_DEVICE, safe_string(missing));
	return missing ? -1 : 0;
}

int listing_begin(struct listing *listing, const char *netns)
{
	int error;

	signals_catch();
	out_init(&listing->out, STDOUT_FILENO);
	if (!source_is_live(listing->options->source)) {
		if (netns)
			warnx("-N %s: a recording has the sockets of all namespaces", safe_string(netns));
		return netns ? -1 : 0;
	}
	error = netns ? netns_enter(netns) : 0;
	if (error)
		warnx("-N %s: %s", safe_string(netns), strerror(-error));
	listing->netns = netns_own();
	return error ? -1 : refuse_missing(listing);
}

int listing_open(struct listing *listing, enum tcptrace_level level)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct source_request request = { .level = level, .clauses = clauses };
	char error[256];
	int result;

	request.clause_count = filter_clauses(listing->filter, clauses, TCPTRACE_CLAUSES_MAX);
	result = source_open(listing->options->source, &request, &listing->source, error, sizeof(error));
	if (result)
		warnx("%s", error);
	return result;
}

/* The filter is evaluated only if the cheaper tests do not decide. */
static inline bool has_place(const struct listing *listing, uint8_t state, uint32_t netns)
{
	return listing->states & 1u << state && (!listing->netns || netns == listing->netns);
}

static bool fits(const struct listing *listing, const struct tcptrace_record *record)
{
	const struct filter_subject subject = subject_of_record(record);

	return filter_match(listing->filter, &subject);
}

bool listing_shows(struct listing *listing, const struct tcptrace_record *record)
{
	if (record->time > listing->last)
		listing->last = record->time;
	return has_place(listing, record->new_state, record->netns) && (listing->everything || fits(listing, record));
}

bool listing_shows_endpoint(const struct listing *listing, const struct endpoint *ep)
{
	const struct filter_subject subject = subject_of_endpoint(ep);

	return has_place(listing, ep->state, endpoint_netns(ep)) && filter_match(listing->filter, &subject);
}

bool listing_over(const struct listing *listing)
{
	return listing->out.error || signals_stop();
}

static int say(struct listing *listing, int error)
{
	struct summary summary = {
		.source = listing->source->name,
		.time = listing->source->live ? clock_now() : listing->last,
	};

	source_losses(listing->source, &summary.lost);
	if (listing->options->json)
		listing->summary(&listing->out, &summary, true);
	return conclude(listing->source, &listing->out, error,
			listing->options->fail_on_loss && record_lost(&summary.lost));
}

int listing_close(struct listing *listing, int error)
{
	int status = listing->source ? say(listing, error) : exit_status_of(error);

	source_close(listing->source);
	filter_free(listing->filter);
	return status;
}
