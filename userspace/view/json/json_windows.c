// SPDX-License-Identifier: GPL-2.0-only
#include "view/json/json_impl.h"
#include "view/json/json_windows.h"

void json_window(struct out *out, const struct bars *bars, const struct endpoint *sender,
		 const struct endpoint *receiver, uint64_t time)
{
	struct json_object *object = begin_endpoint(sender ? sender : receiver, type_name(TCPTRACE_T_WINDOW), time);

	json_add_string(object, "dir", sender ? "out" : "in");
	if (bars->has_sender) {
		json_add_int(object, "acknowledged", bars->una);
		json_add_int(object, "unacked", bars->nxt - bars->una);
		json_add_int(object, "unsent", bars->write - bars->nxt);
		json_add_int(object, "snd_wnd", bars->edge - bars->una);
	}
	if (bars->has_receiver) {
		json_add_int(object, "read", bars->copied);
		json_add_int(object, "unread", bars->rcv - bars->copied);
		json_add_int(object, "rcv_wnd", bars->rcv_edge - bars->rcv);
	}
	json_print(out, object);
}
