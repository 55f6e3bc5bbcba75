// SPDX-License-Identifier: GPL-2.0-only
/* load: loads the kernel module, and says what to do if that fails. */
#include <argp.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "cmd/cmd.h"
#include "host/module_file.h"
#include "session/options.h"

struct arguments {
	const char *path;
	char **parameters;
	int parameter_count;
	bool quiet;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'm':
		arguments->path = text;
		return 0;
	case 'q':
		arguments->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->parameters = state->argv + state->next;
		arguments->parameter_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "module", 'm', "FILE", 0, "Load this .ko", 0 },
	{ "quiet", 'q', NULL, 0, "Print nothing on success", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[PARAMETER=VALUE...]",
	.doc = "Loads the module with the given parameters: the one installed for this kernel, "
	       "else the one built next to this program."
	       "\vParameters: ring=RECORDS (per CPU, a power of two), "
	       "flight=off|life|queue|segment (what is recorded while nobody reads), "
	       "attach=auto|kprobe (through ftrace where possible, or by kprobes only).",
};

static void explain(struct kmod_module *module, int error)
{
	const char *path = safe_string(kmod_module_get_path(module));
	struct utsname system;
	char magic[128];

	switch (error) {
	case EPERM:
	case EACCES:
		if (geteuid())
			warnx("needs root (CAP_SYS_MODULE): use sudo");
		else
			warnx("the kernel accepts no modules (kernel.modules_disabled, lockdown or a container): "
			      "see tcptrace-ctl doctor");
		break;
	case ENOEXEC:
	case ENOENT:
		uname(&system);
		module_info(module, "vermagic", magic, sizeof(magic));
		magic[strcspn(magic, " ")] = '\0';
		if (!*magic)
			warnx("%s: not a module of this kernel", path);
		else
			warnx("%s: built for kernel %s, this is %s: rebuild it with the headers of this kernel",
			      path, safe_string(magic), system.release);
		break;
	case EKEYREJECTED:
	case ENOKEY:
		warnx("%s: this kernel accepts only modules signed with a key that it knows (Secure Boot): "
		      "sign it with an enrolled key, or turn Secure Boot off", path);
		break;
	case EINVAL:
		warnx("%s: the module rejected a parameter or this kernel: dmesg has the reason", path);
		break;
	case ENOMEM:
		warnx("%s: not enough memory for the rings: try a smaller ring=RECORDS", path);
		break;
	default:
		warnx("%s: %s; dmesg may say more", path, strerror(error));
	}
}

/* The kernel ignores unknown parameters: a typing error would not be noticed. */
static int check_parameters(struct kmod_module *module, const struct arguments *arguments)
{
	int i;

	for (i = 0; i < arguments->parameter_count; i++) {
		const char *parameter = arguments->parameters[i], *p;
		size_t length = strcspn(parameter, "=");

		if (!length || !parameter[length]) {
			warnx("%s: not a parameter; expected NAME=VALUE, for instance ring=16384", safe_string(parameter));
			return -1;
		}
		for (p = parameter; *p; p++) {
			if (isgraph((unsigned char)*p) && *p != '"')
				continue;
			warnx("%s: a parameter cannot contain blanks or quotes", safe_string(parameter));
			return -1;
		}
		if (!module_has_parameter(module, parameter, length)) {
			warnx("%.*s: no such parameter of the module; modinfo lists them", (int)length,
			      parameter);
			return -1;
		}
	}
	return 0;
}

static char *join(const struct arguments *arguments)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int i;

	if (!file)
		return NULL;
	for (i = 0; i < arguments->parameter_count; i++)
		fprintf(file, "%s%s", i ? " " : "", arguments->parameters[i]);
	fclose(file);
	return text;
}

static struct kmod_module *choose(struct kmod_ctx *context, const struct arguments *arguments,
				  bool *installed)
{
	struct kmod_module *module;
	struct utsname system;
	int error;

	*installed = false;
	if (arguments->path) {
		if (access(arguments->path, R_OK)) {
			warn("%s", safe_string(arguments->path));
			return NULL;
		}
		error = kmod_module_new_from_path(context, arguments->path, &module);
		if (!error)
			return module;
		warnx("%s: %s", safe_string(arguments->path), strerror(-error));
		return NULL;
	}
	module = module_find(context, installed);
	if (!module) {
		uname(&system);
		warnx("no module for kernel %s: make && sudo make install, or --module=FILE",
		      system.release);
	}
	return module;
}

/* The module depends on no other, so modprobe and insmod differ only in modprobe.d. */
static int insert(struct kmod_module *module, bool installed, const char *parameters)
{
	int error;

	if (!installed)
		return kmod_module_insert_module(module, 0, parameters);
	error = kmod_module_probe_insert_module(module, KMOD_PROBE_FAIL_ON_LOADED, parameters, NULL,
						NULL, NULL);
	return error;
}

static int load(struct kmod_ctx *context, const struct arguments *arguments)
{
	int status = EXIT_FAILURE, error;
	struct kmod_module *module;
	char *parameters;
	bool installed;

	module = choose(context, arguments, &installed);
	if (!module)
		return status;
	if (check_parameters(module, arguments)) {
		kmod_module_unref(module);
		return EXIT_USAGE;
	}
	parameters = join(arguments);
	error = parameters ? insert(module, installed, parameters) : -ENOMEM;
	if (!error || error == -EEXIST) {
		if (!arguments->quiet)
			printf("%s %s\n", error ? "already loaded:" : "loaded",
			       error ? MODULE_NAME : safe_string(kmod_module_get_path(module)));
		status = EXIT_SUCCESS;
	} else {
		explain(module, error < 0 ? -error : EIO);
	}
	free(parameters);
	kmod_module_unref(module);
	return status;
}

static int run(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	struct kmod_ctx *context;
	int status = EXIT_SUCCESS;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	context = module_context();
	if (!context)
		err(EXIT_FAILURE, "libkmod");
	if (!module_loaded(context)) {
		status = load(context, &arguments);
	} else if (arguments.parameter_count || arguments.path) {
		warnx("already loaded and left unchanged: run sudo tcptrace-ctl unload first");
		status = EXIT_FAILURE;
	} else if (!arguments.quiet) {
		printf("already loaded\n");
	}
	kmod_unref(context);
	return status;
}

const struct command cmd_load = {
	.name = "load",
	.summary = "load the kernel module",
	.run = run,
};
