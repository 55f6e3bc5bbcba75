// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of the generic netlink family that prints what it receives, one line for each message.
 *
 *   nlfamily info|probes|cpus|filters    a request and its answers
 *   nlfamily life                        subscribes to the group, prints "# ready", then events until SIGTERM
 *
 * What the kernel refuses is printed as "refused: ERRNO", with exit status 1.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tcptrace.h"
#include "tcptrace_netlink.h"

static struct mnl_socket *netlink;
static uint16_t family_id;
static uint32_t group_id;
static int attribute, receive_buffer;
static bool no_start;
static const char *what, *without = "";

static const struct argp_option options[] = {
	{ "attribute", 'a', "TYPE", 0, "put an attribute of this type into the request", 0 },
	{ "rcvbuf", 'b', "BYTES", 0, "SO_RCVBUF of the subscriber", 0 },
	{ "without", 'w', "STEP", 0, "have no capability in effect during one of these: open, send, read, join", 0 },
	{ "no-start", 'n', NULL, 0, "subscribe, but do not ask for the information that starts the events", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 'a': attribute = atoi(argument); return 0;
	case 'b': receive_buffer = atoi(argument); return 0;
	case 'n': no_start = true; return 0;
	case 'w': without = argument; return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		what = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- without rights ---- */

/* Before each step: drops or restores rights, as if the socket had been passed to somebody without them, and back. */
static void step(const char *name)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	bool drop = !strcmp(name, without);
	int i;

	if (!*without)
		return;
	if (syscall(SYS_capget, &header, data))
		err(1, "capget");
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = drop ? 0 : data[i].permitted;
	if (syscall(SYS_capset, &header, data))
		err(1, "capset");
}

/* ---- attributes as text ---- */

enum form { NUMBER, NUMBER16, NUMBER64, HEX64, TEXT, FLAG, BYTES, NEST };

struct field {
	uint16_t type;
	enum form form;
	const char *name;
	const struct field *nest;
};

static const struct field info_fields[] = {
	{ TCPTRACE_A_INFO_VERSION, TEXT, "version", NULL },
	{ TCPTRACE_A_INFO_ABI, NUMBER, "abi", NULL },
	{ TCPTRACE_A_INFO_TYPES_VERSION, NUMBER, "types_version", NULL },
	{ TCPTRACE_A_INFO_RECORD_SIZE, NUMBER, "record_size", NULL },
	{ TCPTRACE_A_INFO_CPUS, NUMBER, "cpus", NULL },
	{ TCPTRACE_A_INFO_SLOTS, NUMBER, "slots", NULL },
	{ TCPTRACE_A_INFO_MAP_SIZE, NUMBER64, "map_size", NULL },
	{ TCPTRACE_A_INFO_BOOT, HEX64, "boot", NULL },
	{ TCPTRACE_A_INFO_LEVEL, NUMBER, "level", NULL },
	{ TCPTRACE_A_INFO_FLIGHT, NUMBER, "flight", NULL },
	{ TCPTRACE_A_INFO_READERS, NUMBER, "readers", NULL },
	{ TCPTRACE_A_INFO_SUBSCRIBERS, NUMBER, "subscribers", NULL },
	{ TCPTRACE_A_INFO_FTRACE_OFF, FLAG, "ftrace_off", NULL },
	{ TCPTRACE_A_INFO_KPROBES_OFF, FLAG, "kprobes_off", NULL },
	{ TCPTRACE_A_INFO_RINGS, NUMBER, "rings", NULL },
	{ TCPTRACE_A_INFO_MEMORY, NUMBER64, "memory", NULL },
	{ }
};

static const struct field probe_fields[] = {
	{ TCPTRACE_A_PROBE_INDEX, NUMBER, "index", NULL },
	{ TCPTRACE_A_PROBE_SYMBOL, TEXT, "symbol", NULL },
	{ TCPTRACE_A_PROBE_LEVEL, NUMBER, "level", NULL },
	{ TCPTRACE_A_PROBE_METHOD, NUMBER, "method", NULL },
	{ TCPTRACE_A_PROBE_ARMED, FLAG, "armed", NULL },
	{ TCPTRACE_A_PROBE_REQUIRED, FLAG, "required", NULL },
	{ TCPTRACE_A_PROBE_HITS, NUMBER64, "hits", NULL },
	{ TCPTRACE_A_PROBE_MISSED, NUMBER64, "missed", NULL },
	{ TCPTRACE_A_PROBE_ERROR, NUMBER, "error", NULL },
	{ }
};

static const struct field cpu_fields[] = {
	{ TCPTRACE_A_CPU_CPU, NUMBER, "cpu", NULL },
	{ TCPTRACE_A_CPU_HITS, NUMBER64, "hits", NULL },
	{ TCPTRACE_A_CPU_PUBLISHED, NUMBER64, "published", NULL },
	{ TCPTRACE_A_CPU_FILTERED, NUMBER64, "filtered", NULL },
	{ TCPTRACE_A_CPU_IGNORED, NUMBER64, "ignored", NULL },
	{ TCPTRACE_A_CPU_LOST, NUMBER64, "lost", NULL },
	{ }
};

static const struct field clause_fields[] = {
	{ TCPTRACE_A_CLAUSE_SADDR, BYTES, "saddr", NULL },
	{ TCPTRACE_A_CLAUSE_SADDR_LEN, NUMBER, "saddr_len", NULL },
	{ TCPTRACE_A_CLAUSE_DADDR, BYTES, "daddr", NULL },
	{ TCPTRACE_A_CLAUSE_DADDR_LEN, NUMBER, "daddr_len", NULL },
	{ TCPTRACE_A_CLAUSE_FAMILY, NUMBER, "family", NULL },
	{ TCPTRACE_A_CLAUSE_SPORT_MIN, NUMBER16, "sport_min", NULL },
	{ TCPTRACE_A_CLAUSE_SPORT_MAX, NUMBER16, "sport_max", NULL },
	{ TCPTRACE_A_CLAUSE_DPORT_MIN, NUMBER16, "dport_min", NULL },
	{ TCPTRACE_A_CLAUSE_DPORT_MAX, NUMBER16, "dport_max", NULL },
	{ TCPTRACE_A_CLAUSE_NETNS, NUMBER, "netns", NULL },
	{ }
};

static const struct field filter_fields[] = {
	{ TCPTRACE_A_FILTER_READER, NUMBER, "reader", NULL },
	{ TCPTRACE_A_FILTER_PID, NUMBER, "pid", NULL },
	{ TCPTRACE_A_FILTER_COMM, TEXT, "comm", NULL },
	{ TCPTRACE_A_FILTER_LEVEL, NUMBER, "level", NULL },
	{ TCPTRACE_A_FILTER_CLAUSE, NEST, "clause", clause_fields },
	{ }
};

static const struct field event_fields[] = {
	{ TCPTRACE_A_EVENT_TYPE, NUMBER, "type", NULL },
	{ TCPTRACE_A_EVENT_TIME, NUMBER64, "time", NULL },
	{ TCPTRACE_A_EVENT_COOKIE, HEX64, "cookie", NULL },
	{ TCPTRACE_A_EVENT_NETNS, NUMBER, "netns", NULL },
	{ TCPTRACE_A_EVENT_FAMILY, NUMBER, "family", NULL },
	{ TCPTRACE_A_EVENT_SADDR, BYTES, "saddr", NULL },
	{ TCPTRACE_A_EVENT_DADDR, BYTES, "daddr", NULL },
	{ TCPTRACE_A_EVENT_SPORT, NUMBER16, "sport", NULL },
	{ TCPTRACE_A_EVENT_DPORT, NUMBER16, "dport", NULL },
	{ TCPTRACE_A_EVENT_OLD_STATE, NUMBER, "old", NULL },
	{ TCPTRACE_A_EVENT_NEW_STATE, NUMBER, "new", NULL },
	{ TCPTRACE_A_EVENT_OP, NUMBER, "op", NULL },
	{ TCPTRACE_A_EVENT_PID, NUMBER, "pid", NULL },
	{ TCPTRACE_A_EVENT_COMM, TEXT, "comm", NULL },
	{ TCPTRACE_A_EVENT_LOST, NUMBER64, "lost", NULL },
	{ TCPTRACE_A_EVENT_RETRANSMITS, NUMBER, "retransmits", NULL },
	{ }
};

static void put_address(const struct nlattr *attr)
{
	char text[INET6_ADDRSTRLEN];

	if (mnl_attr_get_payload_len(attr) != TCPTRACE_ADDR_LEN)
		errx(1, "an address of %u bytes", mnl_attr_get_payload_len(attr));
	printf("%s", inet_ntop(AF_INET6, mnl_attr_get_payload(attr), text, sizeof(text)));
}

static void put_attribute(const struct nlattr *attr, const struct field *fields);

static void put_value(const struct nlattr *attr, const struct field *field)
{
	const struct nlattr *inner;

	switch (field->form) {
	case NUMBER: printf("%u", mnl_attr_get_u32(attr)); break;
	case NUMBER16: printf("%u", mnl_attr_get_u16(attr)); break;
	case NUMBER64: printf("%llu", (unsigned long long)mnl_attr_get_u64(attr)); break;
	case HEX64: printf("%llx", (unsigned long long)mnl_attr_get_u64(attr)); break;
	case TEXT: printf("%s", mnl_attr_get_str(attr)); break;
	case FLAG: printf("yes"); break;
	case BYTES: put_address(attr); break;
	case NEST:
		printf("(");
		mnl_attr_for_each_nested(inner, attr)
			put_attribute(inner, field->nest);
		printf(" )");
	}
}

static void put_attribute(const struct nlattr *attr, const struct field *fields)
{
	const struct field *field;

	for (field = fields; field->name; field++)
		if (field->type == mnl_attr_get_type(attr)) {
			printf(" %s=", field->name);
			put_value(attr, field);
		}
}

static const struct field *fields_of(unsigned int command)
{
	switch (command) {
	case TCPTRACE_CMD_INFO_GET: return info_fields;
	case TCPTRACE_CMD_PROBE_GET: return probe_fields;
	case TCPTRACE_CMD_CPU_GET: return cpu_fields;
	case TCPTRACE_CMD_FILTER_GET: return filter_fields;
	case TCPTRACE_CMD_EVENT_NTF: return event_fields;
	}
	errx(1, "a message with command %u", command);
}

static int on_message(const struct nlmsghdr *header, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(header);
	const struct field *fields = fields_of(genl->cmd);
	const struct nlattr *attr;

	(void)data;
	printf("%s", genl->cmd == TCPTRACE_CMD_EVENT_NTF ? "event" : "answer");
	mnl_attr_for_each(attr, header, sizeof(*genl))
		put_attribute(attr, fields);
	putchar('\n');
	return MNL_CB_OK;
}

/* ---- the family ---- */

static int on_group(const struct nlattr *attr, void *data)
{
	const struct nlattr *inner;
	const char *name = "";
	uint32_t id = 0;

	(void)data;
	mnl_attr_for_each_nested(inner, attr) {
		if (mnl_attr_get_type(inner) == CTRL_ATTR_MCAST_GRP_NAME)
			name = mnl_attr_get_str(inner);
		if (mnl_attr_get_type(inner) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(inner);
	}
	if (!strcmp(name, TCPTRACE_MCGRP_LIFE))
		group_id = id;
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *header, void *data)
{
	const struct nlattr *attr, *group;

	(void)data;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family_id = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, attr)
				on_group(group, NULL);
	}
	return MNL_CB_OK;
}

static void refused(const char *by)
{
	printf("refused: %s%s\n", by, strerrorname_np(errno));
	fflush(stdout);
	exit(1);
}

/* One request and all its answers; events in between are printed as well. */
static void ask(uint16_t type, uint8_t command, uint16_t flags, uint8_t version, mnl_cb_t callback)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
	int got, state = MNL_CB_OK;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header->nlmsg_seq = command;
	genl->cmd = command;
	genl->version = version;
	if (type == GENL_ID_CTRL)
		mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TCPTRACE_FAMILY_NAME);
	else if (attribute)
		mnl_attr_put_u32(header, attribute, 1);
	step("send");
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		err(1, "send");
	step("read");
	while (state > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
		if (got < 0)
			err(1, "receive");
		state = mnl_cb_run(buffer, got, 0, 0, callback, NULL);
	}
	if (state < 0)
		refused("");
}

static const struct {
	const char *word;
	uint8_t command;
	uint16_t flags;
} requests[] = {
	{ "info", TCPTRACE_CMD_INFO_GET, 0 },
	{ "probes", TCPTRACE_CMD_PROBE_GET, NLM_F_DUMP },
	{ "cpus", TCPTRACE_CMD_CPU_GET, NLM_F_DUMP },
	{ "filters", TCPTRACE_CMD_FILTER_GET, NLM_F_DUMP },
};

/* ---- events ---- */

static void nothing(int signal)
{
	(void)signal;
}

static void receive(void)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	int got = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));

	if (got >= 0)
		mnl_cb_run(buffer, got, 0, 0, on_message, NULL);
	else if (errno == ENOBUFS)
		printf("# ENOBUFS\n");
	else
		err(1, "receive");
	fflush(stdout);
}

static void listen_to_life(void)
{
	const struct sigaction action = { .sa_handler = nothing };
	struct pollfd poll = { .fd = mnl_socket_get_fd(netlink), .events = POLLIN };
	sigset_t none, ending;

	sigemptyset(&none);
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	sigaction(SIGTERM, &action, NULL);

	if (receive_buffer && setsockopt(poll.fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof(receive_buffer)))
		err(1, "SO_RCVBUFFORCE");
	step("join");
	if (mnl_socket_setsockopt(netlink, NETLINK_ADD_MEMBERSHIP, &group_id, sizeof(group_id)))
		refused("bind to the group: ");
	if (!no_start)
		ask(family_id, TCPTRACE_CMD_INFO_GET, 0, TCPTRACE_FAMILY_VERSION, on_message);
	printf("# ready\n");
	fflush(stdout);
	while (ppoll(&poll, 1, NULL, &none) > 0)
		receive();
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "info|probes|cpus|filters|life",
	};
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	step("open");
	netlink = mnl_socket_open(NETLINK_GENERIC);
	if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID))
		err(1, "netlink");
	ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, 1, on_family);
	if (!strcmp(what, "life")) {
		listen_to_life();
		return 0;
	}
	for (i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (!strcmp(what, requests[i].word)) {
			ask(family_id, requests[i].command, requests[i].flags, TCPTRACE_FAMILY_VERSION, on_message);
			return 0;
		}
	errx(2, "no such request: %s", what);
}
