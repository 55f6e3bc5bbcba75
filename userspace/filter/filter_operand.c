// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses, ports and devices as ss accepts them: 10/8, 10.0.0.0/255.0.0.0:80, [2001:db8::/32]:80, *:http, any,
 * localhost:80.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "filter/filter_impl.h"
#include "record/names.h"

#define MAPPED_BITS	96	/* of ::ffff:0:0/96, before an IPv4 address */

static const uint8_t mapped[TCPTRACE_ADDR_LEN] = { [10] = 0xff, [11] = 0xff };

/* Decimal, 0x and 0, as in strtoul() and so in ss. *rest: what follows the digits. */
static bool parse_number(const char *word, unsigned long max, unsigned long *number, char **rest)
{
	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	*number = strtoul(word, rest, 0);
	return !errno && *number <= max;
}

static bool parse_whole_number(const char *word, unsigned long max, unsigned long *number)
{
	char *rest;

	return parse_number(word, max, number, &rest) && !*rest;
}

/* Missing bytes are the last ones: 10.8 is 10.8.0.0, unlike in inet_aton(). */
static bool parse_inet(const char *word, uint8_t *bytes)
{
	unsigned long number;
	char *rest;
	int i;

	memset(bytes, 0, 4);
	for (i = 0; i < 4; i++) {
		if (!parse_number(word, UINT8_MAX, &number, &rest))
			return false;
		bytes[i] = number;
		if (!*rest)
			return true;
		if (*rest != '.')
			return false;
		word = rest + 1;
	}
	return false;
}

/* A number of bits or, for IPv4, a mask: 255.0.0.0. */
static bool parse_length(const char *word, bool inet, unsigned long *length)
{
	uint8_t bytes[4];
	uint32_t mask;

	if (parse_whole_number(word, inet ? 32 : 128, length))
		return true;
	if (!inet || !strchr(word, '.') || !parse_inet(word, bytes))
		return false;
	mask = (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
	*length = __builtin_popcount(mask);
	return mask == (*length ? ~0u << (32 - *length) : 0);
}

static void clear_beyond(uint8_t *address, unsigned int length)
{
	unsigned int i;

	for (i = 0; i < TCPTRACE_ADDR_LEN; i++)
		if (i * 8 + 8 > length)
			address[i] &= i * 8 >= length ? 0 : 0xff00 >> (length - i * 8);
}

/* ADDRESS[/LENGTH] without brackets and port. Modifies `text`. */
static bool parse_prefix(char *text, struct filter_endpoint *ep)
{
	char *slash = strchr(text, '/');
	bool inet = !strchr(text, ':');
	unsigned long length = inet ? 32 : 128;

	if (slash)
		*slash++ = '\0';
	if (!strcmp(text, "any") || !strcmp(text, "all") || !strcmp(text, "default"))
		return !slash;
	if (inet) {
		memcpy(ep->address, mapped, sizeof(mapped));
		if (ep->family == AF_INET6 || !parse_inet(text, ep->address + MAPPED_BITS / 8))
			return false;
	} else if (ep->family == AF_INET || inet_pton(AF_INET6, text, ep->address) != 1) {
		return false;
	}
	if (slash && !parse_length(slash, inet, &length))
		return false;
	ep->length = inet ? MAPPED_BITS + length : length;
	/* 10.0.0.1 is also ::ffff:10.0.0.1 of an IPv6 socket; but what is written as IPv6 matches only IPv6 sockets. */
	if (!inet)
		ep->family = AF_INET6;
	clear_beyond(ep->address, ep->length);
	return true;
}

/* A number, a service, or nothing or "*" for any. */
static bool parse_port(const char *text, struct filter_endpoint *ep)
{
	const struct servent *service;
	unsigned long number;

	ep->any_port = !*text || !strcmp(text, "*");
	if (ep->any_port)
		return true;
	/* As in ss, a number that no port has is no error. */
	if (parse_whole_number(text, INT_MAX, &number)) {
		ep->port = number;
		return true;
	}
	service = getservbyname(text, "tcp");
	if (service)
		ep->port = ntohs(service->s_port);
	return service;
}

/* Strips "inet:" or "inet6:" from the word. As in ss, it also applies to the whole filter. */
static bool parse_family(struct filter_parser *parser, const char **word, struct filter_endpoint *ep)
{
	static const char *const others[] = { "unix:", "link:", "netlink:", "vsock:" };
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strncmp(*word, others[i], strlen(others[i]))) {
			filter_fail(parser, FILTER_ERROR_SYNTAX, *word,
				    "not supported by tcptrace: the address families of TCP are \"inet:\" "
				    "and \"inet6:\"");
			return false;
		}
	}
	if (!strncmp(*word, "inet:", 5)) {
		*word += 5;
		ep->family = AF_INET;
		parser->filter->inet = true;
	} else if (!strncmp(*word, "inet6:", 6)) {
		*word += 6;
		ep->family = AF_INET6;
		parser->filter->inet6 = true;
	}
	return true;
}

static bool port_wanted(struct filter_parser *parser, const char *word)
{
	filter_fail(parser, FILTER_ERROR_ADDRESS, word,
		    "not a port; expected a number, a TCP service, or *");
	return false;
}

bool filter_parse_port(struct filter_parser *parser, const char *word, struct filter_endpoint *ep)
{
	const char *text = word;

	*ep = (struct filter_endpoint){ 0 };
	if (!parse_family(parser, &text, ep))
		return false;
	return parse_port(text + (*text == ':'), ep) || port_wanted(parser, word);
}

/* Terminates the address and returns what follows its colon; NULL: no colon follows. */
static char *split(char **address)
{
	char *cut, *slash;

	if (**address == '[') {
		cut = strchr(++*address, ']');
		if (!cut)
			return NULL;
		*cut++ = '\0';
	} else if (**address == '*') {
		cut = *address + 1;
	} else {
		slash = strchr(*address, '/');
		cut = strrchr(slash ? slash : *address, ':');
	}
	if (!cut || !*cut)
		return *address + strlen(*address);
	if (*cut != ':')
		return NULL;
	*cut = '\0';
	return cut + 1;
}

static bool address_wanted(struct filter_parser *parser, const char *word, uint8_t family)
{
	filter_fail(parser, FILTER_ERROR_ADDRESS, word,
		    "not an address%s; expected one such as 10.0.0.0/8, 10.0.0.1:80 or "
		    "[2001:db8::/32]:80, or a host",
		    family == AF_INET ? " of IPv4" : family == AF_INET6 ? " of IPv6" : "");
	return false;
}

void filter_take_host(struct filter_endpoint *ep, const struct addrinfo *host)
{
	if (host->ai_family == AF_INET6) {
		memcpy(ep->address, &((const struct sockaddr_in6 *)host->ai_addr)->sin6_addr, TCPTRACE_ADDR_LEN);
		ep->family = AF_INET6;
	} else {
		memcpy(ep->address, mapped, sizeof(mapped));
		memcpy(ep->address + MAPPED_BITS / 8, &((const struct sockaddr_in *)host->ai_addr)->sin_addr, 4);
	}
	ep->length = 8 * TCPTRACE_ADDR_LEN;
}

enum outcome { GOOD, BAD_ADDRESS, BAD_PORT };

/* As in ss, of IPv4 unless IPv6 is asked for. */
static bool parse_host(const struct filter_parser *parser, const char *name, struct filter_endpoint *ep)
{
	const struct addrinfo hints = {
		.ai_family = ep->family ? ep->family : AF_INET,
		.ai_socktype = SOCK_STREAM,
	};

	return parser->hosts && isalpha((unsigned char)*name) && !getaddrinfo(name, NULL, &hints, &ep->hosts);
}

/* [ADDRESS[/LENGTH]][:PORT] or HOST[:PORT], without an error message. */
static enum outcome parse_endpoint(const struct filter_parser *parser, const char *text, struct filter_endpoint *ep)
{
	char copy[256], name[256], *address = copy, *port;

	if (strlen(text) >= sizeof(copy))
		return BAD_ADDRESS;
	strcpy(copy, text);
	port = split(&address);
	if (!port)
		return BAD_ADDRESS;
	strcpy(name, address);
	if (*address && strcmp(address, "*") && !parse_prefix(address, ep) && !parse_host(parser, name, ep))
		return BAD_ADDRESS;
	if (parse_port(port, ep))
		return GOOD;
	filter_endpoint_free(ep);
	return BAD_PORT;
}

bool filter_parse_address(struct filter_parser *parser, const char *word, struct filter_endpoint *ep)
{
	const char *text = word;
	struct in6_addr unused;
	enum outcome outcome;
	uint8_t family;

	*ep = (struct filter_endpoint){ .family = parser->family };
	if (!parse_family(parser, &text, ep))
		return false;
	family = ep->family;
	outcome = parse_endpoint(parser, text, ep);
	if (outcome == GOOD)
		return true;
	if (strstr(text, "]/")) {
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "the length belongs inside the brackets, as in [2001:db8::/32]:80");
		return false;
	}
	/* Its last group was parsed as a port. */
	if (family != AF_INET && inet_pton(AF_INET6, text, &unused) == 1) {
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "an IPv6 address needs brackets: [%s]", text);
		return false;
	}
	return outcome == BAD_PORT ? port_wanted(parser, word) :
				     address_wanted(parser, word, family);
}

static bool device_wanted(struct filter_parser *parser, const char *word)
{
	filter_fail(parser, FILTER_ERROR_ADDRESS, word, FILTER_NO_DEVICE);
	return false;
}

bool filter_parse_device(struct filter_parser *parser, const char *word, struct filter_device *device)
{
	size_t length = strlen(word);
	unsigned long number;

	*device = (struct filter_device){ 0 };
	device->number = parse_whole_number(word, UINT32_MAX, &number) ||
			 (!strncmp(word, "if", 2) && parse_whole_number(word + 2, UINT32_MAX, &number));
	if (device->number)
		device->ifindex = number;
	/* dev_valid_name() */
	else if (length >= sizeof(device->name) || strpbrk(word, "/:") || !strcmp(word, ".") || !strcmp(word, ".."))
		return device_wanted(parser, word);
	if (length < sizeof(device->name))
		memcpy(device->name, word, length);
	return true;
}

/* The kernel keeps only the first 15 bytes of a name. */
bool filter_parse_process(struct filter_parser *parser, const char *word, struct process *process)
{
	unsigned long number;

	*process = (struct process){ 0 };
	if (!parse_whole_number(word, INT_MAX, &number)) {
		snprintf(process->comm, sizeof(process->comm), "%s", word);
		return true;
	}
	process->pid = number;
	if (!number)
		filter_fail(parser, FILTER_ERROR_ADDRESS, word, "no process has that number");
	return number;
}

/* Guesses what was meant by a word where a condition should start. */
static void hint(struct filter_parser *parser, const char *word)
{
	static const char *const keywords[] = { "and", "or", "not", "src", "dst", "sport", "dport",
						"dev", "process" };
	const struct filter_parser plain = { 0 };	/* nothing is looked up */
	struct filter_endpoint ep = { 0 };
	size_t i;

	if (!strcmp(word, "state") || !strncmp(word, "excl", 4)) {
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "states must come first in the filter, before all conditions");
		return;
	}
	if (state_parse(word) >= 0) {
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "a state needs \"state\" or \"exclude\" before it, at the start of "
			    "the filter");
		return;
	}
	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!strcasecmp(word, keywords[i])) {
			filter_fail(parser, FILTER_ERROR_ADDRESS, word, "expected \"%s\"",
				    keywords[i]);
			return;
		}
	}
	if (strpbrk(word, "()!=<>&|"))
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "operators and parentheses need blanks around them, as in "
			    "\"( sport = :9090 )\"");
	else if (parse_endpoint(&plain, word, &ep) == GOOD)
		filter_fail(parser, FILTER_ERROR_SYNTAX, word,
			    "an address needs \"src\" or \"dst\" before it");
	else if (parse_port(word, &ep))
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "a service needs a colon or \"sport\" or \"dport\" before it: \":%s\"",
			    word);
	else
		filter_fail(parser, FILTER_ERROR_ADDRESS, word,
			    "not understood; expected a port (9090) or a condition, as in "
			    "\"sport = :9090\", \"dst 10.0.0.0/8\" or \"process nginx\"");
}

bool filter_parse_bare_port(struct filter_parser *parser, const char *word, uint16_t *port)
{
	struct filter_endpoint ep = { 0 };
	unsigned long number;

	if (parse_whole_number(word, UINT16_MAX, &number)) {
		*port = number;
		return true;
	}
	/* With the colon it is a port, so a service name is valid, too. */
	if (*word == ':' && parse_port(word + 1, &ep) && !ep.any_port && ep.port <= UINT16_MAX) {
		*port = ep.port;
		return true;
	}
	if (*word == ':' || parse_whole_number(word, ULONG_MAX, &number))
		port_wanted(parser, word);
	else
		hint(parser, word);
	return false;
}
