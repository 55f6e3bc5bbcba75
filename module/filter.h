/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all readers together want recorded. Readers come and go in process context, under a mutex; handlers read one set
 * of rules under RCU.
 */
#ifndef TCPTRACE_FILTER_H
#define TCPTRACE_FILTER_H

#include <linux/list.h>
#include <linux/rcupdate.h>

#include "classifier.h"
#include "uapi/tcptrace.h"

struct tcptrace_rules {
	u32 level;		/* the highest that any reader wants */
	u32 level_all;		/* the highest that any reader without clauses wants, of every socket */
	struct tcptrace_classifier *classifier;	/* the clauses of the others */
};

/* Never NULL between init and exit. */
extern struct tcptrace_rules __rcu *tcptrace_rules;

static inline const struct tcptrace_rules *tcptrace_rules_get(void)
{
	return rcu_dereference_sched(tcptrace_rules);
}

/*
 * One reader and its filter, in the list from add to remove. The reader owns the memory. Add, set and remove: process
 * context, may sleep.
 */
struct tcptrace_wish {
	struct list_head list;
	u32 id;			/* from 1, ascending in the list */
	u32 pid;		/* thread group */
	char comm[TCPTRACE_COMM_LEN];
	/* In force: changes once the probes are armed for it and the handlers have its rules. */
	struct tcptrace_filter filter;
	struct tcptrace_clause *clauses;	/* kvmalloc() memory, owned */
};

int tcptrace_filter_init(void);
void tcptrace_filter_exit(void);

/* Registers a reader, which wants nothing yet. */
void tcptrace_filter_add(struct tcptrace_wish *wish);
/*
 * Replaces the filter of `wish` and arms the probes that it needs. On success it owns `clauses`; on an error nothing
 * has changed. -EINVAL, -E2BIG, -ENOSPC: see the uapi; -ENOMEM; if it wants anything, also the errors of
 * tcptrace_probe_audible() and tcptrace_probe_arm().
 */
int tcptrace_filter_set(struct tcptrace_wish *wish, const struct tcptrace_filter *filter,
			struct tcptrace_clause *clauses);
/* Removes a reader, and disarms the probes that no other one needs. */
void tcptrace_filter_remove(struct tcptrace_wish *wish);

/*
 * Calls `each`, which must not sleep, for every reader, with the list locked, until one call returns anything but 0.
 * Returns that. Does not wait for probes to be armed for another reader. May sleep.
 */
int tcptrace_filter_each(int (*each)(const struct tcptrace_wish *wish, void *arg), void *arg);

#endif
