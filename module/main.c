// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcptrace: every TCP handshake and teardown transition, and every socket's queue depths.
 *
 * The data path: probe.c attaches, a handler is hit, filter.c decides whether a record is wanted, capture.c reads the
 * socket, ring.c publishes the record, procfs.c and life.c hand it out. snapshot.c reads sockets for procfs.c directly.
 */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "filter.h"
#include "flight.h"
#include "handlers.h"
#include "life.h"
#include "netlink.h"
#include "probe.h"
#include "procfs.h"
#include "ring.h"
#include "wake.h"

#define RING_MIN	64
#define RING_MAX	(1u << 20)

static unsigned int ring = 16384;
static char *flight = "off";
static char *attach = "auto";

static int tcptrace_set_ring(const char *value, const struct kernel_param *param)
{
	unsigned int slots;
	int error = kstrtouint(value, 0, &slots);

	if (!error && (slots < RING_MIN || slots > RING_MAX || !is_power_of_2(slots)))
		error = -EINVAL;
	if (error) {
		pr_err("ring=%s: must be a power of two from %u to %u\n", value, RING_MIN, RING_MAX);
		return error;
	}
	ring = slots;
	return 0;
}

static const struct kernel_param_ops ring_ops = { .set = tcptrace_set_ring, .get = param_get_uint };
module_param_cb(ring, &ring_ops, &ring, 0444);
__MODULE_PARM_TYPE(ring, "uint");
MODULE_PARM_DESC(ring, "Records in each CPU's ring, 192 bytes each: a power of two from 64 to 1048576 (default 16384)");

module_param(flight, charp, 0444);
MODULE_PARM_DESC(flight, "What is kept recorded while nobody reads: off, life, queue or segment (default off)");

module_param(attach, charp, 0444);
MODULE_PARM_DESC(attach, "auto: through ftrace where the kernel allows it, else kprobes; kprobe: kprobes only (default auto)");

static const char * const levels[] = {
#define LEVEL_WORD(name, number, word) [number] = word,
	TCPTRACE_LEVELS(LEVEL_WORD)
};

static int __init tcptrace_init(void)
{
	int level = match_string(levels, ARRAY_SIZE(levels), flight);
	bool kprobes_only = !strcmp(attach, "kprobe");
	int error;

	if (level < 0) {
		pr_err("flight=%s: must be off, life, queue or segment\n", flight);
		return -EINVAL;
	}
	if (!kprobes_only && strcmp(attach, "auto")) {
		pr_err("attach=%s: must be auto or kprobe\n", attach);
		return -EINVAL;
	}
	error = tcptrace_ring_init(ring);
	if (error)
		return error;
	tcptrace_wake_init(ring, tcptrace_ring_reserved_in_all);
	error = tcptrace_filter_init();
	if (error)
		goto err_ring;
	error = tcptrace_life_init(&tcptrace_family);
	if (error)
		goto err_filter;
	error = tcptrace_probe_init(tcptrace_handlers, kprobes_only);
	if (error)
		goto err_life;
	error = tcptrace_flight_init(level);
	if (error)
		goto err_probe;
	error = tcptrace_netlink_init();
	if (error)
		goto err_flight;
	error = tcptrace_procfs_init();
	if (error)
		goto err_netlink;
	return 0;

err_netlink:
	tcptrace_netlink_exit();
err_flight:
	tcptrace_flight_exit();
err_probe:
	tcptrace_probe_exit();
	tcptrace_wake_exit();
err_life:
	tcptrace_life_exit();
err_filter:
	tcptrace_filter_exit();
err_ring:
	tcptrace_ring_exit();
	return error;
}

static void __exit tcptrace_exit(void)
{
	tcptrace_procfs_exit();
	tcptrace_netlink_exit();
	tcptrace_flight_exit();
	tcptrace_probe_exit();
	tcptrace_wake_exit();
	tcptrace_life_exit();
	tcptrace_filter_exit();
	tcptrace_ring_exit();
}

module_init(tcptrace_init);
module_exit(tcptrace_exit);

MODULE_DESCRIPTION("TCP handshakes, teardowns and queues as they happen");
MODULE_AUTHOR("The tcptrace developers");
MODULE_VERSION(TCPTRACE_VERSION);
MODULE_LICENSE("GPL");
