/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What readers make sure of before they hand a record on, so that whoever gets
 * one may use its type, kind and states as an index and its comm as a string.
 */
#ifndef TCPTRACE_RECORD_CHECK_H
#define TCPTRACE_RECORD_CHECK_H

#include <stdbool.h>
#include <sys/socket.h>

#include "tcptrace.h"

/* A type that this program knows; others come from a newer module and are skipped. */
static inline bool record_known(const struct tcptrace_record *record)
{
	return record->type >= TCPTRACE_T_LISTEN && record->type <= TCPTRACE_T_LOST;
}

/* Nothing out of range. A LOST record is no event: it has no socket, so no family and no states. */
static inline bool record_sound(const struct tcptrace_record *record)
{
	return record->kind <= TCPTRACE_K_TIMEWAIT && record->old_state <= TCPTRACE_STATE_MAX &&
	       record->new_state <= TCPTRACE_STATE_MAX &&
	       (record->family == AF_INET || record->family == AF_INET6 ||
		record->type == TCPTRACE_T_LOST);
}

static inline void record_terminate(struct tcptrace_record *record)
{
	record->comm[TCPTRACE_COMM_LEN - 1] = '\0';
}

#endif
