/* SPDX-License-Identifier: GPL-2.0-only */
/* Members of json-c objects, of the kinds that all JSON output uses. */
#ifndef TCPTRACE_JSON_MEMBERS_H
#define TCPTRACE_JSON_MEMBERS_H

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "base/out.h"
#include "base/safe_text.h"
#include "base/unknown.h"
#include "record/device.h"
#include "record/process_ref.h"
#include "record/record.h"

/* The keys are literals, and each is added once. */
static inline void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add_ex(object, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static inline void json_add_int(struct json_object *object, const char *key, uint64_t value)
{
	json_add(object, key, json_object_new_uint64(value));
}

static inline void json_add_signed(struct json_object *object, const char *key, int64_t value)
{
	json_add(object, key, json_object_new_int64(value));
}

static inline void json_add_known(struct json_object *object, const char *key, uint64_t value)
{
	if (value != UNKNOWN)
		json_add_int(object, key, value);
}

static inline void json_add_string(struct json_object *object, const char *key, const char *value)
{
	if (value)
		json_add(object, key, json_object_new_string(value));
}

/* From `text` to `end`. */
static inline void json_add_text(struct json_object *object, const char *key, const char *text, const char *end)
{
	json_add(object, key, json_object_new_string_len(text, end - text));
}

/* As in the text output, so that printing the value is safe, too. */
static inline void json_add_comm(struct json_object *object, const char *key, const char *comm)
{
	char text[SAFE_TEXT_GROWTH * TCPTRACE_COMM_LEN];

	json_add_text(object, key, text, put_safe(text, comm, TCPTRACE_COMM_LEN));
}

static inline void json_add_process(struct json_object *object, uint32_t pid, const char *comm)
{
	if (!pid)
		return;
	json_add_int(object, "pid", pid);
	json_add_comm(object, "comm", comm);
}

/* process_ref.h */
static inline void json_add_owner(struct json_object *object, uint32_t number)
{
	json_add_process(object, process_at(number)->pid, process_at(number)->comm);
}

static inline void json_add_address(struct json_object *object, const char *key, uint8_t family,
			const uint8_t *address)
{
	char text[RECORD_ADDRESS_MAX];

	json_add_text(object, key, text, record_put_address(text, family, address));
}

/* Only if the socket is bound to one. */
static inline void json_add_device(struct json_object *object, const struct zone *zone)
{
	char text[DEVICE_TEXT_MAX];

	if (zone->ifindex)
		json_add_text(object, "device", text, put_device(text, zone));
}

static inline void json_add_errno(struct json_object *object, int error)
{
	json_add_int(object, "errno", error);
	if (error)
		json_add_string(object, "error", strerrorname_np(error));
}

static inline void json_print(struct out *out, struct json_object *object)
{
	size_t length;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	out_write(out, text, length);
	out_write(out, "\n", 1);
	json_object_put(object);
}

#endif
