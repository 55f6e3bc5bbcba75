// SPDX-License-Identifier: GPL-2.0-only
/* doctor: checks what on this host would keep tcptrace from working, each with its remedy. */
#include <argp.h>
#include <err.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "host/checks.h"
#include "host/module_file.h"
#include "session/options.h"

static const char *const words[] = {
	[CHECK_OK] = "ok",
	[CHECK_WARN] = "warn",
	[CHECK_FAIL] = "fail",
	[CHECK_SKIP] = "skip",
};

static const struct argp_child children[] = {
	{ &options_alone_argp, 0, NULL, 0 },
	{ 0 }
};

static const struct argp argp = {
	.doc = "Checks whether anything on this host keeps tcptrace from working. Each line says ok, warn, fail or "
	       "skip (cannot be checked from here); -> gives the remedy. Exits with status 1 if a check fails.",
	.children = children,
};

static void print_text(const char *name, const struct check_answer *answer)
{
	printf("%-5s %-10s %s\n", words[answer->result], name, answer->text);
	if (*answer->remedy)
		printf("%-5s %-10s -> %s\n", "", "", answer->remedy);
}

static void print_json(const char *name, const struct check_answer *answer)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "type", json_object_new_string("check"));
	json_object_object_add(object, "check", json_object_new_string(name));
	json_object_object_add(object, "result", json_object_new_string(words[answer->result]));
	json_object_object_add(object, "text", json_object_new_string(answer->text));
	if (*answer->remedy)
		json_object_object_add(object, "remedy", json_object_new_string(answer->remedy));
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static int run(int argc, char *argv[])
{
	struct options options = { 0 };
	struct check_facts facts;
	struct kmod_ctx *context;
	int status = EXIT_SUCCESS;
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	context = module_context();
	if (!context)
		err(EXIT_FAILURE, "libkmod");
	check_facts_get(context, &facts);
	for (i = 0; i < check_count; i++) {
		struct check_answer answer = { 0 };

		checks[i].ask(&facts, &answer);
		if (answer.result == CHECK_FAIL)
			status = EXIT_FAILURE;
		/* -q: only what needs a remedy. */
		if (options.quiet && answer.result != CHECK_FAIL && answer.result != CHECK_WARN)
			continue;
		(options.json ? print_json : print_text)(checks[i].name, &answer);
	}
	check_facts_free(&facts);
	kmod_unref(context);
	return status;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check what keeps tcptrace from working here, with remedies",
	.run = run,
};
