/* SPDX-License-Identifier: GPL-2.0-only */
/* What a filter decides about: a record, after its change, or an endpoint as it is now. */
#ifndef TCPTRACE_SUBJECT_H
#define TCPTRACE_SUBJECT_H

#include "filter/filter.h"
#include "model/model.h"

/* Callers of both may replace state and process. */
static inline struct filter_subject subject_of_record(const struct tcptrace_record *record)
{
	return (struct filter_subject){
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.state = record->new_state,
		.kind = record->kind,
		.zone = zone_of_record(record),
	};
}

static inline struct filter_subject subject_of_endpoint(const struct endpoint *ep)
{
	return (struct filter_subject){
		.saddr = ep->saddr,
		.daddr = ep->daddr,
		.sport = ep->sport,
		.dport = ep->dport,
		.family = ep->family,
		.state = ep->state,
		.kind = ep->kind,
		.zone = *zone_at(ep->zone),
	};
}

#endif
