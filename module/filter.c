// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <net/ipv6.h>

#include "filter.h"
#include "probe.h"

struct tcptrace_rules __rcu *tcptrace_rules;
/* Who changes anything holds `lock`, while code is patched and a grace period waited for. */
static DEFINE_MUTEX(lock);
/* Inside it, for a moment: the list and what its members want, so that a question waits for none of that. */
static DEFINE_MUTEX(list_lock);
static LIST_HEAD(wishes);
static u32 next_id = 1;

static bool prefix_fits(const u8 *prefix, u8 length, const struct in6_addr *address)
{
	return !length || ipv6_prefix_equal((const struct in6_addr *)prefix, address, length);
}

bool tcptrace_clause_fits(const struct tcptrace_clause *clause, const struct tcptrace_key *key)
{
	return (!clause->family || clause->family == key->family) &&
	       (!clause->netns || clause->netns == key->netns) &&
	       prefix_fits(clause->saddr, clause->saddr_len, &key->saddr) &&
	       prefix_fits(clause->daddr, clause->daddr_len, &key->daddr);
}

static bool clause_valid(const struct tcptrace_clause *clause)
{
	return clause->saddr_len <= 128 && clause->daddr_len <= 128 &&
	       (!clause->family || clause->family == AF_INET || clause->family == AF_INET6) &&
	       clause->sport_min <= clause->sport_max && clause->dport_min <= clause->dport_max &&
	       !clause->reserved && !clause->reserved2 && !clause->reserved3 && !clause->cgroup;
}

static bool clause_ports_only(const struct tcptrace_clause *clause)
{
	return !clause->family && !clause->netns && !clause->saddr_len && !clause->daddr_len;
}

static int filter_valid(const struct tcptrace_filter *filter, const struct tcptrace_clause *clauses)
{
	u32 i;

	if (filter->clauses > TCPTRACE_CLAUSES_MAX)
		return -E2BIG;
	if (filter->abi != TCPTRACE_ABI || filter->level > TCPTRACE_L_SEGMENT ||
	    filter->reserved[0] || filter->reserved[1] || filter->reserved[2])
		return -EINVAL;
	for (i = 0; i < filter->clauses; i++)
		if (!clause_valid(&clauses[i]))
			return -EINVAL;
	return 0;
}

static struct tcptrace_rules *rules_build(void)
{
	struct tcptrace_rules *rules;
	struct tcptrace_wish *wish;
	u32 count = 0, i;

	list_for_each_entry(wish, &wishes, list)
		count += wish->filter.clauses;
	rules = kvzalloc(struct_size(rules, rule, count), GFP_KERNEL);
	if (!rules)
		return NULL;
	list_for_each_entry(wish, &wishes, list) {
		rules->level = max(rules->level, wish->filter.level);
		if (!wish->filter.clauses)
			rules->level_all = max(rules->level_all, wish->filter.level);
		for (i = 0; i < wish->filter.clauses; i++)
			rules->rule[rules->count++] = (struct tcptrace_rule) {
				.level = wish->filter.level,
				.ports_only = clause_ports_only(&wish->clauses[i]),
				.clause = wish->clauses[i],
			};
	}
	return rules;
}

/* Publishes what the list now says. Between arming and publishing, hits are filtered by the old rules. */
static int rules_apply(void)
{
	struct tcptrace_rules *rules = rules_build(), *old;
	int error;

	if (!rules)
		return -ENOMEM;
	error = tcptrace_probe_arm(rules->level);
	if (error) {
		kvfree(rules);
		return error;
	}
	old = rcu_replace_pointer(tcptrace_rules, rules, lockdep_is_held(&lock));
	synchronize_rcu();
	kvfree(old);
	return 0;
}

int tcptrace_filter_init(void)
{
	struct tcptrace_rules *rules = rules_build();

	if (!rules)
		return -ENOMEM;
	rcu_assign_pointer(tcptrace_rules, rules);
	return 0;
}

void tcptrace_filter_exit(void)
{
	kvfree(rcu_dereference_protected(tcptrace_rules, 1));
}

void tcptrace_filter_add(struct tcptrace_wish *wish)
{
	wish->pid = task_tgid_nr(current);
	get_task_comm(wish->comm, current);
	mutex_lock(&lock);
	mutex_lock(&list_lock);
	wish->id = next_id++;
	list_add_tail(&wish->list, &wishes);
	mutex_unlock(&list_lock);
	mutex_unlock(&lock);
}

static void wish_change(struct tcptrace_wish *wish, const struct tcptrace_filter *filter,
			struct tcptrace_clause *clauses)
{
	mutex_lock(&list_lock);
	wish->filter = *filter;
	wish->clauses = clauses;
	mutex_unlock(&list_lock);
}

int tcptrace_filter_set(struct tcptrace_wish *wish, const struct tcptrace_filter *filter,
			struct tcptrace_clause *clauses)
{
	struct tcptrace_clause *old_clauses = wish->clauses;
	struct tcptrace_filter old_filter;
	int error = filter_valid(filter, clauses);

	if (!error && filter->level > TCPTRACE_L_OFF)
		error = tcptrace_probe_audible();
	if (error)
		return error;

	mutex_lock(&lock);
	old_filter = wish->filter;
	old_clauses = wish->clauses;
	wish_change(wish, filter, clauses);
	error = rules_apply();
	if (error)
		wish_change(wish, &old_filter, old_clauses);
	mutex_unlock(&lock);
	if (!error)
		kvfree(old_clauses);
	return error;
}

void tcptrace_filter_remove(struct tcptrace_wish *wish)
{
	mutex_lock(&lock);
	mutex_lock(&list_lock);
	list_del(&wish->list);
	mutex_unlock(&list_lock);
	/*
	 * Without memory for fewer rules the old ones stay until the next change: more is recorded
	 * than anybody wants, which readers filter, and nothing dangles, for rules hold copies.
	 */
	rules_apply();
	mutex_unlock(&lock);
	kvfree(wish->clauses);
}

int tcptrace_filter_each(int (*each)(const struct tcptrace_wish *wish, void *arg), void *arg)
{
	const struct tcptrace_wish *wish;
	int result = 0;

	mutex_lock(&list_lock);
	list_for_each_entry(wish, &wishes, list) {
		result = each(wish, arg);
		if (result)
			break;
	}
	mutex_unlock(&list_lock);
	return result;
}
