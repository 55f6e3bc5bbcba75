/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all readers together want recorded. Readers come and go in process
 * context under a mutex; handlers read one flat table under RCU.
 */
#ifndef TCPTRACE_FILTER_H
#define TCPTRACE_FILTER_H

#include <linux/in6.h>
#include <linux/rcupdate.h>

#include "uapi/tcptrace.h"

/* The tuple that clauses are compared with: host order ports, mapped addresses. */
struct tcptrace_key {
	struct in6_addr saddr;
	struct in6_addr daddr;
	u32 netns;
	u16 sport;
	u16 dport;
	u8 family;
};

struct tcptrace_rule {
	u32 level;
	bool ports_only;	/* the ports decide, as with a bare port: no need for the rest of the key */
	struct tcptrace_clause clause;
};

struct tcptrace_rules {
	struct rcu_head rcu;
	u32 level;		/* the highest that anybody wants */
	u32 level_all;		/* the highest that anybody wants of every socket */
	u32 count;
	struct tcptrace_rule rule[];
};

/* Never NULL between init and exit. */
extern struct tcptrace_rules __rcu *tcptrace_rules;

static inline const struct tcptrace_rules *tcptrace_rules_get(void)
{
	return rcu_dereference_sched(tcptrace_rules);
}

static __always_inline bool tcptrace_ports_fit(const struct tcptrace_clause *clause, u16 sport, u16 dport)
{
	return sport >= clause->sport_min && sport <= clause->sport_max &&
	       dport >= clause->dport_min && dport <= clause->dport_max;
}

/* Whether all but the ports of `key` fits. */
bool tcptrace_clause_fits(const struct tcptrace_clause *clause, const struct tcptrace_key *key);

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
 * -EINVAL, -E2BIG for what does not fit the uapi; -ENOMEM; where it wants anything, the errors of
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
