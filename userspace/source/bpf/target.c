// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf_program__set_attach_target() searches all of the kernel's types for the name, which takes millions of
 * instructions for each program. Here the id is known: handlers of our own for these sections pass it to libbpf.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "source/bpf/questions.h"
#include "source/bpf/target.h"

#define TARGETS_MAX	(2 * TCPTRACE_PROBE_COUNT)

static struct {
	const struct bpf_program *program;
	int function;
} targets[TARGETS_MAX];
static size_t count;

void target_set(const struct bpf_program *program, const char *function)
{
	if (count == TARGETS_MAX)
		return;
	targets[count].program = program;
	targets[count++].function = kernel_function(function);
}

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < count; i++)
		if (targets[i].program == program)
			options->attach_btf_id = targets[i].function;
	return 0;
}

static int attach(const struct bpf_program *program, long cookie, struct bpf_link **link)
{
	(void)cookie;
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

static int begin(const char *section, enum bpf_attach_type type)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options,
		    .prog_prepare_load_fn = prepare,
		    .prog_attach_fn = attach);
	int result = libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING, type, &options);

	return result < 0 ? result : 0;
}

/* The handlers are never unregistered: objects opened with them keep pointers to them. */
int targets_begin(void)
{
	static bool begun;
	int result;

	count = 0;
	if (begun)
		return 0;
	result = begin("fentry+", BPF_TRACE_FENTRY);
	if (!result)
		result = begin("fexit+", BPF_TRACE_FEXIT);
	begun = !result;
	return result;
}
