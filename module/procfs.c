// SPDX-License-Identifier: GPL-2.0-only
/*
 * procfs has no owner field, so each open file takes a reference to the module itself. rmmod is refused (EWOULDBLOCK)
 * while there is an open file, or a mapping, which holds its file.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "filter.h"
#include "mapping.h"
#include "procfs.h"
#include "rights.h"
#include "ring.h"
#include "snapshot.h"
#include "status.h"
#include "wake.h"

static struct proc_dir_entry *directory;

static int tcptrace_procfs_enter(void)
{
	if (!tcptrace_may_trace())
		return -EPERM;
	return try_module_get(THIS_MODULE) ? 0 : -ENODEV;
}

static void tcptrace_procfs_leave(void)
{
	module_put(THIS_MODULE);
}

/* ---- events ---- */

struct reader {
	struct tcptrace_wish wish;
	struct tcptrace_waiter waiter;
	wait_queue_head_t queue;
};

static atomic_t reader_count;

static void tcptrace_wake_reader(struct tcptrace_waiter *waiter)
{
	struct reader *reader = container_of(waiter, struct reader, waiter);

	wake_up_interruptible_poll(&reader->queue, EPOLLIN | EPOLLRDNORM);
}

static int tcptrace_reader_add(struct file *file)
{
	struct reader *reader;

	if (!atomic_add_unless(&reader_count, 1, TCPTRACE_READERS_MAX))
		return -EUSERS;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader) {
		atomic_dec(&reader_count);
		return -ENOMEM;
	}
	init_waitqueue_head(&reader->queue);
	tcptrace_waiter_add(&reader->waiter, tcptrace_wake_reader);
	tcptrace_filter_add(&reader->wish);
	file->private_data = reader;
	return 0;
}

static int tcptrace_events_open(struct inode *inode, struct file *file)
{
	int error = tcptrace_procfs_enter();

	if (error)
		return error;
	error = tcptrace_reader_add(file);
	if (error)
		tcptrace_procfs_leave();
	return error;
}

static int tcptrace_events_release(struct inode *inode, struct file *file)
{
	struct reader *reader = file->private_data;

	tcptrace_filter_remove(&reader->wish);
	tcptrace_waiter_remove(&reader->waiter);
	kfree(reader);
	atomic_dec(&reader_count);
	tcptrace_procfs_leave();
	return 0;
}

static ssize_t tcptrace_events_write(struct file *file, const char __user *from, size_t size, loff_t *offset)
{
	struct reader *reader = file->private_data;
	struct tcptrace_clause *clauses = NULL;
	struct tcptrace_filter filter;
	size_t rest = size - sizeof(filter);
	int error;

	if (!tcptrace_may_trace())
		return -EPERM;
	if (size < sizeof(filter))
		return -EINVAL;
	if (copy_from_user(&filter, from, sizeof(filter)))
		return -EFAULT;
	if (filter.clauses > TCPTRACE_CLAUSES_MAX)
		return -E2BIG;
	if (rest != filter.clauses * sizeof(*clauses) || !tcptrace_waiter_may(filter.wake_records, filter.wake_ms))
		return -EINVAL;
	if (rest) {
		clauses = kvmalloc(rest, GFP_KERNEL);
		if (!clauses)
			return -ENOMEM;
		if (copy_from_user(clauses, from + sizeof(filter), rest)) {
			kvfree(clauses);
			return -EFAULT;
		}
	}
	error = tcptrace_filter_set(&reader->wish, &filter, clauses);
	if (error) {
		kvfree(clauses);
		return error;
	}
	tcptrace_waiter_set(&reader->waiter, filter.wake_records, filter.wake_ms);
	return size;
}

static int tcptrace_events_mmap(struct file *file, struct vm_area_struct *vma)
{
	return tcptrace_may_trace() ? tcptrace_mapping_make(vma) : -EPERM;
}

static __poll_t tcptrace_events_poll(struct file *file, poll_table *table)
{
	struct reader *reader = file->private_data;

	poll_wait(file, &reader->queue, table);
	return tcptrace_waiter_ready(&reader->waiter) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct proc_ops events_ops = {
	.proc_open	= tcptrace_events_open,
	.proc_release	= tcptrace_events_release,
	.proc_write	= tcptrace_events_write,
	.proc_mmap	= tcptrace_events_mmap,
	.proc_poll	= tcptrace_events_poll,
	.proc_lseek	= noop_llseek,
};

/* ---- sockets ---- */

struct walk {
	struct mutex lock;	/* threads may share the file */
	struct tcptrace_snapshot *snapshot;
};

static int tcptrace_sockets_open(struct inode *inode, struct file *file)
{
	int error = tcptrace_procfs_enter();
	struct walk *walk;

	if (error)
		return error;
	walk = kzalloc(sizeof(*walk), GFP_KERNEL);
	if (walk)
		walk->snapshot = tcptrace_snapshot_open();
	if (!walk || !walk->snapshot) {
		kfree(walk);
		tcptrace_procfs_leave();
		return -ENOMEM;
	}
	mutex_init(&walk->lock);
	file->private_data = walk;
	return 0;
}

static int tcptrace_sockets_release(struct inode *inode, struct file *file)
{
	struct walk *walk = file->private_data;

	tcptrace_snapshot_close(walk->snapshot);
	kfree(walk);
	tcptrace_procfs_leave();
	return 0;
}

static ssize_t tcptrace_sockets_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	struct walk *walk = file->private_data;
	ssize_t result;

	if (!tcptrace_may_trace())
		return -EPERM;
	if (mutex_lock_interruptible(&walk->lock))
		return -ERESTARTSYS;
	result = tcptrace_snapshot_read(walk->snapshot, to, size);
	mutex_unlock(&walk->lock);
	return result;
}

static const struct proc_ops sockets_ops = {
	.proc_open	= tcptrace_sockets_open,
	.proc_release	= tcptrace_sockets_release,
	.proc_read	= tcptrace_sockets_read,
	.proc_lseek	= noop_llseek,
};

/* ---- status ---- */

static int tcptrace_status_open(struct inode *inode, struct file *file)
{
	int error = tcptrace_procfs_enter();

	if (error)
		return error;
	error = single_open(file, tcptrace_status_show, NULL);
	if (error)
		tcptrace_procfs_leave();
	return error;
}

static ssize_t tcptrace_status_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return tcptrace_may_trace() ? seq_read(file, to, size, offset) : -EPERM;
}

static int tcptrace_status_release(struct inode *inode, struct file *file)
{
	int error = single_release(inode, file);

	tcptrace_procfs_leave();
	return error;
}

static const struct proc_ops status_ops = {
	.proc_open	= tcptrace_status_open,
	.proc_release	= tcptrace_status_release,
	.proc_read	= tcptrace_status_read,
	.proc_lseek	= seq_lseek,
};

int tcptrace_procfs_init(void)
{
	struct proc_dir_entry *events;

	directory = proc_mkdir("tcptrace", NULL);
	if (!directory)
		return -ENOMEM;
	events = proc_create("events", 0600, directory, &events_ops);
	if (events)	/* how much may be mapped, for fstat(2) */
		proc_set_size(events, tcptrace_ring_map()->size);
	if (!events || !proc_create("sockets", 0400, directory, &sockets_ops) ||
	    !proc_create("status", 0400, directory, &status_ops)) {
		tcptrace_procfs_exit();
		return -ENOMEM;
	}
	return 0;
}

void tcptrace_procfs_exit(void)
{
	proc_remove(directory);
}
