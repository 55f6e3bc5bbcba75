/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the JSON output share; not for other folders:
 *
 *   json.c		steps, sockets, verdicts, losses: the output of watch
 *   json_tables.c	the rows of tables
 *   json_ladder.c, json_windows.c, json_diagram.c	the content of pictures
 */
#ifndef TCPTRACE_JSON_IMPL_H
#define TCPTRACE_JSON_IMPL_H

#include <sys/socket.h>

#include "model/model.h"
#include "record/names.h"
#include "view/json/json_members.h"

/* The keys of each object. */
struct head {
	uint64_t time;
	const char *type;
	uint64_t cookie;
	struct zone zone;
	uint8_t family;
	const uint8_t *saddr, *daddr;
	uint16_t sport, dport;
	uint8_t state;		/* 0: none */
	uint32_t recvq, sendq;
};

/* To be ended by json_print(). */
static inline struct json_object *begin(const struct head *head)
{
	struct json_object *object = json_object_new_object();

	json_add_int(object, "time", head->time);
	json_add_string(object, "type", head->type);
	json_add_int(object, "cookie", head->cookie);
	json_add_int(object, "netns", head->zone.netns);
	json_add_int(object, "family", head->family == AF_INET6 ? 6 : 4);
	json_add_address(object, "saddr", head->family, head->saddr);
	json_add_int(object, "sport", head->sport);
	json_add_address(object, "daddr", head->family, head->daddr);
	json_add_int(object, "dport", head->dport);
	json_add_device(object, &head->zone);
	if (head->state)
		json_add_string(object, "state", state_name(head->state));
	json_add_int(object, "recvq", head->recvq);
	json_add_int(object, "sendq", head->sendq);
	return object;
}

static inline struct json_object *begin_endpoint(const struct endpoint *ep, const char *type, uint64_t time)
{
	const struct head head = {
		.time = time,
		.type = type,
		.cookie = ep->cookie,
		.zone = *zone_at(ep->zone),
		.family = ep->family,
		.saddr = ep->saddr,
		.sport = ep->sport,
		.daddr = ep->daddr,
		.dport = ep->dport,
		.state = ep->state,
		.recvq = endpoint_recvq(ep),
		.sendq = endpoint_sendq(ep),
	};

	return begin(&head);
}

/* Without a socket; each object has these keys. */
static inline struct json_object *begin_none(const char *type, uint64_t time)
{
	static const char *const empty[] = {
		"cookie", "netns", "family", "saddr", "sport", "daddr", "dport", "state", "recvq", "sendq",
	};
	struct json_object *object = json_object_new_object();
	unsigned int i;

	json_add_int(object, "time", time);
	json_add_string(object, "type", type);
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		json_add(object, empty[i], NULL);
	return object;
}

#endif
