// SPDX-License-Identifier: GPL-2.0-only
#include "json_impl.h"
#include "json_tables.h"

void json_listener(struct out *out, const struct listener *listener, bool drops, uint64_t time)
{
	struct json_object *object = begin_end(&listener->end, type_name(TCPTRACE_T_LISTEN), time);

	add_int(object, "backlog", listener->queue);
	add_int(object, "backlog_peak", listener->queue_peak);
	add_int(object, "backlog_max", listener->queue_max);
	add_int(object, "syn_backlog", listener->syn);
	add_int(object, "syn_backlog_peak", listener->syn_peak);
	add_int(object, "accepted", listener->accepted);
	if (drops) {
		add_int(object, "overflows", listener->overflows);
		add_int(object, "drops", listener->drops);
	}
	add_known(object, "accept_wait_max_ns", listener->waited);
	if (listener->waiting)
		add_int(object, "accept_waiting_ns", listener->waiting);
	add_process(object, listener->end.owner.pid, listener->end.owner.comm);
	print(out, object);
}
