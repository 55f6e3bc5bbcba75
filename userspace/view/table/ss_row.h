/* SPDX-License-Identifier: GPL-2.0-only */
/* What ss shows of a socket, whether it is known from its record or from the model. */
#ifndef TCPTRACE_SS_ROW_H
#define TCPTRACE_SS_ROW_H

#include "model/model.h"
#include "record/record.h"

struct ss_row {
	const uint8_t *saddr, *daddr;	/* as in struct tcptrace_record */
	const struct tcptrace_record *record;	/* SNAPSHOT, for what the model does not have; NULL: none */
	uint64_t cookie;
	uint32_t recvq, sendq;
	struct zone zone;
	uint32_t flags;		/* TCPTRACE_F_; none from the model */
	uint16_t sport, dport;
	uint8_t family;
	uint8_t kind;		/* enum tcptrace_kind */
	uint8_t state;		/* enum tcptrace_state */
};

/* Valid as long as `record`. */
static inline struct ss_row ss_row_of_record(const struct tcptrace_record *record)
{
	return (struct ss_row){
		.saddr = record->saddr,
		.daddr = record->daddr,
		.record = record,
		.cookie = record->cookie,
		.recvq = record_recvq(record),
		.sendq = record_sendq(record),
		.zone = zone_of_record(record),
		.flags = record->flags,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.kind = record->kind,
		.state = record->new_state,
	};
}

/* Valid as long as `ep`. */
static inline struct ss_row ss_row_of_endpoint(const struct endpoint *ep)
{
	return (struct ss_row){
		.saddr = ep->saddr,
		.daddr = ep->daddr,
		.cookie = ep->cookie,
		.recvq = endpoint_recvq(ep),
		.sendq = endpoint_sendq(ep),
		.zone = *zone_at(ep->zone),
		.sport = ep->sport,
		.dport = ep->dport,
		.family = ep->family,
		.kind = ep->kind,
		.state = ep->state,
	};
}

#endif
