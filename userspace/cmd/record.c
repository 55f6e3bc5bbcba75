// SPDX-License-Identifier: GPL-2.0-only
/* record: stores the records of a source, so that any view can show them later. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/out.h"
#include "base/safe_text.h"
#include "base/signals.h"
#include "base/term.h"
#include "base/write_all.h"
#include "cmd/cmd.h"
#include "filter/filter.h"
#include "record/capture_file.h"
#include "record/device.h"
#include "record/level.h"
#include "record/record.h"
#include "session/options.h"
#include "session/stop.h"
#include "session/subject.h"
#include "source/source.h"

#define BUFFER		((size_t)2048 * sizeof(struct tcptrace_record))
#define PROGRESS_NS	500000000ull

enum { KEY_FORCE = 0x200 };

struct arguments {
	struct options options;
	const char *file;
	char **words;			/* of the filter */
	int word_count;
	struct stop stop;
	bool force;
};

struct recording {
	const struct arguments *arguments;
	struct filter *filter;
	bool chooses;			/* the filter is not empty */
	struct source *source;
	int fd;
	unsigned char *buffer;
	size_t held;
	uint32_t checksum;		/* of the last record */
	struct map devices;		/* their names as they are in the file, by zone_key() */
	int failed;			/* errno of a write */
	uint64_t sockets, events;
	struct stop stop;
	uint64_t progress_at;
	bool progress;			/* the terminal shows a progress line */
};

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->stop;
		state->child_inputs[1] = &arguments->stop;
		state->child_inputs[2] = &arguments->options;
		return 0;
	case KEY_FORCE:
		arguments->force = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->file = state->argv[state->next];
		arguments->words = state->argv + state->next + 1;
		arguments->word_count = state->argc - state->next - 1;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EXIT_USAGE, 0, "no FILE to record to given; - is standard output");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "force", KEY_FORCE, NULL, 0, "Overwrite FILE if it exists", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &stop_argp, 0, NULL, 0 },
	{ &stop_count_argp, 0, NULL, 0 },
	{ &options_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE [FILTER]",
	.doc = "Records the existing sockets and then all events, until Ctrl-C. "
	       "Any view can show the recording later with --source=FILE, without root and on any machine. "
	       "FILE may be -, standard output."
	       "\v" FILTER_DOC,
	.children = children,
};

/* ---- the file ---- */

static int flush(struct recording *recording)
{
	if (!recording->failed)
		recording->failed = -write_all(recording->fd, recording->buffer, recording->held);
	recording->held = 0;
	return -recording->failed;
}

static int put(struct recording *recording, const void *data, size_t size)
{
	if (recording->held + size > BUFFER && flush(recording))
		return -recording->failed;
	memcpy(recording->buffer + recording->held, data, size);
	recording->held += size;
	return 0;
}

static int put_record(struct recording *recording, const struct tcptrace_record *record)
{
	struct tcptrace_record *copy;

	if (recording->held + sizeof(*copy) > BUFFER && flush(recording))
		return -recording->failed;
	copy = (void *)(recording->buffer + recording->held);
	*copy = *record;
	recording->checksum = capture_checksum(recording->checksum, copy);
	copy->position = recording->checksum;
	recording->held += sizeof(*copy);
	return 0;
}

/* The name of its device, unless it is in the file: the recording may be shown where there is another device. */
static void put_name(struct recording *recording, const struct tcptrace_record *record)
{
	struct zone zone = zone_of_record(record);
	struct tcptrace_record named = {
		.type = CAPTURE_DEVICE,
		.time = record->time,
		.netns = zone.netns,
		.ifindex = zone.ifindex,
	};
	const char *name = device_name(&zone);
	char *put = map_get(&recording->devices, zone_key(&zone));

	if (!name || (put && !strcmp(name, put)))
		return;
	snprintf(named.comm, sizeof(named.comm), "%s", name);
	put_record(recording, &named);
	/* Without memory it is put again. */
	map_remove(&recording->devices, zone_key(&zone));
	free(put);
	put = strdup(name);
	if (put && !map_put(&recording->devices, zone_key(&zone), put))
		free(put);
}

static int put_named(struct recording *recording, const struct tcptrace_record *record)
{
	if (record->ifindex)
		put_name(recording, record);
	return put_record(recording, record);
}

static void forget_devices(struct recording *recording)
{
	size_t place = 0;
	char *name;

	while ((name = map_next(&recording->devices, &place)))
		free(name);
	map_exit(&recording->devices);
}

static int put_header(struct recording *recording)
{
	const struct source *source = recording->source;
	struct capture_header header = {
		.byte_order = CAPTURE_BYTE_ORDER,
		.header_size = sizeof(header),
		.abi = TCPTRACE_ABI,
		.types_version = TCPTRACE_TYPES_VERSION,
		.record_size = sizeof(struct tcptrace_record),
		.realtime = source->realtime,
		.boot = source->boot,
		.start = source->live ? clock_now() : 0,
		.level = source->level,
	};

	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	snprintf(header.host, sizeof(header.host), "%s", source->host);
	snprintf(header.release, sizeof(header.release), "%s", source->release);
	header.checksum = capture_header_checksum(&header);
	return put(recording, &header, sizeof(header));
}

static int put_trailer(struct recording *recording, const struct tcptrace_lost *lost)
{
	struct tcptrace_record record = {
		.type = TCPTRACE_T_LOST,
		.cookie = CAPTURE_TRAILER,
		.time = recording->source->live ? clock_now() : 0,
		.u.lost = *lost,
	};

	record.u.lost.events = recording->events;
	return put_record(recording, &record);
}

/*
 * Does not overwrite a file that may be worth keeping, unless --force is given. Devices and pipes have no content to
 * keep.
 */
static int open_file(const struct arguments *arguments)
{
	const char *name = arguments->file;
	struct stat status;
	int fd;

	if (!strcmp(name, "-")) {
		if (isatty(STDOUT_FILENO)) {
			warnx("standard output is a terminal: name a file or use a pipe");
			return -1;
		}
		return STDOUT_FILENO;
	}
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0 || errno != EEXIST)
		goto out;
	if (!arguments->force && (stat(name, &status) || S_ISREG(status.st_mode))) {
		warnx("%s: exists; --force overwrites it", safe_string(name));
		return -1;
	}
	fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);
out:
	if (fd < 0)
		warn("%s", safe_string(name));
	return fd;
}

/* ---- what is stored ---- */

/* If an endpoint enters or leaves a selected state, the step is stored. */
static bool wanted(const struct recording *recording, const struct tcptrace_record *record)
{
	struct filter_subject subject = subject_of_record(record);

	if (!recording->chooses || filter_match(recording->filter, &subject))
		return true;
	if (record->old_state == record->new_state)
		return false;
	subject.state = record->old_state;
	return filter_match(recording->filter, &subject);
}

static int on_socket(const struct tcptrace_record *record, void *arg)
{
	struct recording *recording = arg;

	if (!wanted(recording, record))
		return 0;
	recording->sockets++;
	return put_named(recording, record);
}

static void show_progress(struct recording *recording)
{
	struct tcptrace_lost lost;
	uint64_t time;

	if (!recording->progress)
		return;
	time = clock_now();
	if (time < recording->progress_at)
		return;
	recording->progress_at = time + PROGRESS_NS;
	source_losses(recording->source, &lost);
	fprintf(stderr, "\r%" PRIu64 " event%s, %" PRIu64 " lost ", recording->events, plural(recording->events),
		record_lost(&lost));
}

/* All available records were stored. Returns SOURCE_END if it is time to stop, else 0 or -errno. */
static int idle(struct recording *recording)
{
	int timeout = recording->progress ? (int)(PROGRESS_NS / 1000000) : -1;
	uint64_t time = clock_now();

	if (stop_reached(&recording->stop, recording->source))
		return SOURCE_END;
	if (flush(recording))
		return 0;
	show_progress(recording);
	return source_wait(recording->source, stop_timeout(&recording->stop, time, timeout));
}

/* Ctrl-C and --duration include everything that has happened by then, not only what was read by then. */
static int record_events(struct recording *recording)
{
	const struct tcptrace_record *record;
	bool stopping = false;

	while (!recording->failed) {
		int outcome = source_next(recording->source, &record);

		if (!stopping && signals_stop()) {
			stopping = true;
			stop_here(&recording->stop);
			/* A file is read to its end without waiting. */
			if (!recording->source->live)
				return 0;
		}
		if (outcome == SOURCE_IDLE)
			outcome = idle(recording);
		else if (outcome == SOURCE_RECORD) {
			if (stop_too_late(&recording->stop, recording->source, record->time))
				return 0;
			if (record->type == TCPTRACE_T_LOST) {
				put_record(recording, record);
				continue;
			}
			if (!wanted(recording, record))
				continue;
			put_named(recording, record);
			recording->events++;
			if (recording->events == recording->stop.count)
				return 0;
			if (recording->progress && !(recording->events % 4096))
				show_progress(recording);
			continue;
		}
		if (outcome == SOURCE_END)
			return 0;
		if (outcome < 0)
			return outcome;
	}
	return 0;
}

/* ---- the command ---- */

static void print_tally(const struct recording *recording, const struct tcptrace_lost *lost)
{
	const struct arguments *arguments = recording->arguments;

	if (recording->progress)
		fputs("\r\033[K", stderr);
	if (arguments->options.json) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "type", json_object_new_string("lost"));
		json_object_object_add(object, "lost",
				       json_object_new_uint64(lost->overwritten + lost->nested));
		json_object_object_add(object, "unknown", json_object_new_uint64(lost->unknown));
		json_object_object_add(object, "missed", json_object_new_uint64(lost->missed));
		json_object_object_add(object, "events",
				       json_object_new_uint64(recording->events));
		json_object_object_add(object, "sockets",
				       json_object_new_uint64(recording->sockets));
		if (recording->source->name)
			json_object_object_add(object, "source", json_object_new_string(recording->source->name));
		puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
		json_object_put(object);
	} else if (!arguments->options.quiet) {
		const char *source = recording->source->name;

		fprintf(stderr, "%" PRIu64 " socket%s, %" PRIu64 " event%s%s%s, %" PRIu64 " lost\n", recording->sockets,
			plural(recording->sockets), recording->events, plural(recording->events),
			source ? " from " : "", source ?: "", record_lost(lost));
	}
}

static int finish(struct recording *recording, int error)
{
	const char *name = recording->arguments->file;
	struct tcptrace_lost lost = { 0 };

	source_losses(recording->source, &lost);
	/* Without a trailer, readers see that the file is incomplete. */
	if (!error)
		put_trailer(recording, &lost);
	flush(recording);
	if (recording->fd != STDOUT_FILENO && close(recording->fd) && !recording->failed)
		recording->failed = errno;
	if (recording->failed) {
		if (recording->progress)
			fputs("\r\033[K", stderr);
		warnx("%s: %s; the recording is truncated", safe_string(name), strerror(recording->failed));
		return EXIT_FAILURE;
	}
	print_tally(recording, &lost);
	if (!error && !signals_stop())
		error = source_verify(recording->source);
	if (error) {
		warnx("%s", recording->source->error);
		return exit_status_of(error);
	}
	return recording->arguments->options.fail_on_loss && record_lost(&lost) ? EXIT_LOST :
										  EXIT_SUCCESS;
}

static int record_all(struct recording *recording)
{
	int error;

	recording->progress = term_controls(STDERR_FILENO) && !recording->arguments->options.quiet;
	stop_begin(&recording->stop, recording->source);
	error = put_header(recording);
	if (!error)
		error = source_snapshot(recording->source, on_socket, recording);
	if (!error)
		error = record_events(recording);
	return finish(recording, recording->failed ? 0 : error);
}

/* Returns 0, or -errno after printing an error. */
static int open_source(struct recording *recording, enum tcptrace_level level)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct source_request request = { .level = level, .clauses = clauses };
	char error[256];
	int result;

	request.clause_count = filter_clauses(recording->filter, clauses, TCPTRACE_CLAUSES_MAX);
	result = source_open(recording->arguments->options.source, &request, &recording->source, error, sizeof(error));
	if (result)
		warnx("%s", error);
	return result;
}

static int run_filtered(struct recording *recording)
{
	const struct options *options = &recording->arguments->options;
	enum tcptrace_level level = options->level;
	int status = EXIT_FAILURE, error;

	recording->chooses = !filter_is_empty(recording->filter) || options->family;
	if (!level)
		level = filter_is_empty(recording->filter) ? TCPTRACE_L_LIFE : TCPTRACE_L_QUEUE;
	if (options->family)
		filter_set_family(recording->filter, options->family);
	/* The source first: if it cannot be opened, no file is touched. */
	error = open_source(recording, level);
	if (error)
		return exit_status_of(error);
	recording->buffer = aligned_alloc(64, BUFFER);
	if (!recording->buffer)
		warnx("out of memory");
	else
		recording->fd = open_file(recording->arguments);
	if (recording->fd >= 0)
		status = record_all(recording);
	free(recording->buffer);
	forget_devices(recording);
	source_close(recording->source);
	return status;
}

static int run(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	struct recording recording = { .arguments = &arguments, .fd = -1 };
	char error[256];
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	recording.stop = arguments.stop;
	if (arguments.options.json && !strcmp(arguments.file, "-")) {
		warnx("--json: standard output carries the recording itself; name a file");
		return EXIT_USAGE;
	}
	status = filter_parse(arguments.word_count, arguments.words, arguments.options.family, &recording.filter, error,
			      sizeof(error));
	if (status) {
		warnx("%s", error);
		return status;
	}
	if (filter_asks_process(recording.filter)) {
		warnx("\"process\" works only when the recording is shown: a connection's process may become known late");
		filter_free(recording.filter);
		return EXIT_USAGE;
	}
	signals_catch();
	status = run_filtered(&recording);
	filter_free(recording.filter);
	return status;
}

const struct command cmd_record = {
	.name = "record",
	.summary = "record events to a file, for any view later",
	.run = run,
};
