// SPDX-License-Identifier: GPL-2.0-only
/*
 * Converts JSON objects, one per line, into lines of key=value, for the tests' functions lines() and value(). Blanks in
 * strings become '_', null becomes an empty value. Input that is no object ends it with status 1.
 */
#include <err.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_string(const char *text)
{
	for (; *text; text++)
		putchar(*text == ' ' || *text == '\n' ? '_' : *text);
}

static void print_object(struct json_object *object)
{
	const char *separator = "";

	json_object_object_foreach(object, key, value) {
		printf("%s%s=", separator, key);
		if (json_object_is_type(value, json_type_string))
			print_string(json_object_get_string(value));
		else if (value)
			print_string(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
		separator = " ";
	}
	putchar('\n');
}

int main(int argc, char *argv[])
{
	FILE *file = argc > 1 ? fopen(argv[1], "r") : stdin;
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!file)
		err(EXIT_FAILURE, "%s", argv[1]);
	while ((length = getline(&line, &size, file)) > 0) {
		struct json_object *object;

		number++;
		/* The last line of a growing stream may be incomplete. */
		if (line[length - 1] != '\n')
			errx(EXIT_FAILURE, "line %lu has no end", number);
		object = json_tokener_parse(line);
		if (!json_object_is_type(object, json_type_object))
			errx(EXIT_FAILURE, "line %lu is no object: %s", number, line);
		print_object(object);
		json_object_put(object);
	}
	free(line);
	if (ferror(file) || fflush(stdout))
		err(EXIT_FAILURE, "%s", argc > 1 ? argv[1] : "standard input");
	return EXIT_SUCCESS;
}
