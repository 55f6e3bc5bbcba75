// SPDX-License-Identifier: GPL-2.0-only
/* names.c: every number has its name and every name its number; numbers without a name are safe. */
#include "record/names.h"
#include "test.h"

static const struct {
	unsigned int state;
	const char *kernel, *ss;
} states[] = {
	{ TCPTRACE_S_ESTABLISHED, "ESTABLISHED", "ESTAB" },
	{ TCPTRACE_S_SYN_SENT, "SYN_SENT", "SYN-SENT" },
	{ TCPTRACE_S_SYN_RECV, "SYN_RECV", "SYN-RECV" },
	{ TCPTRACE_S_FIN_WAIT1, "FIN_WAIT1", "FIN-WAIT-1" },
	{ TCPTRACE_S_FIN_WAIT2, "FIN_WAIT2", "FIN-WAIT-2" },
	{ TCPTRACE_S_TIME_WAIT, "TIME_WAIT", "TIME-WAIT" },
	{ TCPTRACE_S_CLOSE, "CLOSE", "UNCONN" },
	{ TCPTRACE_S_CLOSE_WAIT, "CLOSE_WAIT", "CLOSE-WAIT" },
	{ TCPTRACE_S_LAST_ACK, "LAST_ACK", "LAST-ACK" },
	{ TCPTRACE_S_LISTEN, "LISTEN", "LISTEN" },
	{ TCPTRACE_S_CLOSING, "CLOSING", "CLOSING" },
};

static void test_states(void)
{
	size_t i;

	is_int(sizeof(states) / sizeof(states[0]), TCPTRACE_STATE_MAX, "all states are in the table");
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		is_str(state_name(states[i].state), states[i].kernel, "kernel's name");
		is_str(state_name_ss(states[i].state), states[i].ss, "name in ss");
		is_int(state_parse(states[i].kernel), states[i].state, "%s", states[i].kernel);
		is_int(state_parse(states[i].ss), states[i].state, "%s", states[i].ss);
	}
	is_int(state_parse("fin-wait-1"), TCPTRACE_S_FIN_WAIT1, "in any case");
	is_int(state_parse("nosuch"), -1, "no such state");
	is_int(state_parse(""), -1, "no word");
	is_str(state_name(0), "?", "0 is no state");
	is_str(state_name(TCPTRACE_STATE_MAX + 1), "?", "above the last state");
	is_str(state_name_ss(0), "?", "0 is no state of ss");
	is_str(state_name_ss(~0u), "?", "far above the last state of ss");
}

#define CHECK_TYPE(name, number, word)					\
	is_str(type_name(number), word, "type %d", number);		\
	is_int(type_parse(word), number, "type %s", word);

static void test_types(void)
{
	TCPTRACE_TYPES(CHECK_TYPE)
	is_str(type_name(0), "?", "0 is no type");
	is_str(type_name(0xffff), "?", "a type of a newer module");
	is_int(type_parse("verdict"), -1, "a verdict is no record");
}

static void test_ops(void)
{
	unsigned int op, named = 0;

	for (op = 0; op <= 0xff; op++) {
		if (!strcmp(op_name(op), "?"))
			continue;
		named++;
		is_int(op_parse(op_name(op)), op, "op %s", op_name(op));
	}
	is_int(named, 40, "ops that have names");
	is_str(op_name(TCPTRACE_OP_SHUT_RDWR), "shut_rdwr", "op of shutdown(2)");
	is_str(op_name(0x1000), "?", "no op");
	is_int(op_parse("?"), -1, "what is printed for no op is none");
}

int main(void)
{
	test_states();
	test_types();
	test_ops();
	return done_testing();
}
