// SPDX-License-Identifier: GPL-2.0-only
#include "readmark.h"

struct tcptrace_readmarks tcptrace_readmarks[1 << TCPTRACE_READMARK_BITS];

void tcptrace_readmarks_forget(void)
{
	int set, way;

	for (set = 0; set < 1 << TCPTRACE_READMARK_BITS; set++)
		for (way = 0; way < TCPTRACE_READMARK_WAYS; way++)
			WRITE_ONCE(tcptrace_readmarks[set].ways[way], 0);
}
