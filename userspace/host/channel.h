/* SPDX-License-Identifier: GPL-2.0-only */
/* The client of the module's generic netlink family, see docs/netlink/tcptrace.yaml. */
#ifndef TCPTRACE_CHANNEL_H
#define TCPTRACE_CHANNEL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "tcptrace_netlink.h"

struct channel;

/* Returns 0, or -errno; -ENOENT: there is no such family, so the module is not loaded. */
int channel_open(struct channel **channel);
void channel_close(struct channel *channel);

/* Sends a request without attributes, and handles each message of the answer; a dump if `flags` has NLM_F_DUMP. */
int channel_get(struct channel *channel, enum tcptrace_cmd cmd, uint16_t flags, mnl_cb_t each,
		void *arg);

/*
 * Fills attributes[0] to attributes[max] from a message or a nest. Unknown attributes, and those too short for their
 * type, are left out. `types` has the type of each (MNL_TYPE_UNSPEC: any).
 */
struct channel_table {
	const struct nlattr **attributes;
	const uint8_t *types;	/* enum mnl_attr_data_type by attribute */
	uint16_t max;
};
void channel_parse(const struct nlmsghdr *message, const struct channel_table *table);
void channel_parse_nested(const struct nlattr *nest, const struct channel_table *table);

/* 0 if the attribute is absent. */
uint32_t channel_u32(const struct nlattr *attribute);
uint64_t channel_u64(const struct nlattr *attribute);
/* Copies what fits into `size` with a NUL, which a netlink string may lack; "" if absent. May contain any bytes. */
void channel_string(char *text, size_t size, const struct nlattr *attribute);

#endif
