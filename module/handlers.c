// SPDX-License-Identifier: GPL-2.0-only
/* Whether a record is wanted, and the table of the functions that the kernel calls. */
#include "handlers_impl.h"

/* Out of line, so that the fast path needs no stack frame for the key. */
static noinline bool tcptrace_fits_by_key(const struct tcptrace_rules *rules, u32 level, const struct sock *sk)
{
	struct tcptrace_key key;

	tcptrace_key_of_sock(&key, sk);
	return tcptrace_classify(rules->classifier, level, &key);
}

bool tcptrace_wanted_rules(const struct tcptrace_rules *rules, u32 level, const struct sock *sk)
{
	u16 sport = tcptrace_local_port(sk, tcptrace_kind_of(sk)), dport = ntohs(sk->sk_dport);

	switch (tcptrace_classify_ports(rules->classifier, level, sport, dport)) {
	case TCPTRACE_FITS:
		return true;
	case TCPTRACE_FITS_PERHAPS:
		if (tcptrace_fits_by_key(rules, level, sk))
			return true;
		break;
	case TCPTRACE_FITS_NONE:
		break;
	}
	tcptrace_count(filtered);
	return false;
}

bool tcptrace_wanted_key(const struct tcptrace_key *key, u32 level)
{
	const struct tcptrace_rules *rules = tcptrace_rules_get();

	if (rules->level_all >= level || tcptrace_classify(rules->classifier, level, key))
		return true;
	tcptrace_count(filtered);
	return false;
}

#define TABLE_ENTRY(id)		{ .hook = tcptrace_hook_##id, .entry = tcptrace_entry_##id }
#define TABLE_RETURN(id)	{ .ret_entry = tcptrace_call_##id, .ret = tcptrace_return_##id }
#define TABLE_TRACEPOINT(id)	{ .trace = TCPTRACE_HAVE_##id ? tcptrace_trace_##id : NULL }
#define TABLE(id, symbol, older, level, method, need, whose)	[TCPTRACE_P_##id] = TABLE_##method(id),

const struct tcptrace_handler tcptrace_handlers[TCPTRACE_PROBE_COUNT] = { TCPTRACE_PROBES(TABLE) };
