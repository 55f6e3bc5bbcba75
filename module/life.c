// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group `life`: a reader of the rings like any other, but in the kernel, for programs that do not map them.
 *
 * Not every kernel tells a netlink family of a bind. So reading starts when a subscribed program asks for INFO_GET, and
 * ends when the worker is woken and there are no subscribers any more.
 */
#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include "compat/compat.h"
#include "filter.h"
#include "life.h"
#include "rights.h"
#include "ring.h"
#include "uapi/tcptrace_netlink.h"
#include "wake.h"

/* How many records one run of the worker looks at, at most. It leaves the rest to the next run. */
#define RUN_RECORDS	16

/* The contexts in which handlers run, and so may interrupt one another: task, softirq, interrupt, NMI. */
#define CONTEXTS 4

/* Where this reader is in one CPU's ring. */
struct cursor {
	struct timerqueue_node node;	/* in `heads`, by the time of the earliest record, once that is known */
	u64 next;			/* position to read next */
	u64 bound;			/* position up to which this round reads */
	u64 newest;			/* position of the record that was read last */
	unsigned int count;
	struct tcptrace_record records[CONTEXTS + 1];	/* read and not sent yet, the earliest last */
};

/*
 * The worker's while it reads; before that, tcptrace_life_start_reading() sets them up. A round takes one or more
 * runs. It sends the records that are older than its beginning: another CPU may still reserve a position for one that
 * is older than the others.
 */
static struct cursor *cursors;
static struct timerqueue_head heads;
static u64 round;		/* when it began; 0: the next run begins one */
static unsigned int first_open;	/* each CPU before this one is in `heads`, or has no record for this round */
static u64 lost;		/* since the last message */
static u64 lost_without_ring;	/* part of it that was added already: tcptrace_ring_lost_in_all() */

static const struct genl_family *family;
static struct tcptrace_wish wish;
static struct tcptrace_waiter waiter;
static enum { IDLE, READING, CLOSED } state;
static DEFINE_MUTEX(tcptrace_life_lock);	/* held while `state` changes and probes are armed for it */
static bool kicked;		/* woken since this round began: there may be more to send */

static void tcptrace_life_drain(struct work_struct *work);
static DECLARE_DELAYED_WORK(drain_work, tcptrace_life_drain);
static struct workqueue_struct *queue;

static bool has_subscribers(void)
{
	return genl_has_listeners(family, &init_net, 0);
}

static bool is_level_life(const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_RETRANSMIT)
		return record->op == TCPTRACE_OP_SYN || record->op == TCPTRACE_OP_SYNACK;
	return record->type <= TCPTRACE_T_TIMEWAIT;
}

enum progress {
	LOADED,		/* the next record was read */
	NOTHING,	/* there is none */
	STALLED,	/* it is being written, and may be older than what other CPUs have */
	RUN_LIMIT,		/* this run has looked at as many as it may */
};

/*
 * Reads the next record of level life, from slots that may be overwritten meanwhile: the reader's side of the
 * protocol in uapi/tcptrace.h. `left`: how many records the run may still look at.
 */
static enum progress tcptrace_life_load(struct cursor *cursor, int cpu, unsigned int *left)
{
	struct tcptrace_record *records = per_cpu(tcptrace_records, cpu);
	struct tcptrace_record *record = &cursor->records[cursor->count];

	while (cursor->next <= cursor->bound) {
		struct tcptrace_record *slot = tcptrace_ring_slot(records, cursor->next);
		u64 reserved = tcptrace_ring_reserved(cpu), position;

		if (!*left)
			return RUN_LIMIT;
		--*left;
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
		*record = *slot;
		smp_rmb();	/* copy before looking at the position again */
		if (READ_ONCE(slot->position) != position)
			continue;
		cursor->next++;
		if (is_level_life(record)) {
			cursor->newest = position;
			return LOADED;
		}
	}
	return NOTHING;
}

static int tcptrace_put_event_numbers(struct sk_buff *msg, const struct tcptrace_record *record)
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

static int tcptrace_put_listen(struct sk_buff *msg, const struct tcptrace_listen *listen)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_LISTENER, listen->listener, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_BACKLOG, listen->backlog) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_BACKLOG_MAX, listen->backlog_max) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_SYN_BACKLOG, listen->syn_backlog) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_RETRANSMITS, listen->retransmits);
}

static int tcptrace_put_totals(struct sk_buff *msg, const struct tcptrace_totals *totals)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_BYTES_IN, totals->bytes_in, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_BYTES_OUT, totals->bytes_out, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_RETRANSMITS, totals->retransmits) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_TIMEOUT, totals->timeout) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_OOO, totals->ooo);
}

static int tcptrace_put_segment(struct sk_buff *msg, const struct tcptrace_segment *segment)
{
	return nla_put_u32(msg, TCPTRACE_A_EVENT_SEQ, segment->seq) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_ACK, segment->ack) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_LEN, segment->len) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_WINDOW, segment->window) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_TCP_FLAGS, segment->flags) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_REASON, segment->reason) ?:
	       (segment->out ? nla_put_flag(msg, TCPTRACE_A_EVENT_OUT) : 0);
}

static int tcptrace_put_retransmit(struct sk_buff *msg, const struct tcptrace_retransmit *retransmit)
{
	return nla_put_u32(msg, TCPTRACE_A_EVENT_SEQ, retransmit->seq) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_LEN, retransmit->len) ?:
	       nla_put_u32(msg, TCPTRACE_A_EVENT_RETRANSMITS, retransmit->total);
}

static int tcptrace_put_union(struct sk_buff *msg, const struct tcptrace_record *record)
{
	switch (record->type) {
	case TCPTRACE_T_LISTEN:
	case TCPTRACE_T_REQUEST:
	case TCPTRACE_T_ACCEPT:
		return tcptrace_put_listen(msg, &record->u.listen);
	case TCPTRACE_T_RESET:
		return tcptrace_put_segment(msg, &record->u.segment);
	case TCPTRACE_T_RETRANSMIT:
		return tcptrace_put_retransmit(msg, &record->u.retransmit);
	default:
		return tcptrace_put_totals(msg, &record->u.totals);
	}
}

static int tcptrace_put_event(struct sk_buff *msg, const struct tcptrace_record *record)
{
	return nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_TIME, record->time, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_STAMP, record->stamp, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_COOKIE, record->cookie, TCPTRACE_A_EVENT_PAD) ?:
	       nla_put(msg, TCPTRACE_A_EVENT_SADDR, TCPTRACE_ADDR_LEN, record->saddr) ?:
	       nla_put(msg, TCPTRACE_A_EVENT_DADDR, TCPTRACE_ADDR_LEN, record->daddr) ?:
	       nla_put_u16(msg, TCPTRACE_A_EVENT_SPORT, record->sport) ?:
	       nla_put_u16(msg, TCPTRACE_A_EVENT_DPORT, record->dport) ?:
	       tcptrace_put_event_numbers(msg, record) ?:
	       (record->pid ? nla_put_string(msg, TCPTRACE_A_EVENT_COMM, record->comm) : 0) ?:
	       tcptrace_put_union(msg, record) ?:
	       (lost ? nla_put_u64_64bit(msg, TCPTRACE_A_EVENT_LOST, lost, TCPTRACE_A_EVENT_PAD) : 0);
}

/* A netlink_filter_fn. To join the group takes fewer rights than the rule of rights.h, see TCPTRACE_MCAST_ADMIN. */
static int tcptrace_life_passes_over(struct sock *subscriber, struct sk_buff *msg, void *unused)
{
	return !tcptrace_opener_may_trace(subscriber);
}

static void tcptrace_life_send(const struct tcptrace_record *record)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *head;

	if (!msg) {
		lost++;
		return;
	}
	head = genlmsg_put(msg, 0, 0, family, 0, TCPTRACE_CMD_EVENT_NTF);
	if (!head || tcptrace_put_event(msg, record)) {
		nlmsg_free(msg);
		lost++;
		return;
	}
	genlmsg_end(msg, head);
	lost = 0;
	/*
	 * ESRCH: no subscriber. One whose buffer is full, or for whose copy there is no memory at once, gets ENOBUFS.
	 * With GFP_KERNEL, netlink would yield() to one whose buffer is filling up.
	 */
	genlmsg_multicast_netns_filtered(family, &init_net, msg, 0, 0, GFP_NOWAIT | __GFP_NOWARN,
					 tcptrace_life_passes_over, NULL);
}

/* Moves the record that was read last to its place in the order of time. */
static void tcptrace_life_sort_in(struct cursor *cursor)
{
	unsigned int i;

	for (i = cursor->count++; i && cursor->records[i - 1].time < cursor->records[i].time; i--)
		swap(cursor->records[i - 1], cursor->records[i]);
}

/*
 * A handler that is interrupted after it has reserved its position, and before it takes the time, gets a later time
 * than the handlers that interrupted it, whose positions are higher. Any other record is later than those of lower
 * positions. So the earliest one is known as soon as a record of a higher position is not earlier.
 */
static bool earliest_is_known(const struct cursor *cursor)
{
	return cursor->count && cursor->records[cursor->count - 1].position != cursor->newest;
}

/* Puts this CPU into `heads`, by its next record. */
static enum progress tcptrace_life_advance(struct cursor *cursor, unsigned int *left)
{
	while (!earliest_is_known(cursor) && cursor->count < ARRAY_SIZE(cursor->records)) {
		enum progress progress = tcptrace_life_load(cursor, cursor - cursors, left);

		if (progress > NOTHING)
			return progress;
		if (progress == NOTHING)
			break;
		tcptrace_life_sort_in(cursor);
	}
	if (!cursor->count)
		return NOTHING;
	cursor->node.expires = cursor->records[cursor->count - 1].time;
	timerqueue_add(&heads, &cursor->node);
	return LOADED;
}

static void count_lost_without_ring(void)
{
	u64 in_all = tcptrace_ring_lost_in_all();

	lost += in_all - lost_without_ring;
	lost_without_ring = in_all;
}

/* The bounds stay as they are for the whole round, so that it ends even if one CPU is always writing a record. */
static void tcptrace_life_begin_round(void)
{
	int cpu;

	/* Once a round, not once a run: the next record will wake the worker. */
	WRITE_ONCE(kicked, false);
	tcptrace_waiter_wait(&waiter);
	timerqueue_init_head(&heads);
	round = ktime_get_ns();
	rmb();	/* clock before positions; not smp_rmb(), since reading the clock may be no memory access */
	for_each_tcptrace_ring(cpu) {
		timerqueue_init(&cursors[cpu].node);
		cursors[cpu].bound = tcptrace_ring_reserved(cpu);
	}
	first_open = cpumask_first(&tcptrace_ring_cpus);
	count_lost_without_ring();
}

/* NOTHING: the round is over. */
static enum progress tcptrace_life_run(void)
{
	unsigned int left = RUN_RECORDS, sent = 0;
	struct timerqueue_node *node;
	enum progress progress;

	for (; first_open < nr_cpu_ids; first_open = cpumask_next(first_open, &tcptrace_ring_cpus)) {
		if (timerqueue_node_queued(&cursors[first_open].node))
			continue;
		progress = tcptrace_life_advance(&cursors[first_open], &left);
		if (progress > NOTHING)
			return progress;
	}
	while ((node = timerqueue_getnext(&heads)) && node->expires < round) {
		struct cursor *cursor = container_of(node, struct cursor, node);

		if (sent++ == RUN_RECORDS)
			return RUN_LIMIT;
		timerqueue_del(&heads, node);
		tcptrace_life_send(&cursor->records[--cursor->count]);
		/* Others get this CPU between two runs. */
		progress = need_resched() ? RUN_LIMIT : tcptrace_life_advance(cursor, &left);
		if (progress > NOTHING) {
			first_open = cursor - cursors;
			return progress;
		}
	}
	return NOTHING;
}

static void tcptrace_life_kick(struct tcptrace_waiter *unused)
{
	WRITE_ONCE(kicked, true);
	queue_delayed_work(queue, &drain_work, 0);
}

/*
 * Under `tcptrace_life_lock`. Goes on reading if a program has subscribed meanwhile: INFO_GET may have told it that the
 * rings are being read.
 */
static void tcptrace_life_stop_reading(void)
{
	WRITE_ONCE(state, IDLE);
	smp_mb();	/* pairs with tcptrace_life_start() */
	if (!has_subscribers()) {
		tcptrace_waiter_remove(&waiter);
		tcptrace_filter_remove(&wish);
		return;
	}
	WRITE_ONCE(state, READING);
	tcptrace_life_kick(&waiter);	/* this run has read nothing, and another may have seen the state as IDLE */
}

/* The worker: one at a time, on any CPU. */
static void tcptrace_life_drain(struct work_struct *work)
{
	if (smp_load_acquire(&state) != READING)
		return;
	if (!has_subscribers()) {
		mutex_lock(&tcptrace_life_lock);
		if (state == READING)
			tcptrace_life_stop_reading();
		mutex_unlock(&tcptrace_life_lock);
		return;
	}
	if (!round)
		tcptrace_life_begin_round();
	switch (tcptrace_life_run()) {
	case STALLED:
		queue_delayed_work(queue, &drain_work, 1);
		break;
	case RUN_LIMIT:
		queue_delayed_work(queue, &drain_work, 0);
		break;
	default:
		round = 0;
		if (READ_ONCE(kicked))
			queue_delayed_work(queue, &drain_work, 0);
	}
}

static void tcptrace_life_start_reading(void)
{
	const struct tcptrace_filter filter = { .abi = TCPTRACE_ABI, .level = TCPTRACE_L_LIFE };
	int cpu;

	wish = (struct tcptrace_wish) { };
	tcptrace_filter_add(&wish);
	round = 0;
	for_each_possible_cpu(cpu) {
		cursors[cpu].bound = tcptrace_ring_reserved(cpu);
		cursors[cpu].next = cursors[cpu].bound + 1;
		cursors[cpu].count = 0;
		timerqueue_init(&cursors[cpu].node);
	}
	lost = 0;
	lost_without_ring = tcptrace_ring_lost_in_all();
	if (tcptrace_filter_set(&wish, &filter, NULL)) {
		tcptrace_filter_remove(&wish);
		return;
	}
	tcptrace_waiter_add(&waiter, tcptrace_life_kick);
	smp_store_release(&state, READING);
	tcptrace_life_kick(&waiter);	/* for the first round; later on records wake the worker */
}

void tcptrace_life_start(void)
{
	if (!has_subscribers())
		return;
	smp_mb();	/* subscribe before looking at the state; pairs with tcptrace_life_stop_reading() */
	if (READ_ONCE(state) == READING)
		return;
	mutex_lock(&tcptrace_life_lock);
	if (state == IDLE && has_subscribers())
		tcptrace_life_start_reading();
	mutex_unlock(&tcptrace_life_lock);
}

bool tcptrace_life_subscribed(void)
{
	return READ_ONCE(state) == READING;
}

int tcptrace_life_init(const struct genl_family *our_family)
{
	family = our_family;
	cursors = kvcalloc(nr_cpu_ids, sizeof(*cursors), GFP_KERNEL);
	queue = alloc_workqueue("tcptrace", WQ_UNBOUND, 1);
	if (cursors && queue)
		return 0;
	tcptrace_life_exit();
	return -ENOMEM;
}

void tcptrace_life_stop(void)
{
	bool was_reading;

	mutex_lock(&tcptrace_life_lock);
	was_reading = state == READING;
	WRITE_ONCE(state, CLOSED);
	mutex_unlock(&tcptrace_life_lock);
	/* A run that is queued after this sees the state. */
	cancel_delayed_work_sync(&drain_work);
	if (was_reading) {
		tcptrace_waiter_remove(&waiter);
		tcptrace_filter_remove(&wish);
	}
}

void tcptrace_life_exit(void)
{
	if (queue)
		destroy_workqueue(queue);
	kvfree(cursors);
}
