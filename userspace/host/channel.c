// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/channel.h"

#define BUFFER	32768	/* maximum that the kernel sends as one part of a dump */

struct channel {
	struct mnl_socket *socket;
	uint32_t sequence;
	uint16_t family;
	char *buffer;
};

static int receive(struct channel *channel, mnl_cb_t each, void *arg)
{
	unsigned int port = mnl_socket_get_portid(channel->socket);
	const struct nlmsghdr *message = (const struct nlmsghdr *)channel->buffer;
	int result = MNL_CB_OK;
	ssize_t size;

	do {
		size = mnl_socket_recvfrom(channel->socket, channel->buffer, BUFFER);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		/* The rest of an abandoned dump. */
		if (mnl_nlmsg_ok(message, size) && message->nlmsg_seq != channel->sequence)
			continue;
		errno = 0;
		result = mnl_cb_run(channel->buffer, size, channel->sequence, port, each, arg);
		if (result < 0)
			return errno ? -errno : -EIO;
	} while (result > MNL_CB_STOP);
	return 0;
}

static int request(struct channel *channel, uint16_t family, uint8_t cmd, uint8_t version,
		   uint16_t flags, const char *name, mnl_cb_t each, void *arg)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(channel->buffer);
	struct genlmsghdr *header;

	message->nlmsg_type = family;
	/* With an ACK, the answer to a `do` ends, too. */
	message->nlmsg_flags = NLM_F_REQUEST | (flags & NLM_F_DUMP ? NLM_F_DUMP : NLM_F_ACK);
	message->nlmsg_seq = ++channel->sequence;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->cmd = cmd;
	header->version = version;
	if (name)
		mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, name);
	if (mnl_socket_sendto(channel->socket, message, message->nlmsg_len) < 0)
		return -errno;
	return receive(channel, each, arg);
}

static int find_family(const struct nlattr *attribute, void *arg)
{
	uint16_t *family = arg;

	if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
		*family = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *message, void *arg)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), find_family, arg);
}

int channel_open(struct channel **out)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int error = -ENOMEM;

	if (!channel)
		return error;
	channel->buffer = malloc(BUFFER);
	if (!channel->buffer)
		goto err;
	channel->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!channel->socket || mnl_socket_bind(channel->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		error = -errno;
		goto err;
	}
	error = request(channel, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0, TCPTRACE_FAMILY_NAME,
			on_family, &channel->family);
	if (!error && !channel->family)
		error = -ENOENT;
	if (error)
		goto err;
	*out = channel;
	return 0;
err:
	channel_close(channel);
	return error;
}

void channel_close(struct channel *channel)
{
	if (!channel)
		return;
	if (channel->socket)
		mnl_socket_close(channel->socket);
	free(channel->buffer);
	free(channel);
}

int channel_get(struct channel *channel, enum tcptrace_cmd cmd, uint16_t flags, mnl_cb_t each,
		void *arg)
{
	return request(channel, channel->family, cmd, TCPTRACE_FAMILY_VERSION, flags, NULL, each,
		       arg);
}

static int collect(const struct nlattr *attribute, void *arg)
{
	const struct channel_table *table = arg;
	uint16_t type = mnl_attr_get_type(attribute);

	/* It returns -1 for an invalid attribute. */
	if (mnl_attr_type_valid(attribute, table->max) < 0 || !type)
		return MNL_CB_OK;
	if (table->types[type] != MNL_TYPE_UNSPEC &&
	    mnl_attr_validate(attribute, table->types[type]) < 0)
		return MNL_CB_OK;
	table->attributes[type] = attribute;
	return MNL_CB_OK;
}

void channel_parse(const struct nlmsghdr *message, const struct channel_table *table)
{
	memset(table->attributes, 0, (table->max + 1) * sizeof(table->attributes[0]));
	mnl_attr_parse(message, sizeof(struct genlmsghdr), collect, (void *)table);
}

void channel_parse_nested(const struct nlattr *nest, const struct channel_table *table)
{
	memset(table->attributes, 0, (table->max + 1) * sizeof(table->attributes[0]));
	mnl_attr_parse_nested(nest, collect, (void *)table);
}

uint32_t channel_u32(const struct nlattr *attribute)
{
	return attribute ? mnl_attr_get_u32(attribute) : 0;
}

uint64_t channel_u64(const struct nlattr *attribute)
{
	return attribute ? mnl_attr_get_u64(attribute) : 0;
}

void channel_string(char *text, size_t size, const struct nlattr *attribute)
{
	size_t length = attribute ? mnl_attr_get_payload_len(attribute) : 0;

	snprintf(text, size, "%.*s", (int)length, attribute ? (const char *)mnl_attr_get_payload(attribute) : "");
}
