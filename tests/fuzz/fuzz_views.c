// SPDX-License-Identifier: GPL-2.0-only
/*
 * An arbitrary recording, through each view. It must end soon, with bounded memory; print text that is safe for a
 * terminal, objects that are JSON, packets that are pcapng; and end with EXIT_DAMAGED, and a line that says why, if the
 * recording is damaged, and only then.
 *
 * --view=WORD takes only the views whose command line has that word, or those of a group: steps, tables, pictures, exports.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "record/capture_file.h"
#include "recordings.h"
#include "sandbox.h"
#include "session/options.h"

/* How much a view may allocate: for itself, and for each record. */
#define HEAP_BASE	(64u << 20)
#define HEAP_RECORD	16384

enum form { TEXT, JSON, SVG, PCAPNG, BINARY };

static const struct view {
	const char *group;
	const struct command *command;
	const char *words;	/* behind --source=- */
	enum form form;
} views[] = {
	{ "steps", &cmd_watch, "", TEXT },
	{ "steps", &cmd_watch, "--explain --absolute-seq", TEXT },
	{ "steps", &cmd_watch, "--json", JSON },
	{ "steps", &cmd_watch, "--once", TEXT },
	{ "steps", &cmd_watch, "--once --json", JSON },
	{ "steps", &cmd_watch, "--explain -n dport > :1024 and not dst 10.0.0.0/8", TEXT },
	{ "tables", &cmd_ss, "-tanoempiO", TEXT },
	{ "tables", &cmd_ss, "-tae", TEXT },
	{ "tables", &cmd_ss, "-tan --json", JSON },
	{ "tables", &cmd_ss, "-s", TEXT },
	{ "tables", &cmd_ss, "-tan --history", TEXT },
	{ "tables", &cmd_netstat, "-tanopeeW", TEXT },
	{ "tables", &cmd_netstat, "-tan --json", JSON },
	{ "tables", &cmd_listen, "", TEXT },
	{ "tables", &cmd_listen, "--json", JSON },
	{ "tables", &cmd_life, "", TEXT },
	{ "tables", &cmd_life, "--json", JSON },
	{ "tables", &cmd_ports, "", TEXT },
	{ "tables", &cmd_ports, "--json", JSON },
	{ "tables", &cmd_top, "", TEXT },
	{ "tables", &cmd_top, "--json", JSON },
	{ "pictures", &cmd_ladder, "", TEXT },
	{ "pictures", &cmd_ladder, "--json", JSON },
	{ "pictures", &cmd_ladder, "--svg=-", SVG },
	{ "pictures", &cmd_window, "", TEXT },
	{ "pictures", &cmd_window, "--json", JSON },
	{ "pictures", &cmd_states, "", TEXT },
	{ "pictures", &cmd_states, "--json", JSON },
	{ "pictures", &cmd_states, "--svg=-", SVG },
	{ "exports", &cmd_export, "--format=pcapng", PCAPNG },
	{ "exports", &cmd_export, "--format=perfetto", BINARY },
	{ "exports", &cmd_export, "--format=prometheus", TEXT },
	{ "exports", &cmd_export, "--format=jsonl", JSON },
	{ "exports", &cmd_record, "-", BINARY },
};

#define COUNT (sizeof(views) / sizeof(views[0]))

const char *argp_program_version = "tcptrace-ctl";

static bool chosen[COUNT];

/* ---- what the output must be ---- */

/* Whether each byte is what a recorder wrote. */
static bool whole(const uint8_t *data, size_t size)
{
	static uint8_t mended[1 << 16];

	if (size > sizeof(mended))
		return false;
	memcpy(mended, data, size);
	return recording_mend(mended, size, sizeof(mended)) == size && !memcmp(mended, data, size);
}

/* Something is missing at its end, which a reader has to notice. */
static bool cut(const uint8_t *data, size_t size)
{
	struct capture_header header;
	struct tcptrace_record last;

	if (size < sizeof(header) + sizeof(last))
		return true;
	memcpy(&header, data, sizeof(header));
	memcpy(&last, data + size - sizeof(last), sizeof(last));
	return header.header_size > size || (size - header.header_size) % sizeof(last) ||
	       last.type != TCPTRACE_T_LOST || last.cookie != CAPTURE_TRAILER;
}

static void demand_json(const struct sandbox_text *text, const char *what)
{
	struct json_tokener *tokener = json_tokener_new();
	const char *line, *end;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	for (line = text->data; (end = strchr(line, '\n')); line = end + 1) {
		struct json_object *object = json_tokener_parse_ex(tokener, line, end - line + 1);

		if (!object || !json_object_is_type(object, json_type_object))
			sandbox_fail("%s: no object in a line: %.*s", what, (int)(end - line), line);
		json_object_put(object);
		json_tokener_reset(tokener);
	}
	json_tokener_free(tokener);
}

static void demand_svg(const struct sandbox_text *text, const char *what)
{
	static const char last[] = "</svg>\n";

	if (text->size < sizeof(last) || strcmp(text->data + text->size - (sizeof(last) - 1), last))
		sandbox_fail("%s: a picture without its end", what);
}

/* Blocks whose length stands at both ends. */
static void demand_pcapng(const struct sandbox_text *text, const char *what)
{
	size_t at = 0;

	while (at < text->size) {
		uint32_t head[2], length = 0;

		if (text->size - at >= sizeof(head)) {
			memcpy(head, text->data + at, sizeof(head));
			length = head[1];
		}
		if (length < 12 || length % 4 || length > text->size - at)
			sandbox_fail("%s: a block of %u bytes at %zu", what, length, at);
		at += length;
		if (memcmp(text->data + at - sizeof(length), &length, sizeof(length)))
			sandbox_fail("%s: the block before %zu ends with another length", what, at);
	}
}

static void demand_output(const struct view *view, const struct sandbox *done, const char *what)
{
	sandbox_demand_text(&done->err, "\n", what);
	if (view->form == TEXT || view->form == JSON || view->form == SVG)
		sandbox_demand_text(&done->out, view->command == &cmd_ss ? "\n\t" : "\n", what);
	if (view->form == JSON)
		demand_json(&done->out, what);
	if (view->form == SVG && done->out.size)
		demand_svg(&done->out, what);
	if (view->form == PCAPNG)
		demand_pcapng(&done->out, what);
}

/* ---- a run ---- */

static void show(const struct view *view, const uint8_t *data, size_t size)
{
	const struct sandbox *done;
	char words[128], what[160], *argv[16] = { words, "--source=-" };
	int argc = 2;
	char *word, *rest;

	snprintf(words, sizeof(words), "%s", view->words);
	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[0] = (char *)view->command->name;
	snprintf(what, sizeof(what), "%s %s", view->command->name, view->words);

	done = sandbox_run(view->command->run, argc, argv, data, size);
	if (done->status && done->status != EXIT_DAMAGED)
		sandbox_fail("%s: status %d", what, done->status);
	if (done->status && !done->err.size)
		sandbox_fail("%s: fails without a word", what);
	if (done->status && whole(data, size))
		sandbox_fail("%s: refuses a whole recording", what);
	if (!done->status && cut(data, size))
		sandbox_fail("%s: does not say that the recording is cut", what);
	if (done->heap > HEAP_BASE + size / sizeof(struct tcptrace_record) * HEAP_RECORD)
		sandbox_fail("%s: takes %zu bytes of memory", what, done->heap);
	demand_output(view, done, what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (chosen[i])
			show(&views[i], data, size);
	return 0;
}

static bool fits(const struct view *view, const char *word)
{
	char line[160];

	snprintf(line, sizeof(line), "%s %s %s", view->group, view->command->name, view->words);
	return strstr(line, word);
}

/* libFuzzer ignores what begins with two dashes. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *word = "";
	bool any = false;
	size_t i;
	int at;

	for (at = 1; at < *argc; at++)
		if (!strncmp((*argv)[at], "--view=", 7))
			word = (*argv)[at] + 7;
	for (i = 0; i < COUNT; i++)
		any |= chosen[i] = fits(&views[i], word);
	if (!any)
		sandbox_fail("--view=%s: no such view", word);
	sandbox_begin();
	return 0;
}
