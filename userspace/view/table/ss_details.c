// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "view/table/ss_details.h"

#define BIT(extension)	(1u << (INET_DIAG_##extension - 1))

void ss_say(struct ss_details *details, const char *format, ...)
{
	size_t room = sizeof(details->text) - details->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(details->text + details->used, room, format, arguments);
	va_end(arguments);
	if (length <= 0)
		return;
	details->used += (size_t)length < room ? (size_t)length : room - 1;
	/* No part of a character may be its end. */
	while ((size_t)length >= room && details->used && details->text[details->used - 1] & 0x80)
		details->used--;
}

uint8_t ss_details_extensions(const struct ss_wanted *wanted)
{
	uint8_t extensions = 0;

	if (wanted->memory)
		extensions |= BIT(MEMINFO) | BIT(SKMEMINFO);
	if (wanted->info)
		extensions |= BIT(INFO) | BIT(VEGASINFO) | BIT(CONG);
	if (wanted->tos)
		extensions |= BIT(TOS) | BIT(TCLASS);
	return extensions;
}

static uint64_t inode_of(const struct ss_row *row)
{
	return row->record ? record_inode(row->record) : 0;
}

static uint32_t uid_of(const struct ss_row *row)
{
	return row->record ? record_uid(row->record) : 0;
}

/* ---- processes ---- */

/*
 * A name, made safe, as ss prints it: it takes the name from /proc/PID/stat, in parentheses, up to the first closing
 * one, so "(sd-pam)" is "(sd-pam".
 */
static void say_name(struct ss_details *details, const char comm[TCPTRACE_COMM_LEN])
{
	char name[SAFE_TEXT_GROWTH * TCPTRACE_COMM_LEN];
	const char *end = memchr(comm, ')', strnlen(comm, TCPTRACE_COMM_LEN));
	int length = put_safe(name, comm, end ? end - comm : TCPTRACE_COMM_LEN) - name;

	ss_say(details, "(\"%.*s\",", length, name);
}

/* The last one found is printed first, as in ss. */
static void say_processes(struct ss_details *details, uint64_t inode)
{
	const struct process_socket *sockets;
	size_t count, i;

	sockets = processes_find_all(details->processes, inode, &count);
	if (!count)
		return;
	ss_say(details, " users:(");
	for (i = count; i--;) {
		say_name(details, sockets[i].owner.comm);
		ss_say(details, "pid=%u,fd=%u)%s", sockets[i].owner.pid, sockets[i].fd, i ? "," : "");
	}
	ss_say(details, ")");
}

/* ---- timers ---- */

/* More minutes, fewer small units: 12min, 1min4sec, 12sec, 1.234ms, 200ms. */
static void say_time(struct ss_details *details, unsigned int ms)
{
	unsigned int minutes = ms / 60000, seconds = ms / 1000 % 60;

	ms = minutes || seconds > 9 ? 0 : ms % 1000;
	if (minutes)
		ss_say(details, "%umin", minutes);
	if (seconds && minutes < 10)
		ss_say(details, "%u%s", seconds, ms ? "." : "sec");
	if (ms)
		ss_say(details, "%03ums", ms);
}

static void say_timer(struct ss_details *details, unsigned int timer, unsigned int ms, unsigned int count)
{
	static const char *const names[] = { "off", "on", "keepalive", "timewait", "persist", "unknown" };

	if (!timer)
		return;
	ss_say(details, " timer:(%s,", names[timer < 5 ? timer : 5]);
	say_time(details, ms);
	ss_say(details, ",%u)", count);
}

static void say_timers(struct ss_details *details, const struct ss_row *row,
		       const struct inet_diag_msg *head)
{
	if (head)
		say_timer(details, head->idiag_timer, head->idiag_expires, head->idiag_retrans);
	else if (row->record && row->kind == TCPTRACE_K_TIMEWAIT && row->record->u.totals.timeout)
		say_timer(details, 3, row->record->u.totals.timeout, 0);
}

/* ---- -e ---- */

/* The path of the cgroup below its mount; "" if it cannot be found. */
static void find_cgroup(uint64_t id, char *path, size_t size)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = 1 }, .id = id };
	char link[64], target[4096];
	struct mntent *mount;
	ssize_t length = -1;
	size_t skip = 0;
	FILE *mounts = setmntent("/proc/mounts", "r");
	int top = -1, fd = -1;

	path[0] = '\0';
	while (mounts && (mount = getmntent(mounts)) && top < 0) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		top = open(mount->mnt_dir, O_RDONLY | O_CLOEXEC);
		skip = strlen(mount->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	if (top >= 0)
		fd = open_by_handle_at(top, &handle.head, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		length = readlink(link, target, sizeof(target) - 1);
		close(fd);
	}
	if (top >= 0)
		close(top);
	if (length < (ssize_t)skip || length < 0)
		return;
	target[length] = '\0';
	/* The name was chosen by whoever created it. */
	snprintf(path, size, "%s", safe_string_cut(target[skip] ? target + skip : "/", size - 1));
}

static void say_cgroup(struct ss_details *details, const struct nlattr *attribute)
{
	static char path[4096];
	static uint64_t known;
	uint64_t id;

	if (!sockdiag_payload(attribute, sizeof(id)))
		return;
	id = mnl_attr_get_u64(attribute);
	if (!id)
		return;
	if (id != known)
		find_cgroup(id, path, sizeof(path));
	known = id;
	if (path[0])
		ss_say(details, " cgroup:%s", path);
	else
		ss_say(details, " cgroup:unreachable:%llx", (unsigned long long)id);
}

static void say_extended(struct ss_details *details, const struct ss_row *row,
			 const struct inet_diag_msg *head, const struct sockdiag_attributes *attributes)
{
	const struct nlattr *mark = attributes->by[INET_DIAG_MARK];
	uint32_t uid = head ? head->idiag_uid : uid_of(row);

	if (uid)
		ss_say(details, " uid:%u", uid);
	ss_say(details, " ino:%u sk:%llx", head ? head->idiag_inode : (uint32_t)inode_of(row),
	       (unsigned long long)row->cookie);
	if (sockdiag_payload(mark, sizeof(uint32_t)) && mnl_attr_get_u32(mark))
		ss_say(details, " fwmark:0x%x", mnl_attr_get_u32(mark));
	say_cgroup(details, attributes->by[INET_DIAG_CGROUP_ID]);
	if (row->family == AF_INET6 && row->state == TCPTRACE_S_LISTEN)
		ss_say(details, " v6only:%u", !!(row->flags & TCPTRACE_F_V6ONLY));
	if (row->kind == TCPTRACE_K_FULL)
		ss_say(details, " %c-%c", row->flags & TCPTRACE_F_SHUT_RCV ? '-' : '<',
		       row->flags & TCPTRACE_F_SHUT_SND ? '-' : '>');
}

/* ---- --tos, --cgroup, --inet-sockopt, -m ---- */

static void say_tos(struct ss_details *details, const struct sockdiag_attributes *attributes)
{
	const struct nlattr *tos = attributes->by[INET_DIAG_TOS], *tclass = attributes->by[INET_DIAG_TCLASS];
	const struct nlattr *class = attributes->by[INET_DIAG_CLASS_ID];

	if (sockdiag_payload(tos, 1))
		ss_say(details, " tos:%#x", mnl_attr_get_u8(tos));
	if (sockdiag_payload(tclass, 1))
		ss_say(details, " tclass:%#x", mnl_attr_get_u8(tclass));
	if (sockdiag_payload(class, sizeof(uint32_t)))
		ss_say(details, " class_id:%#x", mnl_attr_get_u32(class));
}

static void say_options(struct ss_details *details, const struct nlattr *attribute)
{
	const struct inet_diag_sockopt *options = sockdiag_payload(attribute, sizeof(*options));

	if (!options)
		return;
	ss_say(details, "%sinet-sockopt: (", details->wanted->one_line ? " " : "\n\t");
#define SAY(option, word)	ss_say(details, "%s", options->option ? " " word : "")
	SAY(recverr, "recverr");
	SAY(is_icsk, "is_icsk");
	SAY(freebind, "freebind");
	SAY(hdrincl, "hdrincl");
	SAY(mc_loop, "mc_loop");
	SAY(transparent, "transparent");
	SAY(mc_all, "mc_all");
	SAY(nodefrag, "nodefrag");
	SAY(bind_address_no_port, "bind_addr_no_port");
	SAY(recverr_rfc4884, "recverr_rfc4884");
	SAY(defer_connect, "defer_connect");
#undef SAY
	ss_say(details, ")");
}

static void say_memory(struct ss_details *details, const struct nlattr *attribute)
{
	static const struct {
		const char *word;
		unsigned int number;
	} fields[] = {
		{ "r", SK_MEMINFO_RMEM_ALLOC },	 { "rb", SK_MEMINFO_RCVBUF },	  { "t", SK_MEMINFO_WMEM_ALLOC },
		{ "tb", SK_MEMINFO_SNDBUF },	 { "f", SK_MEMINFO_FWD_ALLOC },	  { "w", SK_MEMINFO_WMEM_QUEUED },
		{ "o", SK_MEMINFO_OPTMEM },	 { "bl", SK_MEMINFO_BACKLOG },	  { "d", SK_MEMINFO_DROPS },
	};
	size_t count = attribute ? mnl_attr_get_payload_len(attribute) / sizeof(uint32_t) : 0, i;
	const uint32_t *values = attribute ? mnl_attr_get_payload(attribute) : NULL;

	if (!count)
		return;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && fields[i].number < count; i++)
		ss_say(details, "%s%s%u", i ? "," : " skmem:(", fields[i].word, values[fields[i].number]);
	ss_say(details, ")");
}

/* If its beginning was not seen, it has lasted at least as long as it was seen. */
static void say_lasted(struct ss_details *details, const char *what, bool at_least, uint64_t ns)
{
	char text[32];

	*put_duration(text, ns) = '\0';
	ss_say(details, "%s%c%s", what, at_least ? '>' : ':', text);
}

void ss_details_history(struct ss_details *details, const struct endpoint *ep, uint64_t time, bool followed)
{
	bool seen = ep->flags & EP_SINCE, at_least;
	uint64_t delay = endpoint_read_delay(ep, time, followed, &at_least);

	say_lasted(details, " history:(in-state", !seen, time - (seen ? ep->since : ep->created));
	ss_say(details, ",peak-recv-q:%u,peak-send-q:%u", ep->recvq_peak, ep->sendq_peak);
	if (delay != UNKNOWN)
		say_lasted(details, ",read-delay", at_least, delay);
	ss_say(details, ")");
}

void ss_details_fill(struct ss_details *details, const struct ss_row *row)
{
	const struct nlmsghdr *message = sockdiag_find(details->diag, row->cookie);
	const struct inet_diag_msg *head = message ? sockdiag_head(message) : NULL;
	const struct ss_wanted *wanted = details->wanted;
	struct sockdiag_attributes attributes;

	details->used = 0;
	sockdiag_parse(message, &attributes);
	if (details->processes)
		say_processes(details, inode_of(row));
	if (wanted->timers)
		say_timers(details, row, head);
	if (wanted->extended)
		say_extended(details, row, head, &attributes);
	if (wanted->tos)
		say_tos(details, &attributes);
	if (wanted->cgroup)
		say_cgroup(details, attributes.by[INET_DIAG_CGROUP_ID]);
	if (wanted->options)
		say_options(details, attributes.by[INET_DIAG_SOCKOPT]);
	if (!details->diag || (!wanted->memory && !wanted->info))
		return;
	if (!wanted->one_line)
		ss_say(details, "\n\t");
	say_memory(details, attributes.by[INET_DIAG_SKMEMINFO]);
	if (head)
		ss_info_fill(details, head, &attributes);
}
