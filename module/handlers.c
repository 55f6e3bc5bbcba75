// SPDX-License-Identifier: GPL-2.0-only
/* Who wants a record, and the table of what the kernel calls. */
#include "handler.h"

/* Fills the key where a rule asks for more than ports. */
static __always_inline bool rules_fit(const struct tcptrace_rules *rules, u32 level, u16 sport, u16 dport,
				      struct tcptrace_key *key, const struct sock *sk)
{
	const struct tcptrace_rule *rule = rules->rule, *end = rule + rules->count;
	bool filled = !sk;

	for (; rule < end; rule++) {
		if (rule->level < level || !tcptrace_ports_fit(&rule->clause, sport, dport))
			continue;
		if (rule->ports_only)
			return true;
		if (!filled)
			tcptrace_key_of_sock(key, sk);
		filled = true;
		if (tcptrace_clause_fits(&rule->clause, key))
			return true;
	}
	tcptrace_count(filtered);
	return false;
}

bool tcptrace_wanted_rules(const struct tcptrace_rules *rules, u32 level, const struct sock *sk)
{
	struct tcptrace_key key;

	return rules_fit(rules, level, tcptrace_local_port(sk, tcptrace_kind_of(sk)), ntohs(sk->sk_dport), &key, sk);
}

bool tcptrace_wanted_key(struct tcptrace_key *key, u32 level)
{
	const struct tcptrace_rules *rules = tcptrace_rules_get();

	return rules->level_all >= level || rules_fit(rules, level, key->sport, key->dport, key, NULL);
}

#define TABLE_ENTRY(id)		{ .hook = tcptrace_hook_##id, .entry = tcptrace_entry_##id }
#define TABLE_RETURN(id)	{ .ret_entry = tcptrace_call_##id, .ret = tcptrace_return_##id }
#define TABLE(id, symbol, older, level, method, need, whose)	[TCPTRACE_P_##id] = TABLE_##method(id),

const struct tcptrace_handler tcptrace_handlers[TCPTRACE_PROBE_COUNT] = { TCPTRACE_PROBES(TABLE) };
