// SPDX-License-Identifier: GPL-2.0-only
/*
 * An arbitrary command line of a view, on a small recording: it ends, and if it ends with an error it says why, in lines
 * that are safe for a terminal. The first word is the command; if it names none, all words are for ss.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "session/options.h"
#include "sandbox.h"

#define WORDS_MAX	64
#define RECORDING	TOP "/tests/fixtures/ends.tct"

/* The commands that read recordings. The others change this machine. */
static const struct command *const commands[] = {
	&cmd_ss, &cmd_netstat, &cmd_watch, &cmd_listen, &cmd_life, &cmd_ports, &cmd_top, &cmd_ladder, &cmd_window, &cmd_states, &cmd_export,
};

const char *argp_program_version = "tcptrace-ctl";

static char recording[1 << 16];
static size_t recording_size;

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = text, *word, *argv[WORDS_MAX + 4];
	const struct command *command = NULL;
	const struct sandbox *done;
	int argc = 2;

	while (argc < WORDS_MAX && (word = strsep(&rest, "\n"))) {
		if (!command && (command = find(word)))
			continue;
		argv[argc++] = word;
	}
	if (!command)
		command = &cmd_ss;
	argv[0] = (char *)command->name;
	argv[1] = "--source=-";
	argv[argc] = NULL;

	done = sandbox_run(command->run, argc, argv, recording, recording_size);
	if (done->status < 0 || done->status > 255)
		sandbox_fail("%s: status %d", command->name, done->status);
	/* The summary reports losses; --fail-on-loss asks for no more than the status. */
	if (done->status && done->status != EXIT_LOST && !done->err.size)
		sandbox_fail("%s: fails with %d without a word", command->name, done->status);
	sandbox_demand_text(&done->err, "\n", command->name);
	free(text);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *file = fopen(RECORDING, "r");

	(void)argc;
	(void)argv;
	if (!file || !(recording_size = fread(recording, 1, sizeof(recording), file)))
		sandbox_fail("%s: cannot be read", RECORDING);
	fclose(file);
	sandbox_begin();
	return 0;
}
