// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/out.h"
#include "record/record.h"

static inline char *put_ipv4(char *p, const uint8_t *octets)
{
	p = put_small(p, octets[0]);
	*p++ = '.';
	p = put_small(p, octets[1]);
	*p++ = '.';
	p = put_small(p, octets[2]);
	*p++ = '.';
	return put_small(p, octets[3]);
}

/* inet_ntop() implements RFC 5952 and is slow; most lines have the same addresses as those before. */
static char *put_ipv6(char *p, const uint8_t *address)
{
	static __thread struct {
		uint8_t address[TCPTRACE_ADDR_LEN];
		uint8_t length;
		char text[INET6_ADDRSTRLEN];
	} known[16], *at;

	at = &known[hash_16(address, 0) % (sizeof(known) / sizeof(known[0]))];
	if (!at->length || memcmp(at->address, address, sizeof(at->address))) {
		memcpy(at->address, address, sizeof(at->address));
		inet_ntop(AF_INET6, address, at->text, sizeof(at->text));
		at->length = strlen(at->text);
	}
	return put_mem(p, at->text, at->length);
}

char *record_put_address(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN])
{
	return family == AF_INET ? put_ipv4(p, address + 12) : put_ipv6(p, address);
}

char *record_put_endpoint(char *p, uint8_t family, const uint8_t address[TCPTRACE_ADDR_LEN],
			  uint16_t port)
{
	if (family == AF_INET) {
		p = put_ipv4(p, address + 12);
	} else {
		*p++ = '[';
		p = put_ipv6(p, address);
		*p++ = ']';
	}
	*p++ = ':';
	return put_port(p, port);
}

char *record_put_error(char *p, int error)
{
	const char *name = strerrorname_np(error);

	if (name)
		return put_string(p, name);
	p = put_text(p, "errno ");
	return put_u64(p, error);
}
