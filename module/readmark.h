/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far the receive queue of each socket had been read when that was recorded last. No function that the kernel calls
 * after a read tells it: each is also called when nothing was read. Only copied_seq does, compared with what it was.
 *
 * A table of fixed size that forgets: a socket that it does not know is one of which nothing is known yet. Sockets that
 * have ended stay until others need their place.
 */
#ifndef TCPTRACE_READMARK_H
#define TCPTRACE_READMARK_H

#include <linux/compiler.h>
#include <linux/types.h>

#define TCPTRACE_READMARK_BITS	11	/* sets */
#define TCPTRACE_READMARK_WAYS	4

/* Half of a cookie, and copied_seq; 0: free. One word, so that it is never read half written. */
struct tcptrace_readmarks {
	u64 ways[TCPTRACE_READMARK_WAYS];
};

extern struct tcptrace_readmarks tcptrace_readmarks[1 << TCPTRACE_READMARK_BITS];

/* The mark of this cookie, or the place for it: a free one, else any. */
static __always_inline u64 *tcptrace_readmark_find(u32 id)
{
	u64 *ways = tcptrace_readmarks[(u32)(id * 0x9e3779b1u) >> (32 - TCPTRACE_READMARK_BITS)].ways;
	u64 *place = &ways[id % TCPTRACE_READMARK_WAYS];
	int i;

	for (i = 0; i < TCPTRACE_READMARK_WAYS; i++) {
		u64 mark = READ_ONCE(ways[i]);

		if (mark >> 32 == id)
			return &ways[i];
		if (!mark)
			place = &ways[i];
	}
	return place;
}

/*
 * Notes that the queue is read up to `seq`. Returns whether the previous mark was known, which is then in *before. The
 * caller holds the socket; sockets that share a set may overwrite each other's marks, and are then not known.
 */
static __always_inline bool tcptrace_readmark(u64 cookie, u32 seq, u32 *before)
{
	u32 id = cookie;
	u64 *place = tcptrace_readmark_find(id), mark = READ_ONCE(*place);

	WRITE_ONCE(*place, (u64)id << 32 | seq);
	*before = mark;
	return id && mark >> 32 == id;
}

/* Before anything new is recorded: what was read in between is not known. */
void tcptrace_readmarks_forget(void);

#endif
