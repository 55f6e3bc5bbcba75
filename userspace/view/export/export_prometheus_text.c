// SPDX-License-Identifier: GPL-2.0-only
/* Prometheus' text format, version 0.0.4. What was not recorded is left out: a 0 would mean that it did not happen. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/safe_text.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "version.h"
#include "view/export/export_prometheus.h"

#define US	UINT64_C(1000)
#define MS	(1000 * US)
#define S	(1000 * MS)

const uint64_t prometheus_buckets[BUCKETS] = {
	10 * US, 30 * US, 100 * US, 300 * US, 1 * MS, 3 * MS, 10 * MS, 30 * MS, 100 * MS, 300 * MS,
	1 * S, 3 * S, 10 * S, 30 * S, 100 * S, 300 * S, 1000 * S, 3000 * S, 10000 * S,
};

struct family {
	const char *name, *type, *help;
	enum tcptrace_level level;	/* 0: available at every level */
	void (*put)(FILE *file, const struct prometheus *prometheus, const struct family *family);
	size_t what;			/* for put(): offset in struct prometheus; for a listener, enum value_kind */
};

/* ---- values of labels ---- */

#define LABEL	80	/* maximum length of a value before escaping */

/* No byte of a name may make a scraper reject the whole output. */
static void put_label(FILE *file, const char *name, const char *value, size_t size)
{
	char text[SAFE_TEXT_GROWTH * LABEL], *end = put_safe(text, value, size < LABEL ? size : LABEL), *p;

	fprintf(file, "%s=\"", name);
	for (p = text; p < end; p++) {
		if (*p == '\\' || *p == '"')
			putc('\\', file);
		putc(*p, file);
	}
	putc('"', file);
}

/* ---- samples ---- */

static void put_seconds(FILE *file, uint64_t ns)
{
	fprintf(file, "%" PRIu64 ".%09" PRIu64 "\n", ns / S, ns % S);
}

static void put_number(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	const uint64_t *number = (const void *)((const char *)prometheus + family->what);

	fprintf(file, "%s %" PRIu64 "\n", family->name, *number);
}

static void put_histogram(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	const struct histogram *histogram = (const void *)((const char *)prometheus + family->what);
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		count += histogram->counts[i];
		fprintf(file, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", family->name, prometheus_buckets[i] / 1e9, count);
	}
	fprintf(file, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", family->name, histogram->count, family->name);
	put_seconds(file, histogram->sum);
	fprintf(file, "%s_count %" PRIu64 "\n", family->name, histogram->count);
}

static void put_info(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	const struct source *source = prometheus->session->source;

	fprintf(file, "%s{version=\"%s\",source=\"%s\",", family->name, TCPTRACE_VERSION,
		source->name ? source->name : "recording");
	put_label(file, "kernel", source->release, sizeof(source->release));
	fputs("} 1\n", file);
}

static void put_sockets(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	uint8_t state;

	for (state = 1; state <= TCPTRACE_STATE_MAX; state++)
		if (session_wants_state(prometheus->session, state))
			fprintf(file, "%s{state=\"%s\"} %" PRIu64 "\n", family->name, state_name(state),
				prometheus->transitions.now[state]);
}

static void put_transitions(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	unsigned int from, to;

	for (from = 0; from <= TCPTRACE_STATE_MAX; from++)
		for (to = 0; to <= TCPTRACE_STATE_MAX; to++)
			if (prometheus->transitions.taken[from][to])
				fprintf(file, "%s{from=\"%s\",to=\"%s\"} %" PRIu64 "\n", family->name, state_name(from),
					state_name(to), prometheus->transitions.taken[from][to]);
}

static void put_closed(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	enum how how;
	enum side side;

	for (how = 0; how <= HOW_ABORTED; how++)
		for (side = 0; side <= SIDE_BOTH; side++)
			fprintf(file, "%s{how=\"%s\",closed_by=\"%s\"} %" PRIu64 "\n", family->name, verdict_how(how),
				side == SIDE_UNKNOWN ? "unknown" : verdict_side(side), prometheus->closed[how][side]);
}

static void put_retransmits(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	uint8_t op;

	for (op = TCPTRACE_OP_RTO; op <= TCPTRACE_OP_PMTU; op++)
		if (op != TCPTRACE_OP_SPURIOUS)
			fprintf(file, "%s{why=\"%s\"} %" PRIu64 "\n", family->name, op_name(op),
				prometheus->ops[op]);
}

static void put_resets(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	uint8_t op;

	for (op = TCPTRACE_OP_SENT; op <= TCPTRACE_OP_RECEIVED; op++)
		fprintf(file, "%s{direction=\"%s\"} %" PRIu64 "\n", family->name, op_name(op), prometheus->ops[op]);
}

static void put_drops(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	size_t i;

	for (i = 0; i < prometheus->reason_count; i++)
		fprintf(file, "%s{reason=\"%s\"} %" PRIu64 "\n", family->name, prometheus->reasons[i].name,
			prometheus->reasons[i].count);
	fprintf(file, "%s{reason=\"other\"} %" PRIu64 "\n", family->name, prometheus->other_reasons);
}

static void put_lost(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	const struct tcptrace_lost *lost = &prometheus->lost;
	const struct {
		const char *cause;
		uint64_t count;
	} causes[] = {
		{ "overwritten", lost->overwritten },
		{ "nested", lost->nested },
		{ "missed", lost->missed },
		{ "unknown", lost->unknown },
		{ "model_full", model_full(prometheus->session->model) },
	};
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		fprintf(file, "%s{cause=\"%s\"} %" PRIu64 "\n", family->name, causes[i].cause, causes[i].count);
}

/* ---- listeners ---- */

enum value_kind {
	ACCEPT_QUEUE, ACCEPT_QUEUE_MAX, ACCEPT_QUEUE_PEAK, SYN_QUEUE, SYN_QUEUE_PEAK, ACCEPTED, OVERFLOWS, DROPS, LONGEST
};

/* UNKNOWN: none; a closed listener has no current value. */
/* Without a device there is no label, which is the same as an empty one. */
static void put_device_label(FILE *file, const struct zone *zone)
{
	const char *name = device_name(zone);

	if (!zone->ifindex)
		return;
	if (name)
		put_label(file, "device", name, DEVICE_NAME_LEN);
	else
		fprintf(file, "device=\"if%" PRIu32 "\"", zone->ifindex);
	putc(',', file);
}

static uint64_t value_of(const struct listener *listener, enum value_kind kind)
{
	switch (kind) {
	case ACCEPT_QUEUE:	return listener_over(listener) ? UNKNOWN : listener->queue;
	case ACCEPT_QUEUE_MAX:	return listener->queue_max;
	case ACCEPT_QUEUE_PEAK:	return listener->queue_peak;
	case SYN_QUEUE:		return listener_over(listener) ? UNKNOWN : listener->syn;
	case SYN_QUEUE_PEAK:	return listener->syn_peak;
	case ACCEPTED:		return listener->accepted;
	case OVERFLOWS:		return listener->overflows;
	case DROPS:		return listener->drops;
	case LONGEST:		return listener_longest(listener);
	}
	return UNKNOWN;
}

static void put_listener(FILE *file, const struct listener *listener, const struct family *family, uint64_t value)
{
	const struct endpoint *ep = &listener->ep;
	char local[RECORD_ENDPOINT_MAX + 1];

	*record_put_endpoint(local, ep->family, ep->saddr, ep->sport) = '\0';
	fprintf(file, "%s{local=\"%s\",netns=\"%" PRIu32 "\",cookie=\"%" PRIu64 "\",", family->name, local, endpoint_netns(ep),
		ep->cookie);
	put_device_label(file, zone_at(ep->zone));
	put_label(file, "process", process_at(ep->owner)->comm, TCPTRACE_COMM_LEN);
	fputs("} ", file);
	if (family->what == LONGEST)
		put_seconds(file, value);
	else
		fprintf(file, "%" PRIu64 "\n", value);
}

static void put_listeners(FILE *file, const struct prometheus *prometheus, const struct family *family)
{
	size_t i;

	for (i = 0; i < prometheus->listeners.count; i++) {
		const struct listener *listener = prometheus->listeners.all[i];
		uint64_t value = value_of(listener, family->what);

		if (value != UNKNOWN && !(listener_over(listener) && prometheus_repeats(prometheus)) &&
		    session_wants_state(prometheus->session, TCPTRACE_S_LISTEN) &&
		    session_wants(prometheus->session, &listener->ep))
			put_listener(file, listener, family, value);
	}
}

/* ---- all metrics ---- */

#define AT(member)	.what = offsetof(struct prometheus, member)

static const struct family families[] = {
	{ "tcptrace_info", "gauge", "The version of tcptrace-ctl, the source, and the kernel.",
	  .put = put_info },
	{ "tcptrace_sockets", "gauge", "Endpoints in each state now; a connection within this host has two endpoints.",
	  .put = put_sockets },
	{ "tcptrace_transitions_total", "counter", "State changes of endpoints.",
	  .put = put_transitions },
	{ "tcptrace_endpoints_closed_total", "counter",
	  "Endpoints that have ended or are only in TIME_WAIT, by how they were closed and by whom; "
	  "a connection within this host has two endpoints.", .put = put_closed },
	{ "tcptrace_handshake_seconds", "histogram",
	  "Of closed endpoints: time from the SYN to ESTABLISHED, if both were seen.",
	  .put = put_histogram, AT(handshake) },
	{ "tcptrace_connection_duration_seconds", "histogram",
	  "Of closed endpoints: time from the SYN to the end or to TIME_WAIT, if all of it was seen.",
	  .put = put_histogram, AT(duration) },
	{ "tcptrace_accept_wait_seconds", "histogram",
	  "Of closed endpoints: time in the accept queue until accept(), if that was seen.",
	  .put = put_histogram, AT(accept_wait) },
	{ "tcptrace_received_bytes_total", "counter", "Data received in sequence by closed endpoints.",
	  .put = put_number, AT(received) },
	{ "tcptrace_sent_bytes_total", "counter", "Data of closed endpoints that the peer has acknowledged.",
	  .put = put_number, AT(sent) },
	{ "tcptrace_retransmits_total", "counter", "Retransmitted segments.", TCPTRACE_L_QUEUE, .put = put_retransmits },
	{ "tcptrace_resets_total", "counter",
	  "RSTs: sent for a connection, sent in reply to an unacceptable segment, received and acceptable.",
	  .put = put_resets },
	{ "tcptrace_dropped_segments_total", "counter",
	  "Segments that this kernel dropped, by its reason; other: without a name, or beyond the number of reasons listed.",
	  TCPTRACE_L_SEGMENT, .put = put_drops },
	{ "tcptrace_listener_accept_queue", "gauge", "Connections waiting for accept().",
	  .put = put_listeners, .what = ACCEPT_QUEUE },
	{ "tcptrace_listener_accept_queue_max", "gauge", "The backlog of listen(), as the kernel clamped it.",
	  .put = put_listeners, .what = ACCEPT_QUEUE_MAX },
	{ "tcptrace_listener_accept_queue_peak", "gauge", "The largest number of connections seen waiting for accept().",
	  .put = put_listeners, .what = ACCEPT_QUEUE_PEAK },
	{ "tcptrace_listener_syn_queue", "gauge", "Connections with a handshake in progress.",
	  .put = put_listeners, .what = SYN_QUEUE },
	{ "tcptrace_listener_syn_queue_peak", "gauge", "The largest number of connections seen with a handshake in progress.",
	  .put = put_listeners, .what = SYN_QUEUE_PEAK },
	{ "tcptrace_listener_accepted_total", "counter", "Connections returned by accept().",
	  .put = put_listeners, .what = ACCEPTED },
	{ "tcptrace_listener_overflows_total", "counter", "SYNs and ACKs dropped because the accept queue was full.",
	  TCPTRACE_L_QUEUE, .put = put_listeners, .what = OVERFLOWS },
	{ "tcptrace_listener_drops_total", "counter", "SYNs dropped for another reason: the SYN queue was full.",
	  TCPTRACE_L_QUEUE, .put = put_listeners, .what = DROPS },
	{ "tcptrace_listener_longest_wait_seconds", "gauge",
	  "The longest time that a connection was seen waiting for accept(), including one that still waits.",
	  .put = put_listeners, .what = LONGEST },
	{ "tcptrace_records_total", "counter", "Events read.", .put = put_number, AT(records) },
	{ "tcptrace_records_lost_total", "counter",
	  "Events lost: if these grow, other metrics are too low; model_full: of endpoints beyond --max-endpoints.",
	  .put = put_lost },
};

int prometheus_text(struct prometheus *prometheus, uint64_t time, char **text, size_t *size)
{
	FILE *file = open_memstream(text, size);
	int failed;
	size_t i;

	if (!file)
		return -ENOMEM;
	transitions_now(&prometheus->transitions, prometheus->session->model);
	listeners_look(&prometheus->listeners, prometheus->session->model, time);
	source_losses(prometheus->session->source, &prometheus->lost);
	prometheus->records = prometheus->lost.events;
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *family = &families[i];

		/* Metrics with a level are about losses. */
		if (family->level && !source_tells_losses(prometheus->session->source, family->level))
			continue;
		fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, family->type);
		family->put(file, prometheus, family);
	}
	failed = ferror(file);
	return fclose(file) || failed ? -ENOMEM : 0;
}
