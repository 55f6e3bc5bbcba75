// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "record/record.h"
#include "view/table/ss_summary.h"

/* By transport: the sum first, then IPv4, then IPv6. */
enum { RAW, UDP, TCP, FRAG, TRANSPORTS };

struct summary {
	int sockets;
	int established, timewait, orphans;
	int allocated;			/* TCP of both families, hashed or not, without TIME_WAIT */
	int count[TRANSPORTS][2];	/* IPv4, IPv6 */
	bool recorded;			/* only TCP */
};

static const char *const transports[] = { "RAW", "UDP", "TCP", "FRAG" };

__attribute__((format(printf, 2, 3)))
static void say(struct out *out, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	out_write(out, text, length);
}

/* ---- the sources of the numbers ---- */

/* "UDP6: inuse 5 mem 0": the number after a word, 0 if absent. */
static int after(const char *line, const char *word)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %s ", word);
	at = strstr(line, key);
	return at ? atoi(at + strlen(key)) : 0;
}

static void take_line(struct summary *summary, const char *line, unsigned int family)
{
	unsigned int i;

	if (!strncmp(line, "sockets:", 8))
		summary->sockets = after(line, "used");
	if (!strncmp(line, "TCP:", 4)) {
		summary->orphans = after(line, "orphan");
		summary->timewait = after(line, "tw");
		summary->allocated = after(line, "alloc");
	}
	for (i = 0; i < TRANSPORTS; i++) {
		size_t length = strlen(transports[i]);

		if (!strncmp(line, transports[i], length) && line[length + family] == ':')
			summary->count[i][family] = after(line, "inuse");
	}
}

static int read_sockstat(struct summary *summary, const char *name, unsigned int family)
{
	FILE *file = fopen(name, "r");
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		take_line(summary, line, family);
	fclose(file);
	return 0;
}

/* In /proc/net/snmp a line of words precedes a line of numbers. */
static int read_established(struct summary *summary)
{
	char words[1024], numbers[1024], *word, *number, *rest = NULL, *numbers_rest = NULL;
	FILE *file = fopen("/proc/net/snmp", "r");

	if (!file)
		return -errno;
	while (fgets(words, sizeof(words), file) && fgets(numbers, sizeof(numbers), file)) {
		if (strncmp(words, "Tcp:", 4))
			continue;
		word = strtok_r(words, " \n", &rest);
		number = strtok_r(numbers, " \n", &numbers_rest);
		while (word && number) {
			if (!strcmp(word, "CurrEstab"))
				summary->established = atoi(number);
			word = strtok_r(NULL, " \n", &rest);
			number = strtok_r(NULL, " \n", &numbers_rest);
		}
	}
	fclose(file);
	return 0;
}

static int read_kernel(struct summary *summary)
{
	int error = read_sockstat(summary, "/proc/net/sockstat", 0);

	if (!error)
		error = read_established(summary);
	/* Absent without IPv6. */
	if (!error)
		read_sockstat(summary, "/proc/net/sockstat6", 1);
	return error;
}

/* As the kernel counts: a request is not a socket yet, and a half-closed endpoint is established. */
static int count(const struct tcptrace_record *record, void *arg)
{
	struct summary *summary = arg;

	if (record->kind == TCPTRACE_K_REQUEST)
		return 0;
	summary->count[TCP][record->family == AF_INET6]++;
	if (record->kind == TCPTRACE_K_TIMEWAIT) {
		summary->timewait++;
		return 0;
	}
	summary->allocated++;
	summary->established += record->new_state == TCPTRACE_S_ESTABLISHED ||
				record->new_state == TCPTRACE_S_CLOSE_WAIT;
	summary->orphans += !!(record->flags & TCPTRACE_F_ORPHAN);
	return 0;
}

/* ---- printing ---- */

static void say_transport(struct out *out, const char *name, int v4, int v6)
{
	say(out, "%s\t  %-9d %-9d %-9d\n", name, v4 + v6, v4, v6);
}

static void print(const struct summary *summary, struct out *out)
{
	int v4 = 0, v6 = 0, hashed = summary->count[TCP][0] + summary->count[TCP][1];
	unsigned int i;

	if (!summary->recorded)
		say(out, "Total: %d\n", summary->sockets);
	say(out, "TCP:   %d (estab %d, closed %d, orphaned %d, timewait %d)\n\n",
	    summary->allocated + summary->timewait, summary->established,
	    summary->allocated - (hashed - summary->timewait), summary->orphans, summary->timewait);
	out_write(out, "Transport Total     IP        IPv6\n", strlen("Transport Total     IP        IPv6\n"));
	for (i = RAW; i <= TCP; i++) {
		v4 += summary->count[i][0];
		v6 += summary->count[i][1];
		if (!summary->recorded || i == TCP)
			say_transport(out, transports[i], summary->count[i][0], summary->count[i][1]);
	}
	if (!summary->recorded) {
		say_transport(out, "INET", v4, v6);
		say_transport(out, transports[FRAG], summary->count[FRAG][0], summary->count[FRAG][1]);
	}
	out_write(out, "\n", 1);
}

int ss_summary_kernel(struct out *out)
{
	struct summary summary = { 0 };
	int error = read_kernel(&summary);

	if (!error)
		print(&summary, out);
	return error;
}

int ss_summary_source(struct source *source, struct out *out)
{
	struct summary summary = { .recorded = true };
	int error = source_snapshot(source, count, &summary);

	if (!error)
		print(&summary, out);
	return error;
}
