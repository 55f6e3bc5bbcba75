// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "record_text.h"

#define CASE_STATE(name, number)	case TCPTRACE_S_##name: return #name;
#define CASE_LEVEL(name, number, word)	case TCPTRACE_L_##name: return word;
#define CASE_TYPE(name, number, word)	case TCPTRACE_T_##name: return word;

const char *text_state(unsigned int state)
{
	switch (state) {
	TCPTRACE_STATES(CASE_STATE)
	}
	return "?";
}

const char *text_level(unsigned int level)
{
	switch (level) {
	TCPTRACE_LEVELS(CASE_LEVEL)
	}
	return "?";
}

unsigned int text_to_level(const char *word)
{
	unsigned int level;

	for (level = 0; level <= TCPTRACE_L_SEGMENT; level++)
		if (!strcmp(word, text_level(level)))
			break;
	return level;
}

const char *text_type(unsigned int type)
{
	switch (type) {
	TCPTRACE_TYPES(CASE_TYPE)
	}
	return "?";
}

static const char *text_kind(unsigned int kind)
{
	static const char * const words[] = { "none", "full", "request", "timewait" };

	return kind < sizeof(words) / sizeof(*words) ? words[kind] : "?";
}

const char *text_op(unsigned int op)
{
	switch (op) {
	case TCPTRACE_OP_NONE: return "none";
	case TCPTRACE_OP_OPEN: return "open";
	case TCPTRACE_OP_ACKED: return "acked";
	case TCPTRACE_OP_TIMEDOUT: return "timedout";
	case TCPTRACE_OP_DROPPED: return "dropped";
	case TCPTRACE_OP_COOKIE: return "cookie";
	case TCPTRACE_OP_UNREACHABLE: return "unreachable";
	case TCPTRACE_OP_DESTROYED: return "destroyed";
	case TCPTRACE_OP_FAILED: return "failed";
	case TCPTRACE_OP_CLOSE: return "close";
	case TCPTRACE_OP_SHUT_RD: return "shut_rd";
	case TCPTRACE_OP_SHUT_WR: return "shut_wr";
	case TCPTRACE_OP_SHUT_RDWR: return "shut_rdwr";
	case TCPTRACE_OP_SENT: return "sent";
	case TCPTRACE_OP_REPLIED: return "replied";
	case TCPTRACE_OP_RECEIVED: return "received";
	case TCPTRACE_OP_BEGIN: return "begin";
	case TCPTRACE_OP_SUBSTATE: return "substate";
	case TCPTRACE_OP_RESTART: return "restart";
	case TCPTRACE_OP_END: return "end";
	case TCPTRACE_OP_KILLED: return "killed";
	case TCPTRACE_OP_QUEUED: return "queued";
	case TCPTRACE_OP_READ: return "read";
	case TCPTRACE_OP_WAIT: return "wait";
	case TCPTRACE_OP_WRITTEN: return "written";
	case TCPTRACE_OP_RTO: return "rto";
	case TCPTRACE_OP_FAST: return "fast";
	case TCPTRACE_OP_LOSS: return "loss";
	case TCPTRACE_OP_TLP: return "tlp";
	case TCPTRACE_OP_SYN: return "syn";
	case TCPTRACE_OP_SYNACK: return "synack";
	case TCPTRACE_OP_SPURIOUS: return "spurious";
	case TCPTRACE_OP_PMTU: return "pmtu";
	case TCPTRACE_OP_CLOSED: return "closed";
	case TCPTRACE_OP_OPENED: return "opened";
	case TCPTRACE_OP_PROBE: return "probe";
	case TCPTRACE_OP_KEEPALIVE: return "keepalive";
	case TCPTRACE_OP_SYN_QUEUE: return "syn_queue";
	case TCPTRACE_OP_ACCEPT_QUEUE: return "accept_queue";
	case TCPTRACE_OP_SEGMENT: return "segment";
	}
	return "?";
}

void text_address(char *text, size_t size, unsigned int family, const void *address)
{
	const unsigned char *bytes = address;

	if (family == AF_INET)
		inet_ntop(AF_INET, bytes + 12, text, size);
	else
		inet_ntop(AF_INET6, bytes, text, size);
}

/* As tcp_diag_get_info() computes them, and similar functions for the other kinds. */
static void queues(const struct tcptrace_record *record, uint32_t *recvq, uint32_t *sendq)
{
	int32_t unread = record->rcv_nxt - record->copied_seq;

	*recvq = 0;
	*sendq = 0;
	if (record->kind != TCPTRACE_K_FULL)
		return;
	if (record->new_state == TCPTRACE_S_LISTEN) {
		*recvq = record->u.listen.backlog;
		*sendq = record->u.listen.backlog_max;
	} else {
		*recvq = unread > 0 ? unread : 0;
		*sendq = record->write_seq - record->snd_una;
	}
}

static void text_union(FILE *to, const struct tcptrace_record *record)
{
	const struct tcptrace_totals *totals = &record->u.totals;
	const struct tcptrace_listen *listen = &record->u.listen;

	if (record->type != TCPTRACE_T_SNAPSHOT)
		return;
	if (record->kind == TCPTRACE_K_REQUEST || record->new_state == TCPTRACE_S_LISTEN)
		fprintf(to, " inode=%llu uid=%u listener=%llx", listen->inode, listen->uid, listen->listener);
	else
		fprintf(to, " inode=%llu uid=%u in=%llu out=%llu timeout=%u", totals->inode, totals->uid,
			totals->bytes_in, totals->bytes_out, totals->timeout);
}

void text_record(FILE *to, const struct tcptrace_record *record)
{
	char saddr[INET6_ADDRSTRLEN], daddr[INET6_ADDRSTRLEN];
	uint32_t recvq, sendq;

	text_address(saddr, sizeof(saddr), record->family, record->saddr);
	text_address(daddr, sizeof(daddr), record->family, record->daddr);
	queues(record, &recvq, &sendq);
	fprintf(to, "type=%s op=%s kind=%s old=%s new=%s family=%d saddr=%s sport=%u daddr=%s dport=%u",
		text_type(record->type), text_op(record->op), text_kind(record->kind),
		text_state(record->old_state), text_state(record->new_state),
		record->family == AF_INET ? 4 : 6, saddr, record->sport, daddr, record->dport);
	fprintf(to, " recvq=%u sendq=%u cookie=%llx netns=%u pid=%u comm=%.*s", recvq, sendq, record->cookie,
		record->netns, record->pid, TCPTRACE_COMM_LEN, record->comm[0] ? record->comm : "-");
	fprintf(to, " cpu=%u position=%llu time=%llu", record->cpu, record->position, record->time);
	text_union(to, record);
	fputc('\n', to);
}
