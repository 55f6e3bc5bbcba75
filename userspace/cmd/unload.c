// SPDX-License-Identifier: GPL-2.0-only
/* unload: removes the kernel module, and says what uses it if that fails. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/safe_text.h"
#include "cmd/cmd.h"
#include "host/holders.h"
#include "host/module_file.h"
#include "session/options.h"

#define HOLDERS	8	/* maximum number of names in the message */

struct arguments {
	bool quiet;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'q':
		arguments->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, EXIT_USAGE, 0, "%s: unload takes no arguments", safe_string(text));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "quiet", 'q', NULL, 0, "Print nothing on success", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Unloads the module. If it is not loaded, that is no error: status 0.",
};

static void print_holders(void)
{
	struct holder holders[HOLDERS];
	size_t count = holders_find(holders, HOLDERS), i;
	size_t size;
	char *text;
	FILE *file;

	if (!count) {
		warnx("the module is in use, but the user is not visible from here "
		      "(another container, or it is being loaded): try again");
		return;
	}
	file = open_memstream(&text, &size);
	if (!file)
		err(EXIT_FAILURE, "memory");
	for (i = 0; i < count && i < HOLDERS; i++)
		fprintf(file, "%s%s (pid %d)", i ? ", " : "", safe_string(holders[i].comm), (int)holders[i].pid);
	if (count > HOLDERS)
		fprintf(file, " and %zu more", count - HOLDERS);
	fclose(file);
	warnx("the module is in use by %s: stop it first", text);
	free(text);
}

static int remove_module(struct kmod_ctx *context)
{
	struct kmod_module *module;
	int error = kmod_module_new_from_name(context, MODULE_NAME, &module);

	if (error < 0)
		return error;
	error = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT);
	kmod_module_unref(module);
	return error;
}

static int run(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	struct kmod_ctx *context;
	int error = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	context = module_context();
	if (!context)
		err(EXIT_FAILURE, "libkmod");
	error = module_loaded(context) ? remove_module(context) : -ENOENT;
	kmod_unref(context);

	switch (-error) {
	case 0:
	case ENOENT:
		if (!arguments.quiet)
			puts(error ? "not loaded" : "unloaded");
		return EXIT_SUCCESS;
	case EAGAIN:
	case EBUSY:
		print_holders();
		return EXIT_FAILURE;
	case EPERM:
		warnx("needs root (CAP_SYS_MODULE): use sudo");
		return EXIT_FAILURE;
	default:
		warnx(MODULE_NAME ": %s", strerror(-error));
		return EXIT_FAILURE;
	}
}

const struct command cmd_unload = {
	.name = "unload",
	.summary = "unload the kernel module",
	.run = run,
};
