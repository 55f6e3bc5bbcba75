// SPDX-License-Identifier: GPL-2.0-only
/* Clauses as text: the result of filter_clauses() for an expression. */
#include <stdlib.h>
#include <sys/socket.h>

#include "filter/filter.h"
#include "record/clause.h"
#include "test.h"

static const char *text_of(const struct tcptrace_clause *clauses, size_t count)
{
	static char *text;
	size_t size;
	FILE *file;

	free(text);
	file = open_memstream(&text, &size);
	clauses_print(file, clauses, count);
	fclose(file);
	return text;
}

/* An expression, and the text of its clauses. */
static void says(char *expression, const char *wanted)
{
	struct tcptrace_clause clauses[TCPTRACE_CLAUSES_MAX];
	struct filter *filter;
	char error[256];
	size_t count;

	if (!ok(!filter_parse(1, (char *[]) { expression }, 0, &filter, error, sizeof(error)), "%s",
		expression))
		return;
	count = filter_clauses(filter, clauses, TCPTRACE_CLAUSES_MAX);
	is_str(text_of(clauses, count), wanted, "said again");
	filter_free(filter);
}

/* And that text is an expression with the same clauses. */
static void round_trip(char *expression)
{
	struct tcptrace_clause first[TCPTRACE_CLAUSES_MAX], again[TCPTRACE_CLAUSES_MAX];
	size_t count, count_again;
	struct filter *filter;
	char error[256], *text;

	filter_parse(1, (char *[]) { expression }, 0, &filter, error, sizeof(error));
	count = filter_clauses(filter, first, TCPTRACE_CLAUSES_MAX);
	filter_free(filter);
	text = strdup(text_of(first, count));
	if (!ok(!filter_parse(1, &text, 0, &filter, error, sizeof(error)), "%s", text)) {
		diag("%s", error);
		free(text);
		return;
	}
	count_again = filter_clauses(filter, again, TCPTRACE_CLAUSES_MAX);
	ok(count == count_again && !memcmp(first, again, count * sizeof(*first)),
	   "is an expression with the same clauses");
	filter_free(filter);
	free(text);
}

int main(void)
{
	struct tcptrace_clause clause = { .sport_max = 65535, .dport_max = 65535 };

	is_str(text_of(NULL, 0), "everything", "no clause");
	is_str(text_of(&clause, 1), "everything", "a clause without a condition");
	clause.netns = 4026531840u;
	clause.family = AF_INET6;
	is_str(text_of(&clause, 1), "src inet6:* and netns 4026531840", "what no expression says");

	says("sport = :9090", "sport = :9090");
	says("src 10.0.0.0/8 and dport = :443", "src 10.0.0.0/8 and dport = :443");
	says("dst [2001:db8::/32]", "dst [2001:db8::/32]");
	says("src 192.0.2.1", "src 192.0.2.1");
	says("sport >= :1024 and sport <= :2047", "sport >= :1024 and sport <= :2047");
	round_trip("sport = :9090 or dport = :9090");
	round_trip("src 10.0.0.0/8 and ( dport = :80 or dport = :443 )");
	round_trip("dst [::1] and sport > :1024");
	round_trip("src inet6:*");
	round_trip("src inet:*:80");
	return done_testing();
}
