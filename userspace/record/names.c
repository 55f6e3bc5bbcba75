// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "record/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define STATE_NAME(name, number) [number] = #name,
static const char *const states[] = { TCPTRACE_STATES(STATE_NAME) };

static const char *const states_ss[] = {
	[TCPTRACE_S_ESTABLISHED] = "ESTAB",
	[TCPTRACE_S_SYN_SENT] = "SYN-SENT",
	[TCPTRACE_S_SYN_RECV] = "SYN-RECV",
	[TCPTRACE_S_FIN_WAIT1] = "FIN-WAIT-1",
	[TCPTRACE_S_FIN_WAIT2] = "FIN-WAIT-2",
	[TCPTRACE_S_TIME_WAIT] = "TIME-WAIT",
	[TCPTRACE_S_CLOSE] = "UNCONN",
	[TCPTRACE_S_CLOSE_WAIT] = "CLOSE-WAIT",
	[TCPTRACE_S_LAST_ACK] = "LAST-ACK",
	[TCPTRACE_S_LISTEN] = "LISTEN",
	[TCPTRACE_S_CLOSING] = "CLOSING",
};

_Static_assert(COUNT(states) == COUNT(states_ss), "each state has both names");

#define TYPE_NAME(name, number, word) [number] = word,
static const char *const types[] = { TCPTRACE_TYPES(TYPE_NAME) };

static const char *name_at(const char *const *names, size_t count, unsigned int number)
{
	return number < count && names[number] ? names[number] : "?";
}

static int find(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (names[i] && !strcasecmp(names[i], name))
			return i;
	return -1;
}

const char *state_name(unsigned int state)
{
	return name_at(states, COUNT(states), state);
}

const char *state_name_ss(unsigned int state)
{
	return name_at(states_ss, COUNT(states_ss), state);
}

int state_parse(const char *name)
{
	int state = find(states, COUNT(states), name);

	return state < 0 ? find(states_ss, COUNT(states_ss), name) : state;
}

const char *type_name(unsigned int type)
{
	return name_at(types, COUNT(types), type);
}

int type_parse(const char *name)
{
	return find(types, COUNT(types), name);
}

/* A switch, so that the compiler reports an op without a name. */
const char *op_name(unsigned int op)
{
	switch ((enum tcptrace_op)op) {
	case TCPTRACE_OP_NONE:		return "none";
	case TCPTRACE_OP_OPEN:		return "open";
	case TCPTRACE_OP_ACKED:		return "acked";
	case TCPTRACE_OP_TIMEDOUT:	return "timedout";
	case TCPTRACE_OP_DROPPED:	return "dropped";
	case TCPTRACE_OP_COOKIE:	return "cookie";
	case TCPTRACE_OP_UNREACHABLE:	return "unreachable";
	case TCPTRACE_OP_DESTROYED:	return "destroyed";
	case TCPTRACE_OP_FAILED:	return "failed";
	case TCPTRACE_OP_CLOSE:		return "close";
	case TCPTRACE_OP_SHUT_RD:	return "shut_rd";
	case TCPTRACE_OP_SHUT_WR:	return "shut_wr";
	case TCPTRACE_OP_SHUT_RDWR:	return "shut_rdwr";
	case TCPTRACE_OP_SENT:		return "sent";
	case TCPTRACE_OP_REPLIED:	return "replied";
	case TCPTRACE_OP_RECEIVED:	return "received";
	case TCPTRACE_OP_BEGIN:		return "begin";
	case TCPTRACE_OP_SUBSTATE:	return "substate";
	case TCPTRACE_OP_RESTART:	return "restart";
	case TCPTRACE_OP_END:		return "end";
	case TCPTRACE_OP_KILLED:	return "killed";
	case TCPTRACE_OP_QUEUED:	return "queued";
	case TCPTRACE_OP_READ:		return "read";
	case TCPTRACE_OP_WAIT:		return "wait";
	case TCPTRACE_OP_WRITTEN:	return "written";
	case TCPTRACE_OP_RTO:		return "rto";
	case TCPTRACE_OP_FAST:		return "fast";
	case TCPTRACE_OP_LOSS:		return "loss";
	case TCPTRACE_OP_TLP:		return "tlp";
	case TCPTRACE_OP_SYN:		return "syn";
	case TCPTRACE_OP_SYNACK:	return "synack";
	case TCPTRACE_OP_SPURIOUS:	return "spurious";
	case TCPTRACE_OP_PMTU:		return "pmtu";
	case TCPTRACE_OP_CLOSED:	return "closed";
	case TCPTRACE_OP_OPENED:	return "opened";
	case TCPTRACE_OP_PROBE:		return "probe";
	case TCPTRACE_OP_KEEPALIVE:	return "keepalive";
	case TCPTRACE_OP_SYN_QUEUE:	return "syn_queue";
	case TCPTRACE_OP_ACCEPT_QUEUE:	return "accept_queue";
	case TCPTRACE_OP_SEGMENT:	return "segment";
	}
	return "?";
}

/* Records store an op in one byte. */
int op_parse(const char *name)
{
	int op;

	for (op = 0; op <= 0xff; op++)
		if (op_name(op)[0] != '?' && !strcasecmp(op_name(op), name))
			return op;
	return -1;
}
