// SPDX-License-Identifier: GPL-2.0-only
/* The filter's outside: its words, the states before the expression, and its errors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/safe_text.h"
#include "filter/filter_impl.h"
#include "record/names.h"

#define BIT(state)	(1u << TCPTRACE_S_##state)
/* Including bit 0, for what has no state: a segment that belongs to no socket. */
#define NO_STATE	1u
#define ANY_STATE	((2u << TCPTRACE_STATE_MAX) - 1)
#define SOCKETS		(ANY_STATE & ~NO_STATE)

/* The words that ss accepts. */
static const struct {
	const char *word;
	uint32_t states;
} state_words[] = {
	{ "established",	BIT(ESTABLISHED) },
	{ "syn-sent",		BIT(SYN_SENT) },
	{ "syn-recv",		BIT(SYN_RECV) },
	{ "syn-rcv",		BIT(SYN_RECV) },
	{ "fin-wait-1",		BIT(FIN_WAIT1) },
	{ "fin-wait-2",		BIT(FIN_WAIT2) },
	{ "time-wait",		BIT(TIME_WAIT) },
	{ "closed",		BIT(CLOSE) },
	{ "close",		BIT(CLOSE) },
	{ "unconnected",	BIT(CLOSE) },
	{ "close-wait",		BIT(CLOSE_WAIT) },
	{ "last-ack",		BIT(LAST_ACK) },
	{ "listening",		BIT(LISTEN) },
	{ "closing",		BIT(CLOSING) },
	{ "all",		ANY_STATE },
	{ "connected",		SOCKETS & ~(BIT(CLOSE) | BIT(LISTEN)) },
	{ "synchronized",	SOCKETS & ~(BIT(CLOSE) | BIT(LISTEN) | BIT(SYN_SENT)) },
	{ "bucket",		BIT(SYN_RECV) | BIT(TIME_WAIT) },
	{ "big",		SOCKETS & ~(BIT(SYN_RECV) | BIT(TIME_WAIT)) },
};

#define STATE_WORDS (sizeof(state_words) / sizeof(state_words[0]))

/* A word in quotes for a message, shortened if it is long. */
static size_t quote(char *text, size_t size, const char *word)
{
	const size_t longest = 64;

	return snprintf(text, size, "\"%s%s\"", safe_string_cut(word, longest),
			strlen(safe_string(word)) > longest ? "..." : "");
}

void filter_fail(struct filter_parser *parser, enum filter_error status, const char *word,
		 const char *reason, ...)
{
	char text[512], *quoted;
	va_list arguments;
	size_t length = 0;

	if (parser->status)
		return;
	parser->status = status;
	if (word) {
		length = quote(text, sizeof(text) - 2, word);
		length += sprintf(text + length, ": ");
	}
	quoted = text + length;
	va_start(arguments, reason);
	vsnprintf(quoted, sizeof(text) - length, reason, arguments);
	va_end(arguments);
	snprintf(parser->error, parser->error_size, "%s", text);
}

const char *filter_next_word(struct filter_parser *parser)
{
	parser->word = NULL;
	if (parser->next < parser->end) {
		parser->word = parser->next;
		parser->next += strlen(parser->next) + 1;
	}
	return parser->word;
}

/*
 * Words are separated by blanks, in one argument or several. A backslash is what protects a character from the shell:
 * "\(" is "(", and keeps a blank in its word.
 */
static bool split_words(struct filter_parser *parser, int count, char *const words[])
{
	size_t size = 0;
	const char *from;
	bool inside;
	char *to;
	int i;

	for (i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	parser->words = to = malloc(size + 1);
	if (!to)
		return false;
	for (i = 0; i < count; i++) {
		inside = false;
		for (from = words[i]; *from; from++) {
			if (strchr(" \t\n", *from)) {
				if (inside)
					*to++ = '\0';
				inside = false;
				continue;
			}
			if (*from == '\\' && from[1])
				from++;
			*to++ = *from;
			inside = true;
		}
		if (inside)
			*to++ = '\0';
	}
	parser->next = parser->words;
	parser->end = to;
	return true;
}

/* The names that ss and the kernel print differ from those that ss accepts: suggest the latter. */
static void refuse_state(struct filter_parser *parser, const char *word)
{
	int state = state_parse(word);
	char list[256];
	size_t i, length = 0;

	for (i = 0; i < STATE_WORDS; i++) {
		if (state >= 0 && state_words[i].states == 1u << state) {
			filter_fail(parser, FILTER_ERROR_SYNTAX, word,
				    "no such state; expected \"%s\"", state_words[i].word);
			return;
		}
		length += snprintf(list + length, sizeof(list) - length, " %s",
				   state_words[i].word);
	}
	filter_fail(parser, FILTER_ERROR_SYNTAX, word, "no such state; expected one of%s", list);
}

static bool parse_state(struct filter_parser *parser, const char *verb, uint32_t *states)
{
	const char *word = filter_next_word(parser);
	size_t i;

	if (!word) {
		filter_fail(parser, FILTER_ERROR_SYNTAX, verb,
			    "a state must follow, as in \"%s time-wait\"", verb);
		return false;
	}
	for (i = 0; i < STATE_WORDS; i++) {
		if (!strcasecmp(word, state_words[i].word)) {
			*states = state_words[i].states;
			return true;
		}
	}
	refuse_state(parser, word);
	return false;
}

/* Takes leading state and exclude words: each adds to the states before it, or removes some. */
static bool parse_states(struct filter_parser *parser)
{
	struct filter *filter = parser->filter;
	uint32_t states;

	while (parser->next < parser->end) {
		const char *verb = parser->next;
		bool exclude = !strcmp(verb, "exclude") || !strcmp(verb, "excl");

		if (!exclude && strcmp(verb, "state"))
			break;
		filter_next_word(parser);
		if (!parse_state(parser, verb, &states))
			return false;
		if (!filter->has_states)
			filter->states = exclude ? ANY_STATE : 0;
		filter->has_states = true;
		if (exclude)
			filter->states &= ~states;
		else
			filter->states |= states;
	}
	return true;
}

static bool hosts_allowed;

void filter_allow_hosts(void)
{
	hosts_allowed = true;
}

int filter_parse(int count, char *const words[], int family, struct filter **filter, char *error, size_t error_size)
{
	struct filter_parser parser = {
		.error = error, .error_size = error_size, .family = family, .hosts = hosts_allowed
	};

	parser.filter = calloc(1, sizeof(*parser.filter));
	if (!parser.filter || !split_words(&parser, count, words)) {
		filter_fail(&parser, FILTER_ERROR_SYNTAX, NULL, "out of memory");
	} else {
		parser.filter->root = -1;
		parser.filter->states = ANY_STATE;
		if (parse_states(&parser))
			filter_grammar(&parser);
	}
	free(parser.words);
	if (parser.status) {
		filter_free(parser.filter);
		return parser.status;
	}
	filter_link(parser.filter);
	filter_set_family(parser.filter, 0);
	*filter = parser.filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (filter)
		free(filter->nodes);
	free(filter);
}

bool filter_is_empty(const struct filter *filter)
{
	return filter->root < 0 && !filter->has_states;
}

bool filter_asks_process(const struct filter *filter)
{
	int i;

	for (i = 0; i < filter->count; i++)
		if (filter->nodes[i].has_process)
			return true;
	return false;
}

const char *filter_missing_device(const struct filter *filter, bool (*exists)(const char *name))
{
	int i;

	for (i = 0; i < filter->count; i++) {
		const struct filter_node *node = &filter->nodes[i];

		if (node->has_device && !node->device.number && !exists(node->device.name))
			return node->device.name;
	}
	return NULL;
}

bool filter_has_states(const struct filter *filter)
{
	return filter->has_states;
}

uint32_t filter_states(const struct filter *filter)
{
	return filter->states & SOCKETS;
}

void filter_set_family(struct filter *filter, int family)
{
	if (filter->inet || filter->inet6)
		family = !filter->inet ? AF_INET6 : !filter->inet6 ? AF_INET : 0;
	filter->family = family;
}
