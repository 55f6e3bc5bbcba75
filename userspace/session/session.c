// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "base/signals.h"
#include "host/proc.h"
#include "record/level.h"
#include "record/record.h"
#include "session/bootstrap.h"
#include "session/conclude.h"
#include "session/session.h"
#include "session/subject.h"

#define SETTLE_MS	((int)(MODEL_SETTLE_NS / 1000000) + 1)
#define FIN_LOOKAHEAD_MS	((int)(FIN_LOOKAHEAD_NS / 1000000) + 1)

enum { KEY_MAX_ENDPOINTS = 0x400 };

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct session_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->stop;
		state->child_inputs[1] = &arguments->options;
		return 0;
	case KEY_MAX_ENDPOINTS:
		arguments->max_endpoints = options_count(state, "--max-endpoints", text);
		if (arguments->max_endpoints > UINT32_MAX / 2)
			argp_error(state, "--max-endpoints=%s: at most %u", safe_string(text), UINT32_MAX / 2);
		return 0;
	case 'p':
		arguments->processes = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->words = state->argv + state->next;
		arguments->word_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "processes", 'p', NULL, 0,
	  "Look up the processes of existing sockets; the default if a filter is given", 0 },
	{ "max-endpoints", KEY_MAX_ENDPOINTS, "N", 0, "Remember at most N endpoints at a time (1048576)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &stop_argp, 0, NULL, 0 },
	{ &options_argp, 0, NULL, 0 },
	{ 0 }
};

const struct argp session_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.children = children,
};

const struct argp_child session_children[] = {
	{ &session_argp, 0, NULL, 0 },
	{ 0 }
};

/* ---- the filter ---- */

/*
 * Matches the tuple in any state: an endpoint that changes its state must not be lost. `process`: as in filter_match().
 */
static bool tuple_fits(const struct session *session, const struct tcptrace_record *record,
		       const struct process *process)
{
	struct filter_subject subject = subject_of_record(record);

	subject.state = session->any_state;
	subject.kind = TCPTRACE_K_FULL;
	subject.process = process;
	return filter_match(session->filter, &subject);
}

/* The process may become known later. */
static bool wanted(const struct tcptrace_record *record, void *arg)
{
	return tuple_fits(arg, record, NULL);
}

static bool fits(const struct session *session, const struct filter *filter, const struct endpoint *ep, uint8_t state)
{
	struct filter_subject subject = subject_of_endpoint(ep);

	subject.state = state;
	subject.process = model_owner(session->model, ep);
	return filter_match(filter, &subject);
}

bool session_wants(const struct session *session, const struct endpoint *ep)
{
	return fits(session, session->filter, ep, session->any_state);
}

bool session_fits(const struct session *session, const struct filter *filter, const struct endpoint *ep)
{
	return fits(session, filter, ep, ep->state);
}

static bool chooses(const struct session *session)
{
	return !filter_is_empty(session->filter) || session->arguments->options.family;
}

static bool shown(const struct endpoint *ep, void *arg)
{
	return session_wants(arg, ep);
}

/* 0: none. */
static uint64_t listener_of(const struct tcptrace_record *record)
{
	bool has = record->type == TCPTRACE_T_REQUEST || record->type == TCPTRACE_T_ACCEPT ||
		   (record->type == TCPTRACE_T_DROP && record->op != TCPTRACE_OP_SEGMENT);

	return has ? record->u.listen.listener : 0;
}

/*
 * By the process of the endpoint, by the process that acted and, without an endpoint, by the process of the listener.
 */
static bool shows_step(const struct session *session, const struct step *step)
{
	const struct endpoint *listener;
	struct process actor;

	if (step->ep && session_wants(session, step->ep))
		return true;
	if (step->did) {
		actor.pid = step->pid;
		memcpy(actor.comm, step->comm, sizeof(actor.comm));
		return tuple_fits(session, step->record, &actor);
	}
	if (step->ep)
		return false;
	listener = model_find(session->model, listener_of(step->record));
	return tuple_fits(session, step->record, process_at(listener ? listener->owner : 0));
}

/* ---- calling the view ---- */

static void tell_verdict(struct session *session, const struct endpoint *ep)
{
	if (session->view->verdict && session_wants_state(session, ep->state) &&
	    (!session->by_process || session_wants(session, ep)))
		session->view->verdict(session->arg, ep);
}

static void settle(struct session *session, uint64_t time)
{
	const struct endpoint *ep;

	while (model_pending(session->model) && (ep = model_settle(session->model, time)))
		tell_verdict(session, ep);
}

static inline void tick(struct session *session, uint64_t time)
{
	if (time >= session->due)
		session->due = session->view->tick ? session->view->tick(session->arg, time) : UINT64_MAX;
}

/*
 * If nothing happened for long, the next record's time is not when a tick was due: the view is called with the time
 * when it was due, and once more before the record, if it asks for that.
 */
static inline void tick_before(struct session *session, uint64_t time)
{
	if (time < session->due)
		return;
	if (session->due)
		tick(session, session->due);
	tick(session, time);
}

static void on_record(struct session *session, const struct tcptrace_record *record)
{
	struct step step;

	if (!session->start)
		session->start = record->time;
	session->last = record->time;
	if (model_pending(session->model))
		settle(session, record->time - MODEL_SETTLE_NS);
	tick_before(session, record->time);
	switch (model_apply(session->model, record, session->lookahead.next, &step)) {
	case MODEL_STEP:
		if (session->view->step && (!session->by_process || shows_step(session, &step)))
			session->view->step(session->arg, &step);
		if (step.verdict)
			tell_verdict(session, step.ep);
		break;
	case MODEL_LOST:
		if (session->view->lost)
			session->view->lost(session->arg, record);
		break;
	case MODEL_SKIP:
		break;
	}
}

/* ---- existing sockets ---- */

static int on_snapshot(const struct tcptrace_record *record, void *arg)
{
	struct session *session = arg;

	if (session->view->snapshot && wanted(record, session))
		session->view->snapshot(session->arg, record);
	if (record->time > session->last)
		session->last = record->time;
	if (session->view->snapshot_only)
		return session->out.error || session->stop_requested || signals_stop() ? SOURCE_STOP : SOURCE_MORE;
	return bootstrap_snapshot(record, session->bootstrap);
}

static int tell_existing(struct session *session)
{
	const struct endpoint *ep;

	/* Views that show no events show no processes either. */
	if (session->view->level && (session->arguments->processes || chooses(session)) && session->source->live) {
		int error = bootstrap_owners(session->bootstrap, PROC);

		if (error)
			return error;
	}
	while (session->view->socket && (ep = bootstrap_next(session->bootstrap)))
		if (!session->by_process || session_wants(session, ep))
			session->view->socket(session->arg, ep);
	if (session->view->bootstrapped)
		session->view->bootstrapped(session->arg);
	return 0;
}

/* Returns SOURCE_END if it is time to stop. */
static int begin(struct session *session)
{
	const struct tcptrace_record *record;
	int error = source_snapshot(session->source, on_snapshot, session), damage;

	/* Stopped by Ctrl-C. */
	if (error == SOURCE_STOP || (error && signals_stop()))
		return SOURCE_END;
	if (error)
		return error;
	if (session->view->snapshot_only)
		return SOURCE_END;
	damage = bootstrap_collect(session->bootstrap, session->source);
	if (damage == SOURCE_END || damage == -ENOMEM)
		return damage;
	error = bootstrap_finish(session->bootstrap);
	if (!error)
		error = tell_existing(session);
	if (error)
		return error;
	while (!session->stop_requested && (record = bootstrap_replay(session->bootstrap))) {
		if (stop_too_late(&session->stop, session->source, record->time))
			return SOURCE_END;
		on_record(session, record);
	}
	return damage;
}

/* ---- live ---- */

/* All available records were processed. Returns SOURCE_END if it is time to stop, else 0 or -errno. */
static int idle(struct session *session)
{
	uint64_t time = clock_now(), complete = source_complete_until(session->source);
	int timeout;

	if (complete > time)
		complete = time;
	if (complete > MODEL_SETTLE_NS)
		settle(session, complete - MODEL_SETTLE_NS);
	tick(session, time);
	if (out_flush(&session->out) || session->stop_requested)
		return SOURCE_END;
	if (stop_reached(&session->stop, session->source)) {
		/* A record that is held for its next one has happened already. */
		session->lookahead.ended = true;
		return fin_lookahead_waits(&session->lookahead) ? 0 : SOURCE_END;
	}
	timeout = stop_until(time, session->due, model_pending(session->model) ? SETTLE_MS : -1);
	if (fin_lookahead_waits(&session->lookahead) && FIN_LOOKAHEAD_MS < timeout)
		timeout = FIN_LOOKAHEAD_MS;
	return source_wait(session->source, stop_timeout(&session->stop, time, timeout));
}

/* Ctrl-C and --duration include everything that has happened by then, not only what was read by then. */
static int go_on(struct session *session)
{
	const struct tcptrace_record *record;
	bool stopping = false;

	while (!session->stop_requested) {
		int outcome = fin_lookahead_next(&session->lookahead, session->source, &record);

		if (!stopping && signals_stop()) {
			/* A file is read to its end without waiting. */
			if (!session->source->live)
				return 0;
			stopping = true;
			stop_here(&session->stop);
		}
		if (outcome == SOURCE_RECORD) {
			if (stop_too_late(&session->stop, session->source, record->time))
				return 0;
			on_record(session, record);
			continue;
		}
		if (outcome == SOURCE_IDLE)
			outcome = idle(session);
		if (outcome == SOURCE_END)
			return 0;
		if (outcome < 0)
			return outcome;
	}
	return 0;
}

static int process_all(struct session *session)
{
	int error;

	session->start = session->source->live ? clock_now() : 0;
	session->last = session->start;
	session->bootstrap = bootstrap_new(session->model, session->start);
	stop_begin(&session->stop, session->source);
	error = session->bootstrap ? begin(session) : -ENOMEM;
	bootstrap_free(session->bootstrap);
	session->bootstrap = NULL;
	if (error)
		return error == SOURCE_END ? 0 : error;
	return session->stop_requested ? 0 : go_on(session);
}

/* ---- the end ---- */

static bool is_whole(const struct summary *summary)
{
	return !(record_lost(&summary->lost) + summary->full);
}

/* Without events there are none to count; but losses are reported. */
static void tell_summary(struct session *session, const struct summary *summary)
{
	const struct options *options = &session->arguments->options;
	const struct session_view *view = session->view;
	bool whole = is_whole(summary);
	static struct out apart;

	if (options->json) {
		view->summary(&session->out, summary, true);
	} else if (view->summary_apart && (!options->quiet || !whole)) {
		out_init(&apart, STDERR_FILENO);
		view->summary(&apart, summary, false);
		out_flush(&apart);
	} else if (!options->quiet && ((view->level && !view->no_summary) || !whole)) {
		view->summary(&session->out, summary, false);
	}
}

static int finish(struct session *session, int error)
{
	struct summary summary = {
		.source = session->source->name,
		.full = model_full(session->model),
		.time = session->source->live ? clock_now() : session->last,
	};

	settle(session, UINT64_MAX);
	if (session->view->end)
		session->view->end(session->arg, summary.time);
	source_losses(session->source, &summary.lost);
	tell_summary(session, &summary);
	return conclude(session->source, &session->out, error,
			session->arguments->options.fail_on_loss && !is_whole(&summary));
}

/* ---- opening ---- */

/* Returns 0, or -errno after printing an error. */
static int open_source(struct session *session)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct source_request request = { .clauses = clauses };
	char error[256];
	int result;

	request.level = filter_is_empty(session->filter) ? session->view->level : session->view->level_filtered;
	if (request.level && session->arguments->options.level)
		request.level = session->arguments->options.level;
	if (!session->view->all)
		request.clause_count = filter_clauses(session->filter, clauses, TCPTRACE_CLAUSES_MAX);
	result = source_open(session->arguments->options.source, &request, &session->source, error, sizeof(error));
	if (result)
		warnx("%s", error);
	return result;
}

/* An empty table needs an explanation; a view at a lower level was asked for explicitly. */
static void tell_level(const struct session *session)
{
	const struct source *source = session->source;
	enum tcptrace_level shown = session->view->level;

	if (!source->live && source->level < shown && !session->arguments->options.quiet)
		warnx("recorded at level %s, which lacks some of this: use record --level=%s",
		      level_word(source->level), level_word(shown));
}

static int run(struct session *session)
{
	const struct model_options model = {
		.max_endpoints = session->arguments->max_endpoints,
		.wanted = session->view->all ? NULL : wanted,
		.shown = session->by_process ? shown : NULL,
		.arg = session,
	};
	int status;

	session->model = model_new(&model);
	if (!session->model) {
		warnx("out of memory");
		return EXIT_FAILURE;
	}
	status = session->view->begin ? session->view->begin(session->arg, session) : 0;
	if (!status) {
		tell_level(session);
		status = finish(session, process_all(session));
	}
	model_free(session->model);
	return status;
}

int session_run(const struct session_arguments *arguments, const struct session_view *view, void *arg)
{
	/* Static: with its buffer it is too large for some stacks; and there is only one. */
	static struct session session;
	char error[256];
	int status, result;

	session.arguments = arguments;
	session.view = view;
	session.arg = arg;
	session.stop = arguments->stop;
	status = filter_parse(arguments->word_count, arguments->words, arguments->options.family, &session.filter, error, sizeof(error));
	if (status) {
		warnx("%s", error);
		return status;
	}
	session.by_process = filter_asks_process(session.filter);
	if (session.by_process && !view->level) {
		warnx(FILTER_NO_PROCESS);
		filter_free(session.filter);
		return EXIT_USAGE;
	}
	if (arguments->options.family)
		filter_set_family(session.filter, arguments->options.family);
	session.states = filter_states(session.filter);
	session.any_state = session.states ? __builtin_ctz(session.states) : 0;
	out_init(&session.out, STDOUT_FILENO);
	signals_catch();
	result = open_source(&session);
	if (!result) {
		status = run(&session);
		source_close(session.source);
	} else {
		status = exit_status_of(result);
	}
	filter_free(session.filter);
	return status;
}
