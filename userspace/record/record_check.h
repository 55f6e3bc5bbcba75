/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sources check before they return a record, so that its type, kind and states can be used as an index, and its
 * comm as a string.
 */
#ifndef TCPTRACE_RECORD_CHECK_H
#define TCPTRACE_RECORD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "tcptrace.h"

/* A type that this program knows; others come from a newer module and are skipped. */
static inline bool record_known(const struct tcptrace_record *record)
{
	return record->type >= TCPTRACE_T_LISTEN && record->type <= TCPTRACE_T_LOST;
}

/*
 * The offset of the first field that is out of range; 0: none. A LOST record is no event: it has no socket, so no
 * family and no states.
 */
static inline size_t record_fault(const struct tcptrace_record *record)
{
	if (record->family != AF_INET && record->family != AF_INET6 && record->type != TCPTRACE_T_LOST)
		return offsetof(struct tcptrace_record, family);
	if (record->kind > TCPTRACE_K_TIMEWAIT)
		return offsetof(struct tcptrace_record, kind);
	if (record->old_state > TCPTRACE_STATE_MAX)
		return offsetof(struct tcptrace_record, old_state);
	if (record->new_state > TCPTRACE_STATE_MAX)
		return offsetof(struct tcptrace_record, new_state);
	return 0;
}

static inline bool record_sound(const struct tcptrace_record *record)
{
	return !record_fault(record);
}

static inline void record_terminate(struct tcptrace_record *record)
{
	record->comm[TCPTRACE_COMM_LEN - 1] = '\0';
}

#endif
