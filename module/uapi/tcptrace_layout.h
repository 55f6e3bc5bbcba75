/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * Assertions on the layout of tcptrace.h: included once each in the module, in userspace and in the BPF program.
 * tests/abi/layout.txt has the whole layout, as the debug information of the first two shows it.
 */
#ifndef _UAPI_TCPTRACE_LAYOUT_H
#define _UAPI_TCPTRACE_LAYOUT_H

#include "tcptrace.h"

#define TCPTRACE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), "the size of struct " #type " is ABI")
#define TCPTRACE_OFFSET(type, field, offset) \
	_Static_assert(__builtin_offsetof(struct type, field) == (offset), "the offset of " #field " is ABI")

TCPTRACE_SIZE(tcptrace_record, 192);
TCPTRACE_OFFSET(tcptrace_record, position, 0);
TCPTRACE_OFFSET(tcptrace_record, time, 8);
TCPTRACE_OFFSET(tcptrace_record, cookie, 16);
TCPTRACE_OFFSET(tcptrace_record, stamp, 24);
TCPTRACE_OFFSET(tcptrace_record, saddr, 32);
TCPTRACE_OFFSET(tcptrace_record, daddr, 48);
TCPTRACE_OFFSET(tcptrace_record, sport, 64);
TCPTRACE_OFFSET(tcptrace_record, type, 68);
TCPTRACE_OFFSET(tcptrace_record, netns, 72);
TCPTRACE_OFFSET(tcptrace_record, family, 76);
TCPTRACE_OFFSET(tcptrace_record, new_state, 79);
TCPTRACE_OFFSET(tcptrace_record, snd_una, 80);
TCPTRACE_OFFSET(tcptrace_record, flags, 108);
TCPTRACE_OFFSET(tcptrace_record, pid, 112);
TCPTRACE_OFFSET(tcptrace_record, comm, 120);
TCPTRACE_OFFSET(tcptrace_record, mss, 136);
TCPTRACE_OFFSET(tcptrace_record, u, 144);

TCPTRACE_SIZE(tcptrace_listen, 48);
TCPTRACE_SIZE(tcptrace_totals, 48);
TCPTRACE_SIZE(tcptrace_queue, 48);
TCPTRACE_SIZE(tcptrace_segment, 48);
TCPTRACE_SIZE(tcptrace_retransmit, 48);
TCPTRACE_SIZE(tcptrace_drop, 48);
TCPTRACE_SIZE(tcptrace_lost, 48);

TCPTRACE_SIZE(tcptrace_map, 64);
TCPTRACE_OFFSET(tcptrace_map, record_size, 8);
TCPTRACE_OFFSET(tcptrace_map, rings, 24);
TCPTRACE_OFFSET(tcptrace_map, size, 48);
TCPTRACE_SIZE(tcptrace_ring, 64);
TCPTRACE_OFFSET(tcptrace_ring, lost, 8);
TCPTRACE_SIZE(tcptrace_filter, 32);
TCPTRACE_SIZE(tcptrace_clause, 64);
TCPTRACE_OFFSET(tcptrace_clause, sport_min, 36);
TCPTRACE_OFFSET(tcptrace_clause, netns, 44);

#endif
