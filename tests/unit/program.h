/* SPDX-License-Identifier: GPL-2.0-only */
/* Views on recordings made by hand: runs tcptrace-ctl from BUILD and checks its output. */
#ifndef TCPTRACE_PROGRAM_H
#define TCPTRACE_PROGRAM_H

#include <json-c/json.h>
#include <limits.h>
#include <sys/wait.h>

#include "capture_make.h"
#include "stream.h"
#include "test.h"

#define LINES_MAX	256

static struct stream stream;
static struct capture capture;
static char folder[] = "/tmp/tcptrace_unit.XXXXXX";

/* The output of one run. */
static struct {
	int status;
	char text[256 * 1024];
	char *lines[LINES_MAX];
	unsigned int count;
} out;

static inline const char *file(void)
{
	static char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/recording", folder);
	return name;
}

/* The stream as a recording. */
/* The level that the stream's records are of. */
static inline uint32_t level_of_stream(void)
{
	unsigned int i;

	for (i = 0; i < stream.count; i++)
		if (stream.records[i].type == TCPTRACE_T_SEGMENT)
			return TCPTRACE_L_SEGMENT;
	return TCPTRACE_L_QUEUE;
}

static inline void save(uint64_t overwritten)
{
	unsigned int i;

	capture_begin(&capture)->level = level_of_stream();
	for (i = 0; i < stream.count; i++) {
		uint16_t type = stream.records[i].type;

		capture_put(&capture, &stream.records[i], sizeof(stream.records[i]));
		capture.events += type != TCPTRACE_T_SNAPSHOT && type != TCPTRACE_T_LOST;
	}
	capture_end(&capture, overwritten)->u.lost.missed = 0;
	capture_save(&capture, file());
}

static inline void split(void)
{
	char *line = out.text, *end;

	out.count = 0;
	while (out.count < LINES_MAX && (end = strchr(line, '\n'))) {
		*end = '\0';
		out.lines[out.count++] = line;
		line = end + 1;
	}
}

static inline void run_command(const char *command)
{
	FILE *pipe = popen(command, "r");
	size_t size;

	if (!pipe)
		abort();
	size = fread(out.text, 1, sizeof(out.text) - 1, pipe);
	out.text[size] = '\0';
	out.status = WEXITSTATUS(pclose(pipe));
	split();
}

/* Runs a command on the recording, followed by `arguments`, including standard error. */
static inline void run(const char *view, const char *arguments)
{
	const char *build = getenv("BUILD");
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "TZ=UTC %s/tcptrace-ctl %s --source=%s %s", build ? build : "build", view,
		 file(), arguments);
	run_command(command);
}

static inline const char *line_with(const char *text)
{
	unsigned int i;

	for (i = 0; i < out.count; i++)
		if (strstr(out.lines[i], text))
			return out.lines[i];
	return NULL;
}

static inline void has_line(const char *wanted)
{
	unsigned int i;

	for (i = 0; i < out.count; i++)
		if (!strcmp(out.lines[i], wanted))
			break;
	if (!ok(i < out.count, "%s", wanted))
		for (i = 0; i < out.count; i++)
			diag("%s", out.lines[i]);
}

/* ---- JSON: one object per line ---- */

static struct json_object *objects[LINES_MAX];

static inline const char *string(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static inline long long number(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return -1;
	return json_object_get_int64(value);
}

static inline bool has(struct json_object *object, const char *key)
{
	return json_object_object_get_ex(object, key, NULL);
}

/* The n-th object, from 0, of a type and an endpoint. */
static inline struct json_object *object_of(const char *type, long long cookie, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < out.count; i++)
		if (!strcmp(string(objects[i], "type"), type) && number(objects[i], "cookie") == cookie &&
		    !n--)
			return objects[i];
	return NULL;
}

static inline void program_begin(void)
{
	if (!mkdtemp(folder))
		abort();
}

static inline void program_end(void)
{
	unsigned int i;

	for (i = 0; i < LINES_MAX; i++)
		json_object_put(objects[i]);
	unlink(file());
	rmdir(folder);
}

#endif
