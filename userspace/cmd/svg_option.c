// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/svg_option.h"

enum { KEY_SVG = 0x500 };

static error_t parse(int key, char *text, struct argp_state *state)
{
	const char **name = state->input;

	if (key != KEY_SVG)
		return ARGP_ERR_UNKNOWN;
	*name = text;
	return 0;
}

static const struct argp_option options[] = {
	{ "svg", KEY_SVG, "FILE", 0, "Draw to FILE at the end; - is standard output", 0 },
	{ 0 }
};

const struct argp svg_argp = {
	.options = options,
	.parser = parse,
};
