// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/safe_text.h"
#include "host/resolve.h"
#include "record/names.h"
#include "record/record.h"
#include "view/table/netstat_table.h"

#define ADDRESS_WIDTH	23	/* of address, colon and port */
#define ADDRESS_SHORT	22	/* maximum of both without -W */
#define PORT_SHORT	18
#define PROGRAM_WIDTH	20
#define NO_USER		UINT32_MAX	/* unknown owner */

void netstat_table_headings(struct netstat_table *table)
{
	char *p = out_room(table->out);

	p = put_text(p, "Active Internet connections ");
	if (table->all)
		p = put_text(p, "(servers and established)");
	else if (table->listening)
		p = put_text(p, "(only servers)");
	else
		p = put_text(p, "(w/o servers)");
	p = put_text(p, "\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ");
	if (table->extended)
		p = put_text(p, " User       Inode     ");
	if (table->programs)
		p = put_text(p, " PID/Program name    ");
	if (table->timers)
		p = put_text(p, " Timer");
	*p++ = '\n';
	out_done(table->out, p);
}

/* ---- addresses ---- */

static const char *host_name(const struct netstat_table *table, uint8_t family, const uint8_t *address)
{
	static const uint8_t any[TCPTRACE_ADDR_LEN], any_inet[TCPTRACE_ADDR_LEN] = { [10] = 0xff, 0xff };

	if (table->numeric_hosts || !memcmp(address, any_inet, sizeof(any_inet)))
		return NULL;
	if (family == AF_INET6 && !memcmp(address, any, sizeof(any)))
		return "[::]";
	return resolve_host(family, address);
}

/* Without brackets; a mapped address is printed as IPv4. */
static char *put_host(const struct netstat_table *table, char *p, uint8_t family, const uint8_t *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	const char *name = host_name(table, family, address);

	if (name)
		return put_string(p, name);
	if (!memcmp(address, mapped, sizeof(mapped)))
		family = AF_INET;
	return record_put_address(p, family, address);
}

static char *put_service(const struct netstat_table *table, char *p, uint16_t port)
{
	const char *name = table->numeric_ports ? NULL : resolve_service(port);

	if (!port) {
		*p++ = '*';
		return p;
	}
	return name ? put_string(p, name) : put_port(p, port);
}

/* Shortens the address, not the port. */
static char *put_endpoint(const struct netstat_table *table, char *p, uint8_t family, const uint8_t *address,
			  uint16_t number)
{
	char *start = p, port[RESOLVE_SERVICE_MAX + 16];
	unsigned int host_length, port_length = put_service(table, port, number) - port;

	p = put_host(table, p, family, address);
	host_length = p - start;
	if (!table->wide && host_length + port_length > ADDRESS_SHORT) {
		port_length = safe_text_cut(port, port_length, PORT_SHORT);
		p = start + safe_text_cut(start, host_length, ADDRESS_SHORT - port_length);
	}
	*p++ = ':';
	p = put_mem(p, port, port_length);
	return put_column(p, start + ADDRESS_WIDTH);
}

/* ---- the columns after the state ---- */

/* The owner as in /proc/net/tcp: for a request, that of its listener. */
static uint32_t uid_of(const struct netstat_table *table, const struct tcptrace_record *record)
{
	uint64_t cookie = record->kind == TCPTRACE_K_REQUEST ? record->u.listen.listener : record->cookie;
	const struct nlmsghdr *message = sockdiag_find(table->diag, cookie);

	if (message)
		return sockdiag_head(message)->idiag_uid;
	if (record->kind == TCPTRACE_K_REQUEST)
		return NO_USER;
	return record_uid(record);
}

static char *put_user(const struct netstat_table *table, char *p, uint32_t uid)
{
	static uint32_t known = NO_USER;
	static char name[64];
	const struct passwd *user;
	char *start = p;

	if (uid == NO_USER)
		return put_column(put_text(p, "-"), start + 10);
	if (uid != known) {
		user = table->numeric_users ? NULL : getpwuid(uid);
		if (user)
			strcpy(name, safe_string_cut(user->pw_name, sizeof(name) - 1));
		else
			snprintf(name, sizeof(name), "%d", uid);
		known = uid;
	}
	return put_column(put_string(p, name), start + 10);
}

/* argv[0] without the path, as far as there is room. */
static void program_name(uint32_t pid, char name[PROGRAM_WIDTH])
{
	char path[32], words[512];
	const char *slash;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);
	if (fd >= 0)
		close(fd);
	words[length > 0 ? length : 0] = '\0';
	slash = words[0] == '/' ? strrchr(words, '/') : NULL;
	length = sprintf(name, "%u/", pid);
	strncat(name, slash ? slash + 1 : words, PROGRAM_WIDTH - 1 - length);
}

static char *put_program(const struct netstat_table *table, char *p, uint64_t inode)
{
	const struct process *owner = table->processes && inode ? processes_find(table->processes, inode) : NULL;
	static char name[PROGRAM_WIDTH];
	static uint32_t known;
	char *start = p;

	if (!owner) {
		*p++ = '-';
	} else {
		if (owner->pid != known)
			program_name(owner->pid, name);
		known = owner->pid;
		p = put_safe(p, name, sizeof(name));
	}
	return put_column(p, start + PROGRAM_WIDTH);
}

static char *put_timer(char *p, unsigned int timer, unsigned int ms, unsigned int retransmits, unsigned int probes)
{
	static const char *const names[] = { "off", "on", "keepalive", "timewait", "probe" };

	if (timer > 4)
		return p + sprintf(p, "unkn-%u (%2.2f/%u/%u)", timer, ms / 10 / 100.0, retransmits, probes);
	/* /proc/net/tcp has only hundredths of a second. */
	return p + sprintf(p, "%s (%2.2f/%u/%u)", names[timer], timer ? ms / 10 / 100.0 : 0, retransmits, probes);
}

static char *put_timers(const struct netstat_table *table, char *p, const struct tcptrace_record *record)
{
	const struct nlmsghdr *message = sockdiag_find(table->diag, record->cookie);
	const struct inet_diag_msg *head = message ? sockdiag_head(message) : NULL;
	struct sockdiag_attributes attributes;
	const struct tcp_info *info;

	if (!head)
		return record->kind == TCPTRACE_K_TIMEWAIT ? put_timer(p, 3, record->u.totals.timeout, 0, 0) : p;
	sockdiag_parse(message, &attributes);
	info = sockdiag_payload(attributes.by[INET_DIAG_INFO], offsetof(struct tcp_info, tcpi_rto));
	return put_timer(p, head->idiag_timer, head->idiag_expires, info ? info->tcpi_retransmits : head->idiag_retrans,
			 info ? info->tcpi_probes : 0);
}

static char *put_row(const struct netstat_table *table, char *p, const struct tcptrace_record *record)
{
	char *start = p;

	p = put_column(put_string(p, record->family == AF_INET ? "tcp" : "tcp6"), start + 6);
	p = put_right(p, record_recvq(record), 6);
	*p++ = ' ';
	/* For a listener it shows no maximum. */
	p = put_right(p, record_listens(record) ? 0 : record_sendq(record), 6);
	*p++ = ' ';
	p = put_endpoint(table, p, record->family, record->saddr, record->sport);
	*p++ = ' ';
	p = put_endpoint(table, p, record->family, record->daddr, record->dport);
	*p++ = ' ';
	start = p;
	p = put_column(put_string(p, state_name(record->new_state)), start + 11);
	if (table->extended) {
		*p++ = ' ';
		p = put_user(table, p, uid_of(table, record));
		*p++ = ' ';
		start = p;
		p = put_column(put_u64(p, record_inode(record)), start + 10);
	}
	if (table->programs) {
		*p++ = ' ';
		p = put_program(table, p, record_inode(record));
	}
	if (table->timers) {
		*p++ = ' ';
		p = put_timers(table, p, record);
	}
	*p++ = '\n';
	return p;
}

int netstat_table_row(struct netstat_table *table, const struct tcptrace_record *record)
{
	if (!table->all && table->listening != !record->dport)
		return 0;
	if (record->family == AF_INET) {
		out_done(table->out, put_row(table, out_room(table->out), record));
		return 0;
	}
	if (!array_reserve(table->later, table->later_room, table->later_used + OUT_LINE))
		return -ENOMEM;
	table->later_used = put_row(table, table->later + table->later_used, record) - table->later;
	return 0;
}

void netstat_table_end(struct netstat_table *table)
{
	if (table->later_used)
		out_write(table->out, table->later, table->later_used);
	free(table->later);
	table->later = NULL;
	table->later_used = table->later_room = 0;
}
