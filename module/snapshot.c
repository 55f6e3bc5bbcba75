// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/request_sock.h>

#include "capture.h"
#include "compat/compat.h"
#include "snapshot.h"

#define ROOM_DEFAULT	1024	/* records; grows for a longer bucket, since buckets are taken whole */

/* A hash table: the one that namespaces share, or a namespace's own (net.ipv4.tcp_child_ehash_entries). */
struct table {
	struct net *net;	/* held, so that its table stays */
	struct inet_hashinfo *hashinfo;
	bool listeners;		/* walk its listeners, too: a namespace's own table shares those of the common one */
};

struct tcptrace_snapshot {
	struct table *tables;
	u32 table_count;
	u32 table;		/* where the walk is: in this table, */
	bool listeners_done;	/* past its listeners or not, */
	u32 bucket;		/* at this bucket next */

	struct tcptrace_record *records;	/* those from `head` to `filled` were not handed out yet */
	u32 room, head, filled;
};

static void tcptrace_put_tables(struct tcptrace_snapshot *snapshot)
{
	while (snapshot->table_count)
		put_net(snapshot->tables[--snapshot->table_count].net);
	kvfree(snapshot->tables);
}

static bool table_is_known(const struct tcptrace_snapshot *snapshot, const struct inet_hashinfo *hashinfo)
{
	u32 i;

	for (i = 0; i < snapshot->table_count; i++)
		if (snapshot->tables[i].hashinfo == hashinfo)
			return true;
	return false;
}

static bool listeners_are_known(const struct tcptrace_snapshot *snapshot, struct inet_hashinfo *hashinfo)
{
	const struct inet_listen_hashbucket *first = tcptrace_listen_bucket(hashinfo, 0);
	u32 i;

	for (i = 0; i < snapshot->table_count; i++)
		if (tcptrace_listen_bucket(snapshot->tables[i].hashinfo, 0) == first)
			return true;
	return false;
}

static int tcptrace_get_tables(struct tcptrace_snapshot *snapshot)
{
	struct net *net;
	u32 count = 0;

	down_read(&net_rwsem);
	for_each_net(net)
		count++;
	snapshot->tables = kvcalloc(count, sizeof(*snapshot->tables), GFP_KERNEL);
	if (snapshot->tables)
		for_each_net(net) {
			struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;

			if (table_is_known(snapshot, hashinfo) || !maybe_get_net(net))
				continue;
			snapshot->tables[snapshot->table_count] = (struct table) {
				.net = net,
				.hashinfo = hashinfo,
				.listeners = !listeners_are_known(snapshot, hashinfo),
			};
			snapshot->table_count++;
		}
	up_read(&net_rwsem);
	return snapshot->tables ? 0 : -ENOMEM;
}

static int tcptrace_make_room(struct tcptrace_snapshot *snapshot, u32 room)
{
	kvfree(snapshot->records);
	snapshot->room = 0;
	snapshot->records = kvmalloc_array(room, sizeof(*snapshot->records), GFP_KERNEL);
	if (!snapshot->records)
		return -ENOMEM;
	snapshot->room = room;
	return 0;
}

struct tcptrace_snapshot *tcptrace_snapshot_open(void)
{
	struct tcptrace_snapshot *snapshot = kzalloc(sizeof(*snapshot), GFP_KERNEL);

	if (!snapshot)
		return NULL;
	if (tcptrace_get_tables(snapshot) || tcptrace_make_room(snapshot, ROOM_DEFAULT)) {
		tcptrace_snapshot_close(snapshot);
		return NULL;
	}
	return snapshot;
}

void tcptrace_snapshot_close(struct tcptrace_snapshot *snapshot)
{
	tcptrace_put_tables(snapshot);
	kvfree(snapshot->records);
	kfree(snapshot);
}

/* The socket's bucket is locked. */
static void tcptrace_take_socket(struct tcptrace_record *record, struct sock *sk)
{
	record->position = 0;
	tcptrace_capture(record, sk);
	record->type = TCPTRACE_T_SNAPSHOT;
	switch (record->kind) {
	case TCPTRACE_K_REQUEST:
		/* A request socket holds its listener while it is hashed. */
		tcptrace_capture_listener(record, inet_reqsk(sk)->rsk_listener);
		record->u.listen.retransmits = inet_reqsk(sk)->num_retrans;
		break;
	case TCPTRACE_K_TIMEWAIT:
		tcptrace_capture_bound(record, sk);
		record->u.totals.timeout =
			jiffies_to_msecs(max_t(long, inet_twsk(sk)->tw_timer.expires - jiffies, 0));
		break;
	default:
		tcptrace_capture_bound(record, sk);
		if (record->new_state == TCPTRACE_S_LISTEN) {
			tcptrace_capture_listener(record, sk);
			tcptrace_capture_owner(sk, &record->u.listen.inode, &record->u.listen.uid);
		} else {
			tcptrace_capture_totals(record, sk);
			tcptrace_capture_owner(sk, &record->u.totals.inode, &record->u.totals.uid);
		}
	}
	/* After everything was read: what the record shows happened before. The bootstrap relies on it (design.md). */
	record->time = ktime_get_ns();
}

/* Takes all sockets of a bucket, which is locked; or none, if they do not fit. Returns how many there are. */
static u32 tcptrace_take_bucket(struct tcptrace_snapshot *snapshot, const struct hlist_nulls_head *chain)
{
	u32 room = snapshot->room - snapshot->filled, count = 0;
	struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each(sk, node, chain)
		count++;
	if (count <= room)
		sk_nulls_for_each(sk, node, chain)
			tcptrace_take_socket(&snapshot->records[snapshot->filled++], sk);
	return count;
}

static u32 tcptrace_take_listeners(struct tcptrace_snapshot *snapshot, struct inet_hashinfo *hashinfo, u32 bucket)
{
	struct inet_listen_hashbucket *head = tcptrace_listen_bucket(hashinfo, bucket);
	u32 count;

	/* This lock is not taken in softirq. */
	spin_lock(&head->lock);
	count = tcptrace_take_bucket(snapshot, &head->nulls_head);
	spin_unlock(&head->lock);
	return count;
}

static u32 tcptrace_take_others(struct tcptrace_snapshot *snapshot, struct inet_hashinfo *hashinfo, u32 bucket)
{
	const struct hlist_nulls_head *chain = &hashinfo->ehash[bucket].chain;
	spinlock_t *lock = inet_ehash_lockp(hashinfo, bucket);
	u32 count;

	if (hlist_nulls_empty(chain))
		return 0;
	spin_lock_bh(lock);
	count = tcptrace_take_bucket(snapshot, chain);
	spin_unlock_bh(lock);
	return count;
}

/* Moves on to the next bucket, and from the last one to the others of this table, or to the next table. */
static void tcptrace_snapshot_next_bucket(struct tcptrace_snapshot *snapshot, const struct inet_hashinfo *hashinfo)
{
	u32 buckets = snapshot->listeners_done ? hashinfo->ehash_mask + 1 : tcptrace_listen_buckets(hashinfo);

	if (++snapshot->bucket < buckets)
		return;
	snapshot->bucket = 0;
	snapshot->listeners_done = !snapshot->listeners_done;
	if (!snapshot->listeners_done)
		snapshot->table++;
}

/* Takes buckets until there is no room for the next one. -ENOMEM, -EINTR. */
static int tcptrace_snapshot_fill(struct tcptrace_snapshot *snapshot)
{
	snapshot->head = 0;
	snapshot->filled = 0;
	while (snapshot->table < snapshot->table_count) {
		const struct table *table = &snapshot->tables[snapshot->table];
		struct inet_hashinfo *hashinfo = table->hashinfo;
		u32 taken = snapshot->filled, count;

		if (!table->listeners)
			snapshot->listeners_done = true;
		count = snapshot->listeners_done ? tcptrace_take_others(snapshot, hashinfo, snapshot->bucket) :
						   tcptrace_take_listeners(snapshot, hashinfo, snapshot->bucket);
		if (count && snapshot->filled == taken) {
			if (taken)
				return 0;
			/* Too long even alone. By the time that there is room, it may have grown. */
			if (tcptrace_make_room(snapshot, count + count / 4))
				return -ENOMEM;
			continue;
		}
		tcptrace_snapshot_next_bucket(snapshot, hashinfo);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

ssize_t tcptrace_snapshot_read(struct tcptrace_snapshot *snapshot, char __user *to, size_t size)
{
	u32 most = min_t(size_t, size / sizeof(*snapshot->records), INT_MAX / sizeof(*snapshot->records));
	u32 done = 0;
	int error = 0;

	if (!most)
		return -EINVAL;
	while (done < most) {
		u32 count;

		if (snapshot->head == snapshot->filled) {
			error = tcptrace_snapshot_fill(snapshot);
			if (error || !snapshot->filled)
				break;
		}
		count = min(most - done, snapshot->filled - snapshot->head);
		if (copy_to_user(to + done * sizeof(*snapshot->records), &snapshot->records[snapshot->head],
				 count * sizeof(*snapshot->records))) {
			error = -EFAULT;
			break;
		}
		snapshot->head += count;
		done += count;
	}
	return done ? done * sizeof(*snapshot->records) : error;
}
