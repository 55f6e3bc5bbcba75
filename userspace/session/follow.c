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
#include "session/follow.h"
#include "session/subject.h"

#define SETTLE_MS	((int)(MODEL_SETTLE_NS / 1000000) + 1)
#define FIN_LOOKAHEAD_MS	((int)(FIN_LOOKAHEAD_NS / 1000000) + 1)

enum { KEY_MAX_ENDS = 0x400 };

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct follow_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->stop;
		state->child_inputs[1] = &arguments->options;
		return 0;
	case KEY_MAX_ENDS:
		arguments->max_ends = options_count(state, "--max-ends", text);
		if (arguments->max_ends > UINT32_MAX / 2)
			argp_error(state, "--max-ends=%s: at most %u", safe_string(text), UINT32_MAX / 2);
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
	{ "max-ends", KEY_MAX_ENDS, "N", 0, "Remember at most N endpoints at a time (1048576)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &stop_argp, 0, NULL, 0 },
	{ &options_argp, 0, NULL, 0 },
	{ 0 }
};

const struct argp follow_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILTER]",
	.children = children,
};

const struct argp_child follow_children[] = {
	{ &follow_argp, 0, NULL, 0 },
	{ 0 }
};

/* ---- the filter ---- */

/* Of a tuple, whatever its state: an end that changes its state is not to be lost. `process`: as filter_match() has it. */
static bool tuple_fits(const struct follow *follow, const struct tcptrace_record *record, const struct process *process)
{
	struct filter_subject subject = subject_of_record(record);

	subject.state = follow->any_state;
	subject.kind = TCPTRACE_K_FULL;
	subject.process = process;
	return filter_match(follow->filter, &subject);
}

/* Whose it is may turn out later. */
static bool wanted(const struct tcptrace_record *record, void *arg)
{
	return tuple_fits(arg, record, NULL);
}

static bool fits(const struct follow *follow, const struct filter *filter, const struct end *end, uint32_t ifindex,
		 uint8_t state)
{
	struct filter_subject subject = subject_of_end(end, ifindex);

	subject.state = state;
	subject.process = model_owner(follow->model, end);
	return filter_match(filter, &subject);
}

bool follow_wants_copy(const struct follow *follow, const struct end *end, uint32_t ifindex)
{
	return fits(follow, follow->filter, end, ifindex, follow->any_state);
}

bool follow_wants(const struct follow *follow, const struct end *end)
{
	return follow_wants_copy(follow, end, model_ifindex(follow->model, end));
}

bool follow_fits(const struct follow *follow, const struct filter *filter, const struct end *end)
{
	return fits(follow, filter, end, model_ifindex(follow->model, end), end->state);
}

static bool chooses(const struct follow *follow)
{
	return !filter_is_empty(follow->filter) || follow->arguments->options.family;
}

static bool shown(const struct end *end, void *arg)
{
	return follow_wants(arg, end);
}

/* 0: it is of none. */
static uint64_t listener_of(const struct tcptrace_record *record)
{
	bool has = record->type == TCPTRACE_T_REQUEST || record->type == TCPTRACE_T_ACCEPT ||
		   (record->type == TCPTRACE_T_DROP && record->op != TCPTRACE_OP_SEGMENT);

	return has ? record->u.listen.listener : 0;
}

/* By whose the end is, by who did it, and where there is no end, by whose the listener is. */
static bool shows_step(const struct follow *follow, const struct step *step)
{
	const struct end *listener;
	struct process actor;

	if (step->end && follow_wants(follow, step->end))
		return true;
	if (step->did) {
		actor.pid = step->pid;
		memcpy(actor.comm, step->comm, sizeof(actor.comm));
		return tuple_fits(follow, step->record, &actor);
	}
	if (step->end)
		return false;
	listener = model_find(follow->model, listener_of(step->record));
	return tuple_fits(follow, step->record, process_at(listener ? listener->owner : 0));
}

/* ---- telling the view ---- */

static void tell_verdict(struct follow *follow, const struct end *end)
{
	if (follow->view->verdict && follow_state(follow, end->state) && (!follow->by_process || follow_wants(follow, end)))
		follow->view->verdict(follow->arg, end);
}

static void settle(struct follow *follow, uint64_t time)
{
	const struct end *end;

	while (model_pending(follow->model) && (end = model_settle(follow->model, time)))
		tell_verdict(follow, end);
}

static inline void tick(struct follow *follow, uint64_t time)
{
	if (time >= follow->due)
		follow->due = follow->view->tick ? follow->view->tick(follow->arg, time) : UINT64_MAX;
}

/*
 * What is the next record's time is no time at which one looked, where nothing happened for long: the view is
 * called as of when it was due, and once more before the record, if it wants to be by then.
 */
static inline void tick_before(struct follow *follow, uint64_t time)
{
	if (time < follow->due)
		return;
	if (follow->due)
		tick(follow, follow->due);
	tick(follow, time);
}

static void on_record(struct follow *follow, const struct tcptrace_record *record)
{
	struct step step;

	if (!follow->start)
		follow->start = record->time;
	follow->last = record->time;
	if (model_pending(follow->model))
		settle(follow, record->time - MODEL_SETTLE_NS);
	tick_before(follow, record->time);
	switch (model_apply(follow->model, record, follow->lookahead.next, &step)) {
	case MODEL_STEP:
		if (follow->view->step && (!follow->by_process || shows_step(follow, &step)))
			follow->view->step(follow->arg, &step);
		if (step.verdict)
			tell_verdict(follow, step.end);
		break;
	case MODEL_LOST:
		if (follow->view->lost)
			follow->view->lost(follow->arg, record);
		break;
	case MODEL_SKIP:
		break;
	}
}

/* ---- what was there ---- */

static int on_snapshot(const struct tcptrace_record *record, void *arg)
{
	struct follow *follow = arg;

	if (follow->view->snapshot && wanted(record, follow))
		follow->view->snapshot(follow->arg, record);
	if (record->time > follow->last)
		follow->last = record->time;
	if (follow->view->snapshot_only)
		return follow->out.error || follow->enough || signals_stop() ? SOURCE_ENOUGH : SOURCE_MORE;
	return bootstrap_snapshot(record, follow->bootstrap);
}

static int tell_existing(struct follow *follow)
{
	const struct end *end;

	/* Who shows no events shows no processes either. */
	if (follow->view->level && (follow->arguments->processes || chooses(follow)) && follow->source->live) {
		int error = bootstrap_owners(follow->bootstrap, PROC);

		if (error)
			return error;
	}
	while (follow->view->socket && (end = bootstrap_next(follow->bootstrap)))
		if (!follow->by_process || follow_wants(follow, end))
			follow->view->socket(follow->arg, end);
	if (follow->view->bootstrapped)
		follow->view->bootstrapped(follow->arg);
	return 0;
}

/* Returns SOURCE_END where it is time to end. */
static int begin(struct follow *follow)
{
	const struct tcptrace_record *record;
	int error = source_snapshot(follow->source, on_snapshot, follow), damage;

	/* Ctrl-C cuts it short. */
	if (error == SOURCE_ENOUGH || (error && signals_stop()))
		return SOURCE_END;
	if (error)
		return error;
	if (follow->view->snapshot_only)
		return SOURCE_END;
	damage = bootstrap_collect(follow->bootstrap, follow->source);
	if (damage == SOURCE_END || damage == -ENOMEM)
		return damage;
	error = bootstrap_finish(follow->bootstrap);
	if (!error)
		error = tell_existing(follow);
	if (error)
		return error;
	while (!follow->enough && (record = bootstrap_replay(follow->bootstrap))) {
		if (stop_too_late(&follow->stop, follow->source, record->time))
			return SOURCE_END;
		on_record(follow, record);
	}
	return damage;
}

/* ---- live ---- */

/* Caught up. Returns SOURCE_END where it is time to end, else 0 or -errno. */
static int idle(struct follow *follow)
{
	uint64_t time = clock_now(), complete = source_complete_until(follow->source);
	int timeout;

	if (complete > time)
		complete = time;
	if (complete > MODEL_SETTLE_NS)
		settle(follow, complete - MODEL_SETTLE_NS);
	tick(follow, time);
	if (out_flush(&follow->out) || follow->enough)
		return SOURCE_END;
	if (stop_reached(&follow->stop, follow->source)) {
		/* What waits for its next record has happened. */
		follow->lookahead.ended = true;
		return fin_lookahead_waits(&follow->lookahead) ? 0 : SOURCE_END;
	}
	timeout = stop_until(time, follow->due, model_pending(follow->model) ? SETTLE_MS : -1);
	if (fin_lookahead_waits(&follow->lookahead) && FIN_LOOKAHEAD_MS < timeout)
		timeout = FIN_LOOKAHEAD_MS;
	return source_wait(follow->source, stop_timeout(&follow->stop, time, timeout));
}

/* Ctrl-C, and the end of --duration, end with what had happened by then, not with what was read by then. */
static int go_on(struct follow *follow)
{
	const struct tcptrace_record *record;
	bool stopping = false;

	while (!follow->enough) {
		int outcome = fin_lookahead_next(&follow->lookahead, follow->source, &record);

		if (!stopping && signals_stop()) {
			/* A file is read to its end at once: there is nothing to wait for. */
			if (!follow->source->live)
				return 0;
			stopping = true;
			stop_here(&follow->stop);
		}
		if (outcome == SOURCE_RECORD) {
			if (stop_too_late(&follow->stop, follow->source, record->time))
				return 0;
			on_record(follow, record);
			continue;
		}
		if (outcome == SOURCE_IDLE)
			outcome = idle(follow);
		if (outcome == SOURCE_END)
			return 0;
		if (outcome < 0)
			return outcome;
	}
	return 0;
}

static int follow_all(struct follow *follow)
{
	int error;

	follow->start = follow->source->live ? clock_now() : 0;
	follow->last = follow->start;
	follow->bootstrap = bootstrap_new(follow->model, follow->start);
	stop_begin(&follow->stop, follow->source);
	error = follow->bootstrap ? begin(follow) : -ENOMEM;
	bootstrap_free(follow->bootstrap);
	follow->bootstrap = NULL;
	if (error)
		return error == SOURCE_END ? 0 : error;
	return follow->enough ? 0 : go_on(follow);
}

/* ---- the end ---- */

static bool is_whole(const struct summary *summary)
{
	return !(record_lost(&summary->lost) + summary->full);
}

/* Where no events are followed, there are none to count; but what was lost is said. */
static void tell_summary(struct follow *follow, const struct summary *summary)
{
	const struct options *options = &follow->arguments->options;
	const struct follow_view *view = follow->view;
	bool whole = is_whole(summary);
	static struct out apart;

	if (options->json) {
		view->summary(&follow->out, summary, true);
	} else if (view->summary_apart && (!options->quiet || !whole)) {
		out_init(&apart, STDERR_FILENO);
		view->summary(&apart, summary, false);
		out_flush(&apart);
	} else if (!options->quiet && ((view->level && !view->no_summary) || !whole)) {
		view->summary(&follow->out, summary, false);
	}
}

static int finish(struct follow *follow, int error)
{
	struct summary summary = {
		.source = follow->source->name,
		.full = model_full(follow->model),
		.time = follow->source->live ? clock_now() : follow->last,
	};

	settle(follow, UINT64_MAX);
	if (follow->view->end)
		follow->view->end(follow->arg, summary.time);
	source_losses(follow->source, &summary.lost);
	tell_summary(follow, &summary);
	return conclude(follow->source, &follow->out, error,
			follow->arguments->options.fail_on_loss && !is_whole(&summary));
}

/* ---- opening ---- */

/* Returns 0, or -errno and has said why. */
static int open_source(struct follow *follow)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct source_request request = { .clauses = clauses };
	char error[256];
	int result;

	request.level = filter_is_empty(follow->filter) ? follow->view->level : follow->view->level_filtered;
	if (request.level && follow->arguments->options.level)
		request.level = follow->arguments->options.level;
	if (!follow->view->all)
		request.clause_count = filter_clauses(follow->filter, clauses, TCPTRACE_CLAUSES_MAX);
	result = source_open(follow->arguments->options.source, &request, &follow->source, error, sizeof(error));
	if (result)
		warnx("%s", error);
	return result;
}

/* A table that stays empty is to say why; who follows at a lower level has asked for that. */
static void tell_level(const struct follow *follow)
{
	const struct source *source = follow->source;
	enum tcptrace_level shown = follow->view->level;

	if (!source->live && source->level < shown && !follow->arguments->options.quiet)
		warnx("recorded at level %s, which lacks some of this: use record --level=%s",
		      level_word(source->level), level_word(shown));
}

static int run(struct follow *follow)
{
	const struct model_options model = {
		.max_ends = follow->arguments->max_ends,
		.wanted = follow->view->all ? NULL : wanted,
		.shown = follow->by_process ? shown : NULL,
		.arg = follow,
	};
	int status;

	follow->model = model_new(&model);
	if (!follow->model) {
		warnx("out of memory");
		return EXIT_FAILURE;
	}
	status = follow->view->begin ? follow->view->begin(follow->arg, follow) : 0;
	if (!status) {
		tell_level(follow);
		status = finish(follow, follow_all(follow));
	}
	model_free(follow->model);
	return status;
}

int follow(const struct follow_arguments *arguments, const struct follow_view *view, void *arg)
{
	/* Too large for some stacks, with its buffer; and there is one only. */
	static struct follow follow;
	char error[256];
	int status, result;

	follow.arguments = arguments;
	follow.view = view;
	follow.arg = arg;
	follow.stop = arguments->stop;
	status = filter_parse(arguments->word_count, arguments->words, &follow.filter, error, sizeof(error));
	if (status) {
		warnx("%s", error);
		return status;
	}
	follow.by_process = filter_asks_process(follow.filter);
	if (follow.by_process && !view->level) {
		warnx(FILTER_NO_PROCESS);
		filter_free(follow.filter);
		return EXIT_USAGE;
	}
	if (arguments->options.family)
		filter_set_family(follow.filter, arguments->options.family);
	follow.states = filter_states(follow.filter);
	follow.any_state = follow.states ? __builtin_ctz(follow.states) : 0;
	out_init(&follow.out, STDOUT_FILENO);
	signals_catch();
	result = open_source(&follow);
	if (!result) {
		status = run(&follow);
		source_close(follow.source);
	} else {
		status = exit_status_of(result);
	}
	filter_free(follow.filter);
	return status;
}
