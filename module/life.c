// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group `life`: a reader of the rings like any other, in the kernel, for programs that want no ring.
 *
 * Netlink does not tell every kernel's families of a bind. So reading begins when a program that has
 * subscribed asks for INFO_GET, and ends when, at the next waking, nobody is subscribed any more.
 */
#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include "compat/compat.h"
#include "filter.h"
#include "netlink.h"
#include "rights.h"
#include "ring.h"
#include "uapi/tcptrace_netlink.h"
#include "wake.h"

/* Where this reader is in one CPU's ring. */
struct cursor {
	u64 next;		/* position to be read */
	u64 bound;		/* read up to here in this round */
	bool loaded;		/* `record` is the next one of this CPU */
	struct tcptrace_record record;
};

static struct cursor *cursors;
static struct tcptrace_wish wish;
static bool reading;
static u64 lost;		/* since the last message */
static DEFINE_MUTEX(lock);	/* start against drain */

static void drain(struct work_struct *work);
static DECLARE_DELAYED_WORK(drain_work, drain);

static bool is_life(u16 type)
{
	return type <= TCPTRACE_T_TIMEWAIT;
}

enum loading { LOADED, NOTHING, STALLED };

/*
 * Copies a slot that may be overwritten meanwhile; the reader's side of uapi/tcptrace.h. STALLED: one is being
 * written, and what other CPUs have may be newer.
 */
static enum loading load(struct cursor *cursor, int cpu)
{
	struct tcptrace_ring *ring = per_cpu(tcptrace_rings, cpu);

	while (cursor->next <= cursor->bound) {
		struct tcptrace_record *slot = tcptrace_ring_slot(ring, cursor->next);
		u64 reserved = tcptrace_ring_reserved(cpu), position;

		if (reserved - cursor->next >= tcptrace_ring_slots) {
			u64 oldest = reserved - tcptrace_ring_slots + 1;

			lost += oldest - cursor->next;
			cursor->next = oldest;
			continue;
		}
		position = smp_load_acquire(&slot->position);
		if ((position & ~TCPTRACE_HELD) == (cursor->next | TCPTRACE_HOLE)) {
			lost++;
			cursor->next++;
			continue;
		}
		if (position != cursor->next)
			return STALLED;
		cursor->record = *slot;
		smp_rmb();	/* the copy before the second look */
		if (READ_ONCE(slot->position) != position)
			continue;
		cursor->next++;
		if (is_life(cursor->record.type))
			return LOADED;
	}
	return NOTHING;
}

static int put_numbers(struct sk_buff *msg, const struct tcptrace_record *record)
{
	const struct { int attr; u32 value; } numbers[] = {
		{ TCPTRACE_A_EVENT_TYPE, record->type },
		{ TCPTRACE_A_EVENT_NETNS, record->netns },
		{ TCPTRACE_A_EVENT_CPU, record->cpu },
		{ TCPTRACE_A_EVENT_FAMILY, record->family },
		{ TCPTRACE_A_EVENT_KIND, record->kind },
		{ TCPTRACE_A_EVENT_OLD_STATE, record->old_state },
		{ TCPTRACE_A_EVENT_NEW_STATE, record->new_state },
		{ TCPTRACE_A_EVENT_OP, record->op },
		{ TCPTRACE_A_EVENT_FLAGS, record->flags },
		{ TCPTRACE_A_EVENT_SND_UNA, record->snd_una },
		{ TCPTRACE_A_EVENT_SND_NXT, record->snd_nxt },
		{ TCPTRACE_A_EVENT_WRITE_SEQ, record->write_seq },
		{ TCPTRACE_A_EVENT_RCV_NXT, record->rcv_nxt },
		{ TCPTRACE_A_EVENT_COPIED_SEQ, record->copied_seq },
		{ TCPTRACE_A_EVENT_SND_WND, record->snd_wnd },
		{ TCPTRACE_A_EVENT_RCV_WND, record->rcv_wnd },
		{ TCPTRACE_A_EVENT_MSS, record->mss },
		{ TCPTRACE_A_EVENT_WSCALE, record->wscale },
		{ TCPTRACE_A_EVENT_IFINDEX, record->ifindex },
		{ TCPTRACE_A_EVENT_PID, record->pid },
		{ TCPTRACE_A_EVENT_ERROR, record->error },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value && nla_put_u32(msg, numbers[i].attr, numbers[i].value))
			return -EMSGSIZE;
	return 0;
}

static int put_listen(struct sk_buff *msg, const struct tcptrace_listen *listen)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_LISTENER, listen->listener, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_BACKLOG, listen->backlog) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_BACKLOG_MAX, listen->backlog_max) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_SYN_BACKLOG, listen->syn_backlog) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_RETRANSMITS, listen->retransmits);
}

static int put_totals(struct sk_buff *msg, const struct tcptrace_totals *totals)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_BYTES_IN, totals->bytes_in, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_BYTES_OUT, totals->bytes_out, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_RETRANSMITS, totals->retransmits) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_TIMEOUT, totals->timeout) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_OOO, totals->ooo);
}

static int put_segment(struct sk_buff *msg, const struct tcptrace_segment *segment)
{
	return nla_put_u32(msg, TCPTRACE_A_EVENT_SEQ, segment->seq) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_ACK, segment->ack) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_LEN, segment->len) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_WINDOW, segment->window) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_TCP_FLAGS, segment->flags) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_REASON, segment->reason) ?:
	       (segment->out ? nla_put_flag(msg, TCPTRACE_A_EVENT_OUT) : 0);
}

static int put_union(struct sk_buff *msg, const struct tcptrace_record *record)
{
	switch (record->type) {
	case TCPTRACE_T_LISTEN:
	case TCPTRACE_T_REQUEST:
	case TCPTRACE_T_ACCEPT:
		return put_listen(msg, &record->u.listen);
	case TCPTRACE_T_RESET:
		return put_segment(msg, &record->u.segment);
	default:
		return put_totals(msg, &record->u.totals);
	}
}

static int put_event(struct sk_buff *msg, const struct tcptrace_record *record)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_TIME, record->time, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_STAMP, record->stamp, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_COOKIE, record->cookie, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put(msg, TCPTRACE_A_EVENT_SADDR, TCPTRACE_ADDR_LEN, record->saddr) ?:
	       nla_put(msg, TCPTRACE_A_EVENT_DADDR, TCPTRACE_ADDR_LEN, record->daddr) ?:
	       nla_put_u16(msg, TCPTRACE_A_EVENT_SPORT, record->sport) ?:
	       nla_put_u16(msg, TCPTRACE_A_EVENT_DPORT, record->dport) ?:
	       put_numbers(msg, record) ?:
	       (record->pid ? nla_put_string(msg, TCPTRACE_A_EVENT_COMM, record->comm) : 0) ?:
	       put_union(msg, record) ?:
	       (lost ? nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_LOST, lost, TCPTRACE_A_EVENT_PAD) : 0);
}

/* A netlink_filter_fn. Who joins the group has been asked for less than may_trace(), see TCPTRACE_MCAST_ADMIN. */
static int passed_over(struct sock *subscriber, struct sk_buff *msg, void *unused)
{
	return !tcptrace_opener_may_trace(subscriber);
}

static void send_event(const struct tcptrace_record *record)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *head;

	if (!msg) {
		lost++;
		return;
	}
	head = genlmsg_put(msg, 0, 0, &tcptrace_family, 0, TCPTRACE_CMD_EVENT_NTF);
	if (!head || put_event(msg, record)) {
		nlmsg_free(msg);
		lost++;
		return;
	}
	genlmsg_end(msg, head);
	lost = 0;
	/* ESRCH: nobody there. A subscriber whose buffer is full learns it by ENOBUFS. */
	genlmsg_multicast_netns_filtered(&tcptrace_family, &init_net, msg, 0, 0, GFP_KERNEL, passed_over, NULL);
}

/* The oldest record of all CPUs; NULL where there is none, or where it cannot be known yet: `stalled`. */
static struct cursor *oldest(bool *stalled)
{
	struct cursor *first = NULL;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct cursor *cursor = &cursors[cpu];

		if (!cursor->loaded) {
			enum loading loading = load(cursor, cpu);

			if (loading == STALLED) {
				*stalled = true;
				return NULL;
			}
			cursor->loaded = loading == LOADED;
		}
		if (cursor->loaded && (!first || cursor->record.time < first->record.time))
			first = cursor;
	}
	return first;
}

static void drain_round(void)
{
	u64 now = ktime_get_ns();
	struct cursor *cursor;
	bool stalled = false;
	int cpu;

	for_each_possible_cpu(cpu)
		cursors[cpu].bound = tcptrace_ring_reserved(cpu);
	/* What is not older than `now` may still be preceded by what another CPU has yet to reserve. */
	while ((cursor = oldest(&stalled)) && cursor->record.time < now) {
		send_event(&cursor->record);
		cursor->loaded = false;
		cond_resched();
	}
	if (stalled)
		schedule_delayed_work(&drain_work, 1);
}

/* Under `lock`. */
static void stop_reading(void)
{
	tcptrace_filter_remove(&wish);
	reading = false;
}

static void drain(struct work_struct *work)
{
	mutex_lock(&lock);
	if (reading) {
		if (genl_has_listeners(&tcptrace_family, &init_net, 0)) {
			tcptrace_wake_arm();
			drain_round();
		} else {
			stop_reading();
		}
	}
	mutex_unlock(&lock);
}

void tcptrace_life_start(void)
{
	const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = TCPTRACE_L_LIFE };
	int cpu;

	mutex_lock(&lock);
	if (!reading && genl_has_listeners(&tcptrace_family, &init_net, 0)) {
		for_each_possible_cpu(cpu) {
			cursors[cpu].next = tcptrace_ring_reserved(cpu) + 1;
			cursors[cpu].loaded = false;
		}
		lost = 0;
		wish = (struct tcptrace_wish) { };
		tcptrace_filter_add(&wish);
		if (tcptrace_filter_set(&wish, &filter, NULL))
			tcptrace_filter_remove(&wish);
		else
			reading = true;
		tcptrace_wake_arm();
	}
	mutex_unlock(&lock);
}

void tcptrace_netlink_kick(void)
{
	if (READ_ONCE(reading))
		schedule_delayed_work(&drain_work, 0);
}

bool tcptrace_netlink_subscribed(void)
{
	return READ_ONCE(reading);
}

int tcptrace_life_init(void)
{
	cursors = kvcalloc(nr_cpu_ids, sizeof(*cursors), GFP_KERNEL);
	return cursors ? 0 : -ENOMEM;
}

void tcptrace_life_stop(void)
{
	mutex_lock(&lock);
	if (reading)
		stop_reading();
	mutex_unlock(&lock);
}

void tcptrace_life_exit(void)
{
	cancel_delayed_work_sync(&drain_work);
	kvfree(cursors);
}
