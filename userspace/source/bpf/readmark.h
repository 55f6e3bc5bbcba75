/* SPDX-License-Identifier: GPL-2.0-only */
/* How far each receive queue had been read when that was recorded last: the twin of module/readmark.h. */
#ifndef TCPTRACE_BPF_READMARK_H
#define TCPTRACE_BPF_READMARK_H

#include "source/bpf/read.h"

#define READMARK_SETS	2048
#define READMARK_WAYS	4

/* Half of a cookie, and copied_seq; 0: free. */
struct readmarks {
	u64 ways[READMARK_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, READMARK_SETS);
	__type(key, u32);
	__type(value, struct readmarks);
} readmarks SEC(".maps") __weak;

static __always_inline bool readmark(u64 cookie, u32 seq, u32 *before)
{
	u32 id = cookie, set = (u32)(id * 0x9e3779b1u) % READMARK_SETS;
	struct readmarks *marks = bpf_map_lookup_elem(&readmarks, &set);
	u64 *place, mark;
	int i;

	if (!marks)
		return false;
	place = &marks->ways[id % READMARK_WAYS];
	for (i = 0; i < READMARK_WAYS; i++) {
		mark = marks->ways[i];
		if (mark >> 32 == id) {
			place = &marks->ways[i];
			break;
		}
		if (!mark)
			place = &marks->ways[i];
	}
	mark = *place;
	*place = (u64)id << 32 | seq;
	*before = mark;
	return id && mark >> 32 == id;
}

#endif
