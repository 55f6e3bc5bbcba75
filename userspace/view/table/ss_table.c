// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/socket.h>

#include "host/resolve.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "view/table/ss_table.h"

#define KEPT_MAX	((size_t)4 << 20)

enum { IPV4, IPV6 };	/* parts of the table, printed one after the other */

enum { NETID, STATE, RECVQ };

static const struct table_column columns[SS_COLUMNS] = {
	[NETID] = { "Netid", false, false },
	[STATE] = { "State", true, false },
	[RECVQ] = { "Recv-Q", true, false },
	{ "Send-Q", true, false },
	{ "Local Address:", true, true },
	{ "Port", false, false },
	{ "Peer Address:", true, true },
	{ "Port", false, false },
	{ "Process", false, false },
};

void ss_table_init(struct ss_table *ss, unsigned int screen, struct out *out)
{
	unsigned int count = 0, i;

	for (i = 0; i < SS_COLUMNS; i++)
		if ((i != NETID || ss->netid) && (i != STATE || ss->state))
			ss->columns[count++] = columns[i];
	table_init(&ss->table, ss->columns, count, screen, out);
}

static inline char *put_queue(char *p, uint32_t queue)
{
	char *start = p;

	/* ss prints it as a signed number. */
	if ((int32_t)queue < 0) {
		*p++ = '-';
		queue = -queue;
	}
	p = put_u64(p, queue);
	return put_column(p, start + 6);
}

static bool is_any(const uint8_t *address)
{
	static const uint8_t any[TCPTRACE_ADDR_LEN];

	return !memcmp(address, any, sizeof(any));
}

/* Any address is "*" if it accepts IPv4 as well; otherwise "[::]". */
static char *put_ipv6(char *p, const struct ss_row *row, const uint8_t *address)
{
	if (is_any(address) && !(row->state == TCPTRACE_S_LISTEN && row->flags & TCPTRACE_F_V6ONLY)) {
		*p++ = '*';
		return p;
	}
	*p++ = '[';
	p = record_put_address(p, AF_INET6, address);
	*p++ = ']';
	return p;
}

static inline char *put_address(const struct ss_table *ss, char *p, const struct ss_row *row,
				const uint8_t *address)
{
	const char *name = ss->hosts && !is_any(address) ? resolve_host(row->family, address) : NULL;

	if (name)
		return put_string(p, name);
	return row->family == AF_INET ? record_put_address(p, AF_INET, address) : put_ipv6(p, row, address);
}

static inline char *put_service(const struct ss_table *ss, char *p, uint16_t port)
{
	const char *name = NULL;

	if (!port) {
		*p++ = '*';
		return p;
	}
	if (!ss->numeric && !resolve_ephemeral(port))
		name = resolve_service(port);
	return name ? put_string(p, name) : put_port(p, port);
}

static char *put_cell_string(struct table *table, unsigned int column, char *cell, const char *text)
{
	return table_cell(table, column, cell, put_string(table_text(cell), text));
}

static void count_details(struct ss_table *ss, unsigned int part)
{
	table_widen(&ss->table, ss->table.count - 1, ss->uncounted[part]);
	ss->uncounted[part] = 0;
}

void ss_table_row(struct ss_table *ss, const struct ss_row *row, const char *details, size_t length)
{
	unsigned int part = row->family == AF_INET ? IPV4 : IPV6, column = 0;
	struct table *table = &ss->table;
	char *p = length ? table_row_long(table, part, length) : table_row(table, part), *cell;

	if (!p)
		return;
	if (ss->netid)
		p = put_cell_string(table, column++, p, "tcp");
	if (ss->state)
		p = put_cell_string(table, column++, p, state_name_ss(row->state));
	p = table_cell(table, column++, p, put_queue(table_text(p), row->recvq));
	p = table_cell(table, column++, p, put_queue(table_text(p), row->sendq));

	cell = p;
	p = put_address(ss, table_text(cell), row, row->saddr);
	if (row->zone.ifindex) {
		*p++ = '%';
		p = put_device(p, &row->zone);
	}
	*p++ = ':';
	p = table_cell(table, column++, cell, p);
	p = table_cell(table, column++, p, put_service(ss, table_text(p), row->sport));
	cell = p;
	p = put_address(ss, table_text(cell), row, row->daddr);
	*p++ = ':';
	p = table_cell(table, column++, cell, p);
	p = table_cell(table, column++, p, put_service(ss, table_text(p), row->dport));
	p = table_cell_quiet(p, put_mem(table_text(p), details, length));
	table_row_done(table, part, p);
	count_details(ss, part);
	ss->uncounted[part] = length;
}

void ss_table_flush(struct ss_table *ss)
{
	if (table_size(&ss->table, IPV6))
		count_details(ss, IPV4);
	table_flush(&ss->table, IPV4);
	table_flush(&ss->table, IPV6);
}

void ss_table_trim(struct ss_table *ss)
{
	if (table_size(&ss->table, IPV4) < KEPT_MAX)
		return;
	count_details(ss, IPV4);
	table_flush(&ss->table, IPV4);
}
