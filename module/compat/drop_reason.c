// SPDX-License-Identifier: GPL-2.0-only
/* Names of the reasons for dropping a segment, from this kernel's headers: each release numbers them differently. */
#include <linux/skbuff.h>

#include "compat.h"

#ifdef HAVE_DROP_REASON
#include <net/dropreason.h>

#define NAME(name)	[SKB_DROP_REASON_##name] = #name,
#define NAME_LAST(name)	[SKB_DROP_REASON_##name] = NULL,

static const char * const names[] = { DEFINE_DROP_REASON(NAME, NAME_LAST) };

const char *tcptrace_drop_name(u32 reason)
{
	return reason > SKB_DROP_REASON_NOT_SPECIFIED && reason < ARRAY_SIZE(names) ? names[reason] : NULL;
}
#else
const char *tcptrace_drop_name(u32 reason)
{
	return NULL;
}
#endif
