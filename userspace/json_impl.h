/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the JSON share, and nobody else includes:
 *
 *   json.c		steps, sockets, verdicts, losses: what watch says
 *   json_tables.c	the lines of tables
 *   json_ladder.c, json_windows.c, json_diagram.c	what pictures show
 *   export_perfetto.c, export_perfetto_step.c	events in Chrome's form
 */
#ifndef TCPTRACE_JSON_IMPL_H
#define TCPTRACE_JSON_IMPL_H

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "model.h"
#include "names.h"
#include "out.h"
#include "record.h"
#include "safe_text.h"

/* The keys are literals, and each is added once. */
static inline void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add_ex(object, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static inline void add_int(struct json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

static inline void add_known(struct json_object *object, const char *key, uint64_t value)
{
	if (value != MODEL_UNKNOWN)
		add_int(object, key, value);
}

static inline void add_string(struct json_object *object, const char *key, const char *value)
{
	if (value)
		add(object, key, json_object_new_string(value));
}

/* From `text` to `end`. */
static inline void add_text(struct json_object *object, const char *key, const char *text, const char *end)
{
	add(object, key, json_object_new_string_len(text, end - text));
}

/* As the text has it: who prints the value of this key is safe, too. */
static inline void add_comm(struct json_object *object, const char *key, const char *comm)
{
	char text[SAFE_TEXT_GROWTH * TCPTRACE_COMM_LEN];

	add_text(object, key, text, put_safe(text, comm, TCPTRACE_COMM_LEN));
}

static inline void add_process(struct json_object *object, uint32_t pid, const char *comm)
{
	if (!pid)
		return;
	add_int(object, "pid", pid);
	add_comm(object, "comm", comm);
}

/* owner.h */
static inline void add_owner(struct json_object *object, uint32_t number)
{
	add_process(object, owner_at(number)->pid, owner_at(number)->comm);
}

static inline void add_address(struct json_object *object, const char *key, uint8_t family,
			const uint8_t *address)
{
	char text[RECORD_ADDRESS_MAX];

	add_text(object, key, text, record_put_address(text, family, address));
}

static inline void add_errno(struct json_object *object, int error)
{
	add_int(object, "errno", error);
	if (error)
		add_string(object, "error", strerrorname_np(error));
}

static inline void print(struct out *out, struct json_object *object)
{
	size_t length;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	out_write(out, text, length);
	out_write(out, "\n", 1);
	json_object_put(object);
}

/* ---- what each object has ---- */

struct head {
	uint64_t time;
	const char *type;
	uint64_t cookie;
	uint32_t netns;
	uint8_t family;
	const uint8_t *saddr, *daddr;
	uint16_t sport, dport;
	uint8_t state;
	uint32_t recvq, sendq;
};

/* print() ends it. */
static inline struct json_object *begin(const struct head *head)
{
	struct json_object *object = json_object_new_object();

	add_int(object, "time", head->time);
	add_string(object, "type", head->type);
	add_int(object, "cookie", head->cookie);
	add_int(object, "netns", head->netns);
	add_int(object, "family", head->family == AF_INET6 ? 6 : 4);
	add_address(object, "saddr", head->family, head->saddr);
	add_int(object, "sport", head->sport);
	add_address(object, "daddr", head->family, head->daddr);
	add_int(object, "dport", head->dport);
	add_string(object, "state", state_name(head->state));
	add_int(object, "recvq", head->recvq);
	add_int(object, "sendq", head->sendq);
	return object;
}

static inline struct json_object *begin_end(const struct end *end, const char *type, uint64_t time)
{
	const struct head head = {
		.time = time,
		.type = type,
		.cookie = end->cookie,
		.netns = end->netns,
		.family = end->family,
		.saddr = end->saddr,
		.sport = end->sport,
		.daddr = end->daddr,
		.dport = end->dport,
		.state = end->state,
		.recvq = end_recvq(end),
		.sendq = end_sendq(end),
	};

	return begin(&head);
}

/* Of no socket, but each object has these keys. */
static inline struct json_object *begin_none(const char *type, uint64_t time)
{
	static const char *const empty[] = {
		"cookie", "netns", "family", "saddr", "sport", "daddr", "dport", "state", "recvq", "sendq",
	};
	struct json_object *object = json_object_new_object();
	unsigned int i;

	add_int(object, "time", time);
	add_string(object, "type", type);
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		add(object, empty[i], NULL);
	return object;
}

#endif
