// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>

#include "filter.h"
#include "probe.h"
#include "readmark.h"
#include "ring.h"

struct tcptrace_rules __rcu *tcptrace_rules;
/* Held for every change, also while code is patched for it. */
static DEFINE_MUTEX(tcptrace_filter_lock);
/* Nests inside it: the list and its filters. Held for moments only, so that a dump does not wait for patching. */
static DEFINE_MUTEX(tcptrace_wishes_lock);
static LIST_HEAD(wishes);
static u32 next_id = 1;

static bool clause_valid(const struct tcptrace_clause *clause)
{
	return clause->saddr_len <= 128 && clause->daddr_len <= 128 &&
	       (!clause->family || clause->family == AF_INET || clause->family == AF_INET6) &&
	       clause->sport_min <= clause->sport_max && clause->dport_min <= clause->dport_max &&
	       !clause->reserved && !clause->reserved2 && !clause->reserved3 && !clause->cgroup;
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

static void tcptrace_rules_free(struct tcptrace_rules *rules)
{
	kvfree(rules->classifier);
	kfree(rules);
}

/* A reader and the filter that is, or is about to be, its own. In the latter case it is neither in force nor shown. */
struct tcptrace_change {
	const struct tcptrace_wish *wish;
	const struct tcptrace_filter *filter;
	const struct tcptrace_clause *clauses;
};

/* What a reader wants, once the change is made. */
static struct tcptrace_change tcptrace_filter_after(const struct tcptrace_wish *wish,
						    const struct tcptrace_change *change)
{
	if (change && change->wish == wish)
		return *change;
	return (struct tcptrace_change) { .wish = wish, .filter = &wish->filter, .clauses = wish->clauses };
}

/* How many clauses a reader contributes: none while it wants nothing. */
static u32 clause_count(const struct tcptrace_filter *filter)
{
	return filter->level > TCPTRACE_L_OFF ? filter->clauses : 0;
}

/* The clauses of all readers. NULL: out of memory. */
static struct tcptrace_rule *all_clauses(const struct tcptrace_change *change, u32 *count)
{
	struct tcptrace_change after;
	struct tcptrace_wish *wish;
	struct tcptrace_rule *all;
	u32 made = 0, i;

	*count = 0;
	list_for_each_entry(wish, &wishes, list)
		*count += clause_count(tcptrace_filter_after(wish, change).filter);
	all = kvcalloc(*count + 1, sizeof(*all), GFP_KERNEL);
	if (!all)
		return NULL;
	list_for_each_entry(wish, &wishes, list) {
		after = tcptrace_filter_after(wish, change);
		for (i = 0; i < clause_count(after.filter); i++)
			all[made++] = (struct tcptrace_rule) {
				.level = after.filter->level,
				.clause = after.clauses[i],
			};
	}
	return all;
}

/* Rules for the list with `change` made to it. -ENOMEM; -ENOSPC: more clauses than all readers together may have. */
static int tcptrace_rules_build(const struct tcptrace_change *change, struct tcptrace_rules **built)
{
	struct tcptrace_rules *rules = kzalloc(sizeof(*rules), GFP_KERNEL);
	const struct tcptrace_filter *filter;
	struct tcptrace_wish *wish;
	struct tcptrace_rule *all;
	int error = -ENOMEM;
	u32 count;

	if (!rules)
		return -ENOMEM;
	list_for_each_entry(wish, &wishes, list) {
		filter = tcptrace_filter_after(wish, change).filter;
		rules->level = max(rules->level, filter->level);
		if (!filter->clauses)
			rules->level_all = max(rules->level_all, filter->level);
	}
	all = all_clauses(change, &count);
	if (all && count > TCPTRACE_CLAUSES_IN_ALL)
		error = -ENOSPC;
	else if (all)
		rules->classifier = tcptrace_classifier_build(all, count);
	kvfree(all);
	if (!rules->classifier) {
		kfree(rules);
		return error;
	}
	*built = rules;
	return 0;
}

/*
 * Arms the probes for the list with `change` made to it, which may be NULL, and publishes its rules. Handlers may still
 * read the previous ones, which are left in *old; between arming and publishing, hits are filtered by these. Under
 * `tcptrace_filter_lock`.
 */
static int tcptrace_rules_apply(const struct tcptrace_change *change, struct tcptrace_rules **old)
{
	struct tcptrace_rules *rules;
	int error = tcptrace_rules_build(change, &rules);

	if (error)
		return error;
	error = tcptrace_probe_arm(rules->level);
	if (error) {
		tcptrace_rules_free(rules);
		return error;
	}
	tcptrace_readmarks_forget();
	*old = rcu_replace_pointer(tcptrace_rules, rules, lockdep_is_held(&tcptrace_filter_lock));
	return 0;
}

/* Not under `tcptrace_filter_lock`: no other reader has to wait for this grace period. */
static void tcptrace_rules_retire(struct tcptrace_rules *old)
{
	synchronize_rcu();
	tcptrace_rules_free(old);
}

int tcptrace_filter_init(void)
{
	struct tcptrace_rules *rules;
	int error = tcptrace_rules_build(NULL, &rules);

	if (error)
		return error;
	rcu_assign_pointer(tcptrace_rules, rules);
	return 0;
}

void tcptrace_filter_exit(void)
{
	tcptrace_rules_free(rcu_dereference_protected(tcptrace_rules, 1));
}

void tcptrace_filter_add(struct tcptrace_wish *wish)
{
	tcptrace_ring_hold();
	wish->pid = task_tgid_nr(current);
	get_task_comm(wish->comm, current);
	mutex_lock(&tcptrace_filter_lock);
	mutex_lock(&tcptrace_wishes_lock);
	wish->id = next_id++;
	list_add_tail(&wish->list, &wishes);
	mutex_unlock(&tcptrace_wishes_lock);
	mutex_unlock(&tcptrace_filter_lock);
}

int tcptrace_filter_set(struct tcptrace_wish *wish, const struct tcptrace_filter *filter,
			struct tcptrace_clause *clauses)
{
	const struct tcptrace_change change = { .wish = wish, .filter = filter, .clauses = clauses };
	struct tcptrace_clause *old_clauses;
	struct tcptrace_rules *old;
	int error = filter_valid(filter, clauses);

	if (!error && filter->level > TCPTRACE_L_OFF)
		error = tcptrace_probe_audible() ?: tcptrace_ring_need();
	if (error)
		return error;

	mutex_lock(&tcptrace_filter_lock);
	error = tcptrace_rules_apply(&change, &old);
	if (error) {
		mutex_unlock(&tcptrace_filter_lock);
		return error;
	}
	/* Shown only now: a filter that is listed is in force. */
	mutex_lock(&tcptrace_wishes_lock);
	old_clauses = wish->clauses;
	wish->filter = *filter;
	wish->clauses = clauses;
	mutex_unlock(&tcptrace_wishes_lock);
	mutex_unlock(&tcptrace_filter_lock);
	kvfree(old_clauses);
	tcptrace_rules_retire(old);
	return 0;
}

void tcptrace_filter_remove(struct tcptrace_wish *wish)
{
	struct tcptrace_rules *old;
	int error;

	mutex_lock(&tcptrace_filter_lock);
	mutex_lock(&tcptrace_wishes_lock);
	list_del(&wish->list);
	mutex_unlock(&tcptrace_wishes_lock);
	/*
	 * If there is no memory for new rules, the old ones stay until the next change. Then more is recorded than any
	 * reader wants, which readers filter out. Nothing dangles: rules hold copies of clauses.
	 */
	error = tcptrace_rules_apply(NULL, &old);
	mutex_unlock(&tcptrace_filter_lock);
	if (!error)
		tcptrace_rules_retire(old);
	kvfree(wish->clauses);
	tcptrace_ring_drop();
}

int tcptrace_filter_each(int (*each)(const struct tcptrace_wish *wish, void *arg), void *arg)
{
	const struct tcptrace_wish *wish;
	int result = 0;

	mutex_lock(&tcptrace_wishes_lock);
	list_for_each_entry(wish, &wishes, list) {
		result = each(wish, arg);
		if (result)
			break;
	}
	mutex_unlock(&tcptrace_wishes_lock);
	return result;
}
