// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets allocations of a system call fail, one in each call, on a kernel with fault injection: before the call the
 * number of the one that is to fail is written to /proc/thread-self/fail-nth. So do copies from and to this program
 * where the kernel has that. Where a call has more than MOST of them, as many fail, evenly spread from the first to the
 * last one; the seed says where between two of them.
 *
 *   faults MOST SEED OPERATION...           prints for each how many there are, how many failed, and how often the call did
 *   faults MOST SEED load FILE PARAMETERS   the same of loading a module
 *   faults often COUNT OPERATION...         each call so many times, while allocations fail now and then, as
 *                                           /sys/kernel/debug/failslab and failpage_alloc are set up with their task-filter
 *
 * Nothing fails but in the call itself: what it needs, and what is left of it, is made and closed without.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tcptrace.h"
#include "tcptrace_netlink.h"

#define ALL	1000000		/* more than any call allocates */
#define MODULE	"tcptrace"

/*
 * What close() allocates to make the rules of the readers that stay: rules, clauses, boxes, edges, classifier. Then it
 * disarms kprobes. Where that gets no memory, the kernel warns, and later takes the callback of all kprobes away too
 * early: __disarm_kprobe_ftrace() has counted one less by then.
 */
#define OF_RULES	5

static void want(bool condition, const char *what)
{
	if (!condition)
		err(1, "%s", what);
}

/* ---- faults ---- */

static int fail_nth, make_it_fail;

static void fail(int number)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", number);

	/* The number of the call before may be due in this one. */
	if (pwrite(fail_nth, text, length, 0) != length && pwrite(fail_nth, text, length, 0) != length)
		err(1, "fail-nth");
}

/* How many are left until one fails, 0: it failed. */
static int left(void)
{
	char text[16] = "";

	/* Where it is this very copy that fails, the call had one less. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return 1;
	return atoi(text);
}

/* Whether allocations of this process fail now and then. */
static void fail_often(bool on)
{
	want(pwrite(make_it_fail, on ? "1" : "0", 1, 0) == 1, "/proc/self/make-it-fail");
}

/* ---- operations ---- */

static int file = -1;		/* what the operation works on */
static struct mnl_socket *netlink;
static uint16_t family;
static uint32_t group;

static void open_events(void)
{
	file = open(TCPTRACE_PROC_EVENTS, O_RDWR);
	want(file >= 0, TCPTRACE_PROC_EVENTS);
}

static void open_sockets(void)
{
	file = open(TCPTRACE_PROC_SOCKETS, O_RDONLY);
	want(file >= 0, TCPTRACE_PROC_SOCKETS);
}

static void nothing(void)
{
}

/* Closed without faults it is as before, whatever came of it. */
static void close_file(void)
{
	if (file >= 0)
		close(file);
	file = -1;
}

static int try_open(const char *name, int flags)
{
	file = open(name, flags);
	return file < 0 ? -1 : 0;
}

static int try_events(void)
{
	return try_open(TCPTRACE_PROC_EVENTS, O_RDWR);
}

static int try_sockets(void)
{
	return try_open(TCPTRACE_PROC_SOCKETS, O_RDONLY);
}

static int put_filter(uint32_t level)
{
	struct {
		struct tcptrace_filter filter;
		struct tcptrace_clause clauses[3];
	} wish = { .filter = { .abi = TCPTRACE_ABI, .level = level, .clauses = 3 } };
	int i;

	for (i = 0; i < 3; i++) {
		wish.clauses[i].sport_min = 1000 + i;
		wish.clauses[i].sport_max = wish.clauses[i].dport_max = UINT16_MAX;
	}
	return write(file, &wish, sizeof(wish)) == sizeof(wish) ? 0 : -1;
}

static int try_life(void)
{
	return put_filter(TCPTRACE_L_LIFE);
}

static int try_segment(void)
{
	return put_filter(TCPTRACE_L_SEGMENT);
}

static void open_with_filter(void)
{
	open_events();
	want(!put_filter(TCPTRACE_L_QUEUE), "filter");
}

static int try_close(void)
{
	int result = close(file);

	file = -1;
	return result;
}

static int try_map(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	const struct tcptrace_map *head = mmap(NULL, page, PROT_READ, MAP_SHARED, file, 0);
	size_t size;
	void *all;

	if (head == MAP_FAILED)
		return -1;
	size = head->size;
	munmap((void *)head, page);
	all = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	if (all == MAP_FAILED)
		return -1;
	munmap(all, size);
	return 0;
}

static int try_read(void)
{
	static struct tcptrace_record records[2000];

	return read(file, records, sizeof(records)) < 0 ? -1 : 0;
}

static char status_text[1 << 16];	/* as try_status() has read it */

static int try_status(void)
{
	int status = open(TCPTRACE_PROC_STATUS, O_RDONLY);
	ssize_t got;

	if (status < 0)
		return -1;
	got = read(status, status_text, sizeof(status_text) - 1);
	close(status);
	status_text[got < 0 ? 0 : got] = '\0';
	return got < 0 ? -1 : 0;
}

/* ---- netlink ---- */

/* One request and all that is said to it. */
static int ask(uint16_t type, uint8_t command, uint16_t flags, mnl_cb_t callback)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
	int got, state = MNL_CB_OK;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	genl->cmd = command;
	genl->version = 1;
	if (type == GENL_ID_CTRL)
		mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TCPTRACE_FAMILY_NAME);
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		return -1;
	while (state > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
		if (got < 0 && errno == EAGAIN)
			errx(1, "no answer to command %d", command);
		if (got < 0)
			return -1;
		state = mnl_cb_run(buffer, got, 0, 0, callback, NULL);
	}
	return state;
}

static int on_family(const struct nlmsghdr *header, void *data)
{
	const struct nlattr *attr, *one, *inner;

	(void)data;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(one, attr)
			mnl_attr_for_each_nested(inner, one)
				if (mnl_attr_get_type(inner) == CTRL_ATTR_MCAST_GRP_ID)
					group = mnl_attr_get_u32(inner);
	}
	return MNL_CB_OK;
}

/* A socket of its own each time: a request that failed half-way leaves answers in it. */
static void open_netlink(void)
{
	/* Whoever is not answered is told so. */
	static const struct timeval patience = { .tv_sec = 60 };

	netlink = mnl_socket_open(NETLINK_GENERIC);
	want(netlink && !setsockopt(mnl_socket_get_fd(netlink), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "netlink");
	want(!mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) && !ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, on_family), "netlink");
}

static void close_netlink(void)
{
	mnl_socket_close(netlink);
}

static bool nothing_armed(void)
{
	want(!try_status(), TCPTRACE_PROC_STATUS);
	return strstr(status_text, "\narmed: off\n");
}

/* The module notices at the next event that the last subscriber has gone. Only then does the next one arm anything. */
static void leave_group(void)
{
	const struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(9),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int tries = 0, tcp;

	close_netlink();
	while (!nothing_armed()) {
		if (++tries > 6000)
			errx(1, "still armed though nobody subscribes");
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		want(tcp >= 0, "socket");
		connect(tcp, (const struct sockaddr *)&nobody, sizeof(nobody));
		close(tcp);
		usleep(10000);
	}
}

static int try_info(void)
{
	return ask(family, TCPTRACE_CMD_INFO_GET, 0, NULL);
}

static int try_probes(void)
{
	return ask(family, TCPTRACE_CMD_PROBE_GET, NLM_F_DUMP, NULL);
}

static int try_cpus(void)
{
	return ask(family, TCPTRACE_CMD_CPU_GET, NLM_F_DUMP, NULL);
}

static int try_filters(void)
{
	return ask(family, TCPTRACE_CMD_FILTER_GET, NLM_F_DUMP, NULL);
}

/* The request that starts the events. */
static int try_subscribe(void)
{
	if (mnl_socket_setsockopt(netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -1;
	return try_info();
}

/* ---- all of them ---- */

static const struct operation {
	const char *name;
	void (*prepare)(void);
	int (*act)(void);
	void (*clear)(void);
	int first;		/* only so many of the first ones fail; 0: any */
} operations[] = {
	{ "events", nothing, try_events, close_file, 0 },
	{ "life", open_events, try_life, close_file, 0 },
	{ "segment", open_events, try_segment, close_file, 0 },
	{ "close", open_with_filter, try_close, close_file, OF_RULES },
	{ "map", open_events, try_map, close_file, 0 },
	{ "sockets", nothing, try_sockets, close_file, 0 },
	{ "read", open_sockets, try_read, close_file, 0 },
	{ "status", nothing, try_status, nothing, 0 },
	{ "info", open_netlink, try_info, close_netlink, 0 },
	{ "probes", open_netlink, try_probes, close_netlink, 0 },
	{ "cpus", open_netlink, try_cpus, close_netlink, 0 },
	{ "filters", open_netlink, try_filters, close_netlink, 0 },
	{ "subscribe", open_netlink, try_subscribe, leave_group, 0 },
};

static const char *module_name, *parameters;
static bool loaded;

static int try_load(void)
{
	int module = open(module_name, O_RDONLY | O_CLOEXEC), result;

	if (module < 0)
		return -1;
	result = syscall(SYS_finit_module, module, parameters, 0);
	close(module);
	loaded = !result;
	return result;
}

static void unload(void)
{
	want(!loaded || !syscall(SYS_delete_module, MODULE, 0), "unloading");
}

static const struct operation load = { "load", nothing, try_load, unload, 0 };

/* Returns what of `number` was left, and whether the call failed. */
static int call(const struct operation *operation, int number, bool *failed)
{
	int rest;

	operation->prepare();
	fail(number);
	*failed = operation->act() < 0;
	rest = left();
	fail(0);
	operation->clear();
	return rest;
}

static void walk(const struct operation *operation, int most)
{
	int total, count, i, faults = 0, errors = 0;
	bool failed;

	total = ALL - call(operation, ALL, &failed);
	if (failed)
		errx(1, "%s fails without a fault", operation->name);
	if (operation->first && total > operation->first)
		total = operation->first;
	count = total < most ? total : most;
	for (i = 0; i < count; i++) {
		int from = (long)total * i / count, to = (long)total * (i + 1) / count;

		faults += !call(operation, from + 1 + rand() % (to - from), &failed);
		errors += failed;
	}
	printf("%s: allocations=%d faults=%d errors=%d\n", operation->name, total, faults, errors);
	fflush(stdout);
}

static void walk_often(const struct operation *operation, int count)
{
	int i, errors = 0;

	for (i = 0; i < count; i++) {
		operation->prepare();
		fail_often(true);
		errors += operation->act() < 0;
		fail_often(false);
		operation->clear();
	}
	printf("%s: calls=%d errors=%d\n", operation->name, count, errors);
	fflush(stdout);
}

static const struct operation *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(name, operations[i].name))
			return &operations[i];
	errx(2, "no such operation: %s", name);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 4)
		errx(2, "usage: faults MOST SEED OPERATION...|load FILE PARAMETERS, or often COUNT OPERATION...");
	if (!strcmp(argv[1], "often")) {
		make_it_fail = open("/proc/self/make-it-fail", O_WRONLY);
		want(make_it_fail >= 0, "/proc/self/make-it-fail");
		for (i = 3; i < argc; i++)
			walk_often(find(argv[i]), atoi(argv[2]));
		return 0;
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	want(fail_nth >= 0, "/proc/thread-self/fail-nth");
	srand(atoi(argv[2]));
	if (argc == 6 && !strcmp(argv[3], "load")) {
		module_name = argv[4];
		parameters = argv[5];
		walk(&load, atoi(argv[1]));
		return 0;
	}
	for (i = 3; i < argc; i++)
		walk(find(argv[i]), atoi(argv[1]));
	return 0;
}
