// SPDX-License-Identifier: GPL-2.0-only
#include "view/json/json_impl.h"
#include "view/picture/diagram.h"

static void edges_from(struct out *out, const struct transitions *transitions, unsigned int from, uint64_t time)
{
	unsigned int to;

	for (to = 1; to <= TCPTRACE_STATE_MAX; to++) {
		struct json_object *object;

		if (!transitions->taken[from][to])
			continue;
		object = begin_none("edge", time);
		json_add_string(object, "old", state_name(from));
		json_add_string(object, "new", state_name(to));
		json_add_int(object, "count", transitions->taken[from][to]);
		json_print(out, object);
	}
}

void diagram_json(struct out *out, const struct transitions *transitions, uint64_t time)
{
	unsigned int state;

	for (state = 1; state <= TCPTRACE_STATE_MAX; state++)
		edges_from(out, transitions, state, time);
	for (state = 1; state <= TCPTRACE_STATE_MAX; state++) {
		struct json_object *object = begin_none("stay", time);

		/* Replaces the null that each object has. */
		json_object_object_add(object, "state", json_object_new_string(state_name(state)));
		json_add_int(object, "now", transitions->now[state]);
		json_add_int(object, "left", transitions->stayed[state]);
		json_add_known(object, "median_ns", transitions_stay(transitions, state, 50));
		json_add_known(object, "p99_ns", transitions_stay(transitions, state, 99));
		json_print(out, object);
	}
}
