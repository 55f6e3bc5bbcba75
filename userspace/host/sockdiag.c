// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "host/sockdiag.h"

#define BUFFER	32768	/* maximum that the kernel sends as one part of a dump */

struct entry {
	uint64_t cookie;
	size_t at;		/* offset of its message */
};

struct sockdiag {
	char *messages;		/* one after the other, aligned */
	size_t used, room;
	struct entry *entries;	/* sorted by cookie at the end */
	size_t count, entry_room;
};

static uint64_t cookie_of(const struct inet_diag_msg *head)
{
	return head->id.idiag_cookie[0] | (uint64_t)head->id.idiag_cookie[1] << 32;
}

static int keep(const struct nlmsghdr *message, void *arg)
{
	struct sockdiag *diag = arg;
	size_t size = MNL_ALIGN(message->nlmsg_len);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct inet_diag_msg))
		return MNL_CB_OK;
	if (!array_reserve(diag->messages, diag->room, diag->used + size) ||
	    !array_reserve(diag->entries, diag->entry_room, diag->count + 1)) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	memcpy(diag->messages + diag->used, message, message->nlmsg_len);
	diag->entries[diag->count++] = (struct entry){
		.cookie = cookie_of(mnl_nlmsg_get_payload(message)),
		.at = diag->used,
	};
	diag->used += size;
	return MNL_CB_OK;
}

static int dump(struct sockdiag *diag, struct mnl_socket *socket, int family,
		const struct sockdiag_request *request)
{
	static unsigned int sequence;
	char buffer[BUFFER];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *body;
	ssize_t size;
	int result;

	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = ++sequence;
	body = mnl_nlmsg_put_extra_header(message, sizeof(*body));
	body->sdiag_family = family;
	body->sdiag_protocol = IPPROTO_TCP;
	body->idiag_ext = request->extensions;
	body->idiag_states = request->states;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (size < 0)
			return -errno;
		errno = 0;
		result = mnl_cb_run(buffer, size, sequence, mnl_socket_get_portid(socket), keep, diag);
		if (result < 0)
			return errno ? -errno : -EIO;
	} while (result > MNL_CB_STOP);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = ((const struct entry *)a)->cookie, right = ((const struct entry *)b)->cookie;

	return left < right ? -1 : left > right;
}

int sockdiag_open(struct sockdiag **out, const struct sockdiag_request *request)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	struct sockdiag *diag = calloc(1, sizeof(*diag));
	int error = 0;

	if (!socket || !diag || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	if (!error)
		error = dump(diag, socket, AF_INET, request);
	if (!error)
		error = dump(diag, socket, AF_INET6, request);
	if (socket)
		mnl_socket_close(socket);
	if (error) {
		sockdiag_close(diag);
		return error;
	}
	if (diag->count)
		qsort(diag->entries, diag->count, sizeof(*diag->entries), compare);
	*out = diag;
	return 0;
}

void sockdiag_close(struct sockdiag *diag)
{
	if (!diag)
		return;
	free(diag->messages);
	free(diag->entries);
	free(diag);
}

const struct nlmsghdr *sockdiag_find(const struct sockdiag *diag, uint64_t cookie)
{
	const struct entry key = { .cookie = cookie }, *entry;

	if (!diag || !diag->count)
		return NULL;
	entry = bsearch(&key, diag->entries, diag->count, sizeof(key), compare);
	return entry ? (const struct nlmsghdr *)(diag->messages + entry->at) : NULL;
}

static int collect(const struct nlattr *attribute, void *arg)
{
	struct sockdiag_attributes *attributes = arg;

	if (mnl_attr_type_valid(attribute, INET_DIAG_MAX) > 0)
		attributes->by[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

void sockdiag_parse(const struct nlmsghdr *message, struct sockdiag_attributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
	if (message)
		mnl_attr_parse(message, sizeof(struct inet_diag_msg), collect, attributes);
}

void sockdiag_parse_nested(const struct nlattr *nest, struct sockdiag_attributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
	if (nest)
		mnl_attr_parse_nested(nest, collect, attributes);
}

const void *sockdiag_payload(const struct nlattr *attribute, size_t size)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= size ?
	       mnl_attr_get_payload(attribute) : NULL;
}
