/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all readers together want recorded. Readers come and go in process
 * context under a mutex; handlers read one set of rules under RCU.
 */
#ifndef TCPTRACE_FILTER_H
#define TCPTRACE_FILTER_H

#include <linux/list.h>
#include <linux/rcupdate.h>

#include "classifier.h"
#include "uapi/tcptrace.h"

struct tcptrace_rules {
	u32 level;		/* the highest that anybody wants */
	u32 level_all;		/* the highest that anybody wants of every socket */
	struct tcptrace_classifier *classifier;	/* of those who want some sockets only */
};

/* Never NULL between init and exit. */
extern struct tcptrace_rules __rcu *tcptrace_rules;

static inline const struct tcptrace_rules *tcptrace_rules_get(void)
{
	return rcu_dereference_sched(tcptrace_rules);
}

/*
 * One reader's filter, linked into the set while it has a level above OFF.
 * The reader owns the memory; add/remove and set are process context and may sleep.
 */
struct tcptrace_wish {
	struct list_head list;
	u32 id;
	u32 pid;
	char comm[TCPTRACE_COMM_LEN];
	struct tcptrace_filter filter;
	struct tcptrace_clause *clauses;	/* kvmalloc'd, owned */
};

int tcptrace_filter_init(void);
void tcptrace_filter_exit(void);

/* Registers a reader that wants nothing yet. */
void tcptrace_filter_add(struct tcptrace_wish *wish);
/*
 * Replaces what `wish` wants and arms the probes for it. Takes `clauses` over on success.
 * -EINVAL, -E2BIG, -ENOSPC as in the uapi; -ENOMEM; where it wants anything, the errors of
 * tcptrace_probe_audible() and tcptrace_probe_arm().
 * On an error all is as before.
 */
int tcptrace_filter_set(struct tcptrace_wish *wish, const struct tcptrace_filter *filter,
			struct tcptrace_clause *clauses);
/* Forgets a reader; disarms what nobody else wants. */
void tcptrace_filter_remove(struct tcptrace_wish *wish);

/*
 * Calls `each`, which must not sleep, for every reader, with the set locked, until it returns not 0; returns that.
 * Does not wait while another reader's filter is armed. May sleep.
 */
int tcptrace_filter_each(int (*each)(const struct tcptrace_wish *wish, void *arg), void *arg);

#endif
