// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "record/record.h"
#include "view/export/export_prometheus.h"
#include "view/print_summary.h"

/* ---- the file ---- */

/* Opens a new file in the same folder; *temporary is its name, to be freed. Returns -1 and errno as open(2) does. */
static int open_beside(const char *name, char **temporary)
{
	int fd;

	if (asprintf(temporary, "%s.XXXXXX", name) < 0)
		return -1;
	fd = mkstemp(*temporary);
	if (fd < 0)
		free(*temporary);
	return fd;
}

/* Replaces the file atomically: readers see the old or the new one. Returns 0 or -errno. */
static int replace(const char *name, const char *text, size_t size)
{
	static struct out out;
	char *temporary;
	int fd = open_beside(name, &temporary), error;

	if (fd < 0)
		return -errno;
	out_init(&out, fd);
	out_write(&out, text, size);
	error = out_flush(&out);
	if (!error && fchmod(fd, 0644))
		error = -errno;
	if (close(fd) && !error)
		error = -errno;
	if (!error && rename(temporary, name))
		error = -errno;
	if (error)
		unlink(temporary);
	free(temporary);
	return error;
}

static void tell(struct prometheus *prometheus, uint64_t time)
{
	const char *name = prometheus->export.arguments->textfile;
	struct session *session = prometheus->session;
	char *text = NULL;
	size_t size;
	int error = prometheus_text(prometheus, time, &text, &size);

	if (!error && !name) {
		out_write(&session->out, text, size);
	} else if (!error) {
		error = replace(name, text, size);
		if (error) {
			errno = -error;
			warn("%s", safe_string(name));
			session->stop_requested = true;
		}
	}
	if (error)
		prometheus->export.error = error;
	free(text);
}

/* ---- the view ---- */

/* Write errors are reported now, not at the end of a long recording. */
static int begin(void *arg, struct session *session)
{
	struct prometheus *prometheus = arg;
	const char *name = prometheus->export.arguments->textfile;
	struct stat is;
	char *temporary;
	int fd;

	prometheus->session = session;
	if (!name)
		return 0;
	/* rename(2) would replace /dev/stdout for everybody. */
	if (!lstat(name, &is) && !S_ISREG(is.st_mode)) {
		warnx("%s: not a regular file", safe_string(name));
		return EXIT_FAILURE;
	}
	fd = open_beside(name, &temporary);
	if (fd < 0) {
		warn("%s", safe_string(name));
		return EXIT_FAILURE;
	}
	close(fd);
	unlink(temporary);
	free(temporary);
	return 0;
}

static void on_snapshot(void *arg, const struct tcptrace_record *record)
{
	struct prometheus *prometheus = arg;

	listeners_snapshot(&prometheus->listeners, record);
}

static void on_socket(void *arg, const struct endpoint *ep)
{
	struct prometheus *prometheus = arg;

	listeners_owner(&prometheus->listeners, ep);
}

static void count_drop(struct prometheus *prometheus, const struct tcptrace_drop *drop)
{
	unsigned int length = record_drop_name(drop);
	struct reason *reason = prometheus->reasons, *end = reason + prometheus->reason_count;

	while (reason < end && (reason->name[length] || memcmp(reason->name, drop->name, length)))
		reason++;
	if (!length || reason == prometheus->reasons + REASONS) {
		prometheus->other_reasons++;
		return;
	}
	if (reason == end) {
		memcpy(reason->name, drop->name, length);
		prometheus->reason_count++;
	}
	reason->count++;
}

static void on_step(void *arg, const struct step *step)
{
	struct prometheus *prometheus = arg;
	const struct tcptrace_record *record = step->record;

	listeners_step(&prometheus->listeners, step);
	if (!session_wants_state(prometheus->session, step->new_state) &&
	    !session_wants_state(prometheus->session, step->old_state))
		return;
	transitions_step(&prometheus->transitions, step);
	if (record->type == TCPTRACE_T_RESET)
		prometheus->ops[record->op]++;
	else if (record->type == TCPTRACE_T_RETRANSMIT)
		prometheus->ops[record->op] += record->u.retransmit.segments;
	else if (record->type == TCPTRACE_T_DROP && record->op == TCPTRACE_OP_SEGMENT)
		count_drop(prometheus, &record->u.drop);
}

static void observe(struct histogram *histogram, uint64_t ns)
{
	size_t i = 0;

	if (ns == UNKNOWN)
		return;
	while (i < BUCKETS && ns > prometheus_buckets[i])
		i++;
	if (i < BUCKETS)
		histogram->counts[i]++;
	histogram->count++;
	histogram->sum += ns;
}

static void on_verdict(void *arg, const struct endpoint *ep)
{
	struct prometheus *prometheus = arg;
	struct verdict verdict;

	verdict_of(ep, &verdict);
	prometheus->closed[verdict.how][verdict.closed_by]++;
	observe(&prometheus->handshake, verdict.handshake);
	observe(&prometheus->duration, verdict.duration);
	observe(&prometheus->accept_wait, verdict.accept_wait);
	if (verdict.bytes_in != UNKNOWN)
		prometheus->received += verdict.bytes_in;
	if (verdict.bytes_out != UNKNOWN)
		prometheus->sent += verdict.bytes_out;
}

/* The first output follows after the existing sockets are known. */
static uint64_t tick(void *arg, uint64_t time)
{
	struct prometheus *prometheus = arg;

	if (!prometheus_repeats(prometheus))
		return UINT64_MAX;
	tell(prometheus, time);
	return time + prometheus->export.arguments->interval;
}

static void end(void *arg, uint64_t time)
{
	struct prometheus *prometheus = arg;

	if (prometheus->listeners.full)
		prometheus->export.error = -ENOMEM;
	if (!prometheus->session->stop_requested)
		tell(prometheus, time);
	if (!prometheus_repeats(prometheus))
		listeners_say_forgotten(&prometheus->listeners);
	listeners_free(&prometheus->listeners);
}

/*
 * It runs for months, so what costs more has to be requested: retransmissions and refusals (queue), dropped segments.
 */
static const struct session_view view = {
	.summary = print_summary,
	.level = TCPTRACE_L_LIFE,
	.level_filtered = TCPTRACE_L_LIFE,
	.summary_apart = true,
	.begin = begin,
	.snapshot = on_snapshot,
	.socket = on_socket,
	.step = on_step,
	.verdict = on_verdict,
	.tick = tick,
	.end = end,
};

const struct export_format export_prometheus = {
	.name = "prometheus",
	.size = sizeof(struct prometheus),
	.processes = true,
	.view = &view,
};
