// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/module.h>
#include <net/genetlink.h>

#include "canary.h"
#include "compat/compat.h"
#include "filter.h"
#include "flight.h"
#include "life.h"
#include "netlink.h"
#include "probe.h"
#include "rights.h"
#include "ring.h"
#include "stats.h"
#include "uapi/tcptrace_netlink.h"

static int tcptrace_count_reader(const struct tcptrace_wish *wish, void *arg)
{
	++*(u32 *)arg;
	return 0;
}

static int tcptrace_put_info(struct sk_buff *msg)
{
	const struct tcptrace_map *map = tcptrace_ring_map();
	enum tcptrace_muted muted = tcptrace_canary_ask();
	u32 readers = 0;

	tcptrace_filter_each(tcptrace_count_reader, &readers);
	return nla_put_string(msg, TCPTRACE_A_INFO_VERSION, TCPTRACE_VERSION) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_ABI, map->abi) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_TYPES_VERSION, map->types_version) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_RECORD_SIZE, map->record_size) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_CPUS, map->cpus) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_SLOTS, map->slots) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_INFO_MAP_SIZE, map->size, TCPTRACE_A_INFO_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_RINGS, cpumask_weight(&tcptrace_ring_cpus)) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_INFO_MEMORY, tcptrace_ring_memory(), TCPTRACE_A_INFO_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_INFO_BOOT, map->boot, TCPTRACE_A_INFO_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_LEVEL, tcptrace_probe_armed()) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_FLIGHT, tcptrace_flight_level()) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_READERS, readers) ?:
	       nla_put_u32(msg, TCPTRACE_A_INFO_SUBSCRIBERS, tcptrace_life_subscribed()) ?:
	       (muted == TCPTRACE_MUTED_FTRACE ? nla_put_flag(msg, TCPTRACE_A_INFO_FTRACE_OFF) : 0) ?:
	       (muted == TCPTRACE_MUTED_KPROBES ? nla_put_flag(msg, TCPTRACE_A_INFO_KPROBES_OFF) : 0);
}

static int tcptrace_get_info(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg;
	void *head;

	if (!tcptrace_sender_may_trace(skb))
		return -EPERM;
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	/* A program that has subscribed gets all events from this answer on. The first one waits for probes here. */
	tcptrace_life_start();
	head = genlmsg_put_reply(msg, info, &tcptrace_family, 0, TCPTRACE_CMD_INFO_GET);
	if (!head || tcptrace_put_info(msg)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

/*
 * Called before a dump and before each part of it. All parts but the first are made when the socket is read, and by
 * then it may have been passed to another process.
 */
static int tcptrace_may_dump(struct netlink_callback *cb)
{
	return tcptrace_sender_may_trace(cb->skb) ? 0 : -EPERM;
}

/* One message of a dump. -EMSGSIZE: it does not fit, and goes into the next part. */
static int tcptrace_dump_message(struct sk_buff *skb, struct netlink_callback *cb, u8 command,
				 int (*put)(struct sk_buff *skb, const void *what), const void *what)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &tcptrace_family, NLM_F_MULTI,
				 command);

	if (!head)
		return -EMSGSIZE;
	if (put(skb, what)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

static int tcptrace_put_probe(struct sk_buff *skb, const void *what)
{
	const struct tcptrace_probe_state *state = what;

	return nla_put_u32(skb, TCPTRACE_A_PROBE_INDEX, state->id) ?:
	       nla_put_string(skb, TCPTRACE_A_PROBE_SYMBOL, state->symbol) ?:
	       nla_put_u32(skb, TCPTRACE_A_PROBE_LEVEL, state->level) ?:
	       nla_put_u32(skb, TCPTRACE_A_PROBE_METHOD, state->method) ?:
	       (state->armed ? nla_put_flag(skb, TCPTRACE_A_PROBE_ARMED) : 0) ?:
	       (state->required ? nla_put_flag(skb, TCPTRACE_A_PROBE_REQUIRED) : 0) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_PROBE_HITS, state->hits, TCPTRACE_A_PROBE_PAD) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_PROBE_MISSED, state->missed, TCPTRACE_A_PROBE_PAD) ?:
	       (state->error ? nla_put_u32(skb, TCPTRACE_A_PROBE_ERROR, state->error) : 0);
}

static int tcptrace_dump_probes(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tcptrace_probe_state state;
	int error = tcptrace_may_dump(cb);

	if (error)
		return error;
	for (; cb->args[0] < TCPTRACE_PROBE_COUNT; cb->args[0]++)
		if (tcptrace_probe_state(cb->args[0], &state) &&
		    tcptrace_dump_message(skb, cb, TCPTRACE_CMD_PROBE_GET, tcptrace_put_probe, &state))
			break;
	return skb->len;
}

static int tcptrace_put_tally(struct sk_buff *skb, const void *what)
{
	int cpu = *(const long *)what;
	struct tcptrace_tally tally;

	tcptrace_stats_tally(cpu, &tally);
	return nla_put_u32(skb, TCPTRACE_A_CPU_CPU, cpu) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_CPU_HITS, tally.hits, TCPTRACE_A_CPU_PAD) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_CPU_PUBLISHED, tally.published, TCPTRACE_A_CPU_PAD) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_CPU_FILTERED, tally.filtered, TCPTRACE_A_CPU_PAD) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_CPU_IGNORED, tally.ignored, TCPTRACE_A_CPU_PAD) ?:
	       nla_put_u64_64bit(skb, TCPTRACE_A_CPU_LOST, tally.lost, TCPTRACE_A_CPU_PAD);
}

static int tcptrace_dump_cpus(struct sk_buff *skb, struct netlink_callback *cb)
{
	int error = tcptrace_may_dump(cb);

	if (error)
		return error;
	for (; cb->args[0] < nr_cpu_ids; cb->args[0]++)
		if (cpu_possible(cb->args[0]) &&
		    tcptrace_dump_message(skb, cb, TCPTRACE_CMD_CPU_GET, tcptrace_put_tally, &cb->args[0]))
			break;
	return skb->len;
}

static int tcptrace_put_prefix(struct sk_buff *skb, int address_attr, const u8 *address, int length_attr, u8 length)
{
	if (!length)
		return 0;
	return nla_put(skb, address_attr, TCPTRACE_ADDR_LEN, address) ?: nla_put_u32(skb, length_attr, length);
}

static int tcptrace_put_ports(struct sk_buff *skb, int min_attr, u16 min, int max_attr, u16 max)
{
	if (!min && max == U16_MAX)
		return 0;
	return nla_put_u16(skb, min_attr, min) ?: nla_put_u16(skb, max_attr, max);
}

static int tcptrace_put_clause(struct sk_buff *skb, const struct tcptrace_clause *clause)
{
	struct nlattr *nest = nla_nest_start(skb, TCPTRACE_A_FILTER_CLAUSE);

	if (!nest)
		return -EMSGSIZE;
	if (tcptrace_put_prefix(skb, TCPTRACE_A_CLAUSE_SADDR, clause->saddr,
				TCPTRACE_A_CLAUSE_SADDR_LEN, clause->saddr_len) ||
	    tcptrace_put_prefix(skb, TCPTRACE_A_CLAUSE_DADDR, clause->daddr,
				TCPTRACE_A_CLAUSE_DADDR_LEN, clause->daddr_len) ||
	    tcptrace_put_ports(skb, TCPTRACE_A_CLAUSE_SPORT_MIN, clause->sport_min,
			       TCPTRACE_A_CLAUSE_SPORT_MAX, clause->sport_max) ||
	    tcptrace_put_ports(skb, TCPTRACE_A_CLAUSE_DPORT_MIN, clause->dport_min,
			       TCPTRACE_A_CLAUSE_DPORT_MAX, clause->dport_max) ||
	    (clause->family && nla_put_u32(skb, TCPTRACE_A_CLAUSE_FAMILY, clause->family)) ||
	    (clause->netns && nla_put_u32(skb, TCPTRACE_A_CLAUSE_NETNS, clause->netns)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int tcptrace_put_filter(struct sk_buff *skb, const void *what)
{
	const struct tcptrace_wish *wish = what;
	u32 i;

	if (nla_put_u32(skb, TCPTRACE_A_FILTER_READER, wish->id) ||
	    nla_put_u32(skb, TCPTRACE_A_FILTER_PID, wish->pid) ||
	    nla_put_string(skb, TCPTRACE_A_FILTER_COMM, wish->comm) ||
	    nla_put_u32(skb, TCPTRACE_A_FILTER_LEVEL, wish->filter.level))
		return -EMSGSIZE;
	for (i = 0; i < wish->filter.clauses; i++)
		if (tcptrace_put_clause(skb, &wish->clauses[i]))
			return -EMSGSIZE;
	return 0;
}

struct filter_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

/* Readers may come and go between the parts of a dump. Their ids only grow, and the list is in the order of ids. */
static int tcptrace_dump_reader(const struct tcptrace_wish *wish, void *arg)
{
	struct filter_dump *dump = arg;

	if (wish->id <= dump->cb->args[0])
		return 0;
	if (tcptrace_dump_message(dump->skb, dump->cb, TCPTRACE_CMD_FILTER_GET, tcptrace_put_filter, wish))
		return 1;
	dump->cb->args[0] = wish->id;
	return 0;
}

static int tcptrace_dump_filters(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct filter_dump dump = { .skb = skb, .cb = cb };
	int error = tcptrace_may_dump(cb);

	if (error)
		return error;
	tcptrace_filter_each(tcptrace_dump_reader, &dump);
	return skb->len;
}

/* No request takes an attribute. With a policy, the kernel refuses any instead of ignoring it. */
static const struct nla_policy no_attributes[] = { [1] = { .type = NLA_REJECT } };

/* The flag asks for CAP_NET_ADMIN, of the sender and of whoever opened its socket; rights.h asks for the rest. */
static const struct genl_ops ops[] = {
	{
		.cmd	= TCPTRACE_CMD_INFO_GET,
		.flags	= GENL_ADMIN_PERM,
		.doit	= tcptrace_get_info,
	},
	{
		.cmd	= TCPTRACE_CMD_PROBE_GET,
		.flags	= GENL_ADMIN_PERM,
		.start	= tcptrace_may_dump,
		.dumpit	= tcptrace_dump_probes,
	},
	{
		.cmd	= TCPTRACE_CMD_CPU_GET,
		.flags	= GENL_ADMIN_PERM,
		.start	= tcptrace_may_dump,
		.dumpit	= tcptrace_dump_cpus,
	},
	{
		.cmd	= TCPTRACE_CMD_FILTER_GET,
		.flags	= GENL_ADMIN_PERM,
		.start	= tcptrace_may_dump,
		.dumpit	= tcptrace_dump_filters,
	},
};

static const struct genl_multicast_group groups[] = {
	{ .name = TCPTRACE_MCGRP_LIFE, TCPTRACE_MCAST_ADMIN },
};

/*
 * Only in the initial network namespace, since joining the group asks for a capability in the user namespace that
 * owns the network namespace: so in the initial one. It cannot ask for CAP_PERFMON: tcptrace_life_send() checks that.
 */
struct genl_family tcptrace_family __ro_after_init = {
	.name		= TCPTRACE_FAMILY_NAME,
	.version	= TCPTRACE_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= false,
	.parallel_ops	= true,		/* genl_mutex is shared by all families */
	.maxattr	= ARRAY_SIZE(no_attributes) - 1,
	.policy		= no_attributes,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	TCPTRACE_RESV_START_OP(__TCPTRACE_CMD_MAX)
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

int tcptrace_netlink_init(void)
{
	return genl_register_family(&tcptrace_family);
}

void tcptrace_netlink_exit(void)
{
	/* First: once the family is gone, its group number may be given to another group. */
	tcptrace_life_stop();
	genl_unregister_family(&tcptrace_family);
}
