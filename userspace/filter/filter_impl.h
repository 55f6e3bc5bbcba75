/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the filter share; not for other folders:
 *
 *   filter.c          the words; state selections; errors
 *   filter.y          the grammar; which word is which token
 *   filter_operand.c  addresses, ports, devices, processes; words that are none of these
 *   filter_match.c    links the expression for filter_match() and runs it
 *   filter_push.c     the clauses that a source can decide
 */
#ifndef TCPTRACE_FILTER_IMPL_H
#define TCPTRACE_FILTER_IMPL_H

#include <netdb.h>
#include <string.h>

#include "filter/filter.h"
#include "record/device.h"

/* An expression is at most what a script generates; anything larger is a mistake. */
#define FILTER_NODES_MAX	8192

enum filter_op { FILTER_TEST, FILTER_AND, FILTER_OR };

/* Where filter_match() goes after a test; 0 and above: the next test. */
enum filter_verdict { FILTER_NO = -1, FILTER_YES = -2 };

/* A device as written. Names are compared, not looked up here: the filter's devices may be in other namespaces. */
struct filter_device {
	char name[DEVICE_NAME_LEN];
	bool number;			/* "7", or the "if7" of a device without a name; 0 is none, as in ss */
	uint32_t ifindex;
};

/* A node of the expression. Negation is a bit of the negated node. */
struct filter_node {
	enum filter_op op;
	bool negated;
	/* AND, OR: the operands. */
	int left, right;
	/* A test matches if its clause does. */
	struct tcptrace_clause clause;
	/* A test of the device instead. */
	bool has_device;
	struct filter_device device;
	/* A test of the process instead: by its number or, if that is 0, by its name. */
	bool has_process;
	struct process process;
	/* What follows a test, by its outcome, or if it cannot be decided; set by filter_link(). */
	int yes, no, unknown;
};

struct filter {
	struct filter_node *nodes;
	int count;
	size_t room;
	int root;		/* -1: no expression */
	int first;		/* the test that filter_match() starts with, or a verdict */
	uint32_t states;	/* 1 << enum tcptrace_state; bit 0 for what has no state */
	bool has_states;
	bool inet, inet6;	/* there was a word with "inet:", "inet6:" */
	uint8_t family;		/* the one that filter_match() requires; 0: both */
};

/* What the next word that is no keyword must be. */
enum filter_operand { FILTER_BARE, FILTER_ADDRESS, FILTER_PORT, FILTER_DEVICE, FILTER_PROCESS };

struct filter_parser {
	struct filter *filter;
	char *words, *next, *end;	/* each word is terminated by a NUL */
	const char *word;		/* the last one taken; NULL: there was none left */
	enum filter_operand operand;
	int status;			/* enum filter_error; 0: no error yet */
	char *error;
	size_t error_size;
	int family;			/* of -4 or -6, which an address has to be of; 0: neither */
	bool hosts;			/* host names are looked up */
};

/* One endpoint of a connection, as written. */
struct filter_endpoint {
	uint8_t address[TCPTRACE_ADDR_LEN];
	uint8_t length;			/* bits, 0: any address */
	uint8_t family;			/* 0: both */
	bool any_port;
	uint32_t port;			/* above 65535: none */
	struct addrinfo *hosts;		/* of a host name, instead of `address`; freed by filter_endpoint_free() */
};

static inline void filter_endpoint_free(struct filter_endpoint *ep)
{
	if (ep->hosts)
		freeaddrinfo(ep->hosts);
	ep->hosts = NULL;
}

/* filter.c: the next word, or NULL. */
const char *filter_next_word(struct filter_parser *parser);

/* filter.c: keeps the first error, with a word (NULL: none), which is made safe for one line. */
__attribute__((format(printf, 4, 5)))
void filter_fail(struct filter_parser *parser, enum filter_error status, const char *word,
		 const char *reason, ...);

/* filter.y: parses all words. The result is in parser->status. */
void filter_grammar(struct filter_parser *parser);

/* filter_operand.c: each returns whether the word is valid, and has called filter_fail() if not. */
/* Takes the address of one of ep->hosts. */
void filter_take_host(struct filter_endpoint *ep, const struct addrinfo *host);
bool filter_parse_address(struct filter_parser *parser, const char *word, struct filter_endpoint *ep);
bool filter_parse_port(struct filter_parser *parser, const char *word, struct filter_endpoint *ep);
bool filter_parse_device(struct filter_parser *parser, const char *word, struct filter_device *device);
bool filter_parse_process(struct filter_parser *parser, const char *word, struct process *process);
bool filter_parse_bare_port(struct filter_parser *parser, const char *word, uint16_t *port);

/* filter_match.c */
void filter_link(struct filter *filter);

static inline struct tcptrace_clause filter_any(void)
{
	return (struct tcptrace_clause){ .sport_max = UINT16_MAX, .dport_max = UINT16_MAX };
}

/* Whether the first `length` bits are equal. */
static inline bool filter_prefix_fits(const uint8_t *address, const uint8_t *prefix,
				      unsigned int length)
{
	unsigned int bytes = length / 8, bits = length % 8;

	if (memcmp(address, prefix, bytes))
		return false;
	return !bits || !((address[bytes] ^ prefix[bytes]) >> (8 - bits));
}

#endif
