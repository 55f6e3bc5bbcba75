// SPDX-License-Identifier: GPL-2.0-only
#include "view/json/json_impl.h"
#include "view/json/json_tables.h"

void json_listener(struct out *out, const struct listener *listener, bool drops, uint64_t time)
{
	struct json_object *object = begin_endpoint(&listener->ep, type_name(TCPTRACE_T_LISTEN), time);

	json_add_int(object, "backlog", listener->queue);
	json_add_int(object, "backlog_peak", listener->queue_peak);
	json_add_int(object, "backlog_max", listener->queue_max);
	json_add_int(object, "syn_backlog", listener->syn);
	json_add_int(object, "syn_backlog_peak", listener->syn_peak);
	json_add_int(object, "accepted", listener->accepted);
	if (drops) {
		json_add_int(object, "overflows", listener->overflows);
		json_add_int(object, "drops", listener->drops);
	}
	json_add_known(object, "accept_wait_max_ns", listener->waited);
	if (listener->waiting)
		json_add_int(object, "accept_waiting_ns", listener->waiting);
	json_add_owner(object, listener->ep.owner);
	json_print(out, object);
}

/* Replaces the null that each object has. */
static void set(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static void set_address(struct json_object *object, const char *key, uint8_t family, const uint8_t *address)
{
	char text[RECORD_ADDRESS_MAX];
	char *end = record_put_address(text, family, address);

	set(object, key, json_object_new_string_len(text, end - text));
}

static void add_space(struct json_object *object, const struct port_space *space)
{
	const struct port_settings *settings = &space->settings;

	if (settings->low) {
		json_add_int(object, "range_low", settings->low);
		json_add_int(object, "range_high", settings->high);
		json_add_int(object, "range", space->range);
		json_add_int(object, "reserved", space->reserved_count);
		json_add_int(object, "held", space->held_count);
	}
	if (settings->known) {
		json_add_int(object, "tcp_tw_reuse", settings->tw_reuse);
		json_add_int(object, "tcp_timestamps", settings->timestamps);
	}
}

void json_ports(struct out *out, const struct port_space *space, const struct port_use *use, uint64_t time)
{
	struct json_object *object = begin_none("ports", time);

	set(object, "netns", json_object_new_uint64(space->netns));
	if (use) {
		set(object, "family", json_object_new_int(use->family == AF_INET6 ? 6 : 4));
		set_address(object, "saddr", use->family, use->saddr);
		set_address(object, "daddr", use->family, use->daddr);
		set(object, "dport", json_object_new_int(use->dport));
		json_add_device(object, &use->zone);
	}
	json_add_int(object, "in_use", use ? use->in_use : 0);
	json_add_int(object, "timewait", use ? use->timewait : 0);
	if (space->settings.known)
		json_add_int(object, "reusable", use ? use->reusable : 0);
	add_space(object, space);
	if (space->settings.low)
		json_add_int(object, "left", use ? port_use_left(space, use) : port_space_free(space));
	json_print(out, object);
}

void json_busy(struct out *out, const struct busy_row *row, uint64_t time)
{
	const struct endpoint *ep = row->ep;
	struct json_object *object = begin_endpoint(ep, type_name(TCPTRACE_T_SNAPSHOT), time);

	json_add_int(object, "recvq_peak", ep->recvq_peak);
	json_add_int(object, "sendq_peak", ep->sendq_peak);
	json_add_known(object, "in_bytes_per_s", row->in);
	json_add_known(object, "out_bytes_per_s", row->out);
	json_add_known(object, "read_delay_ns", row->delay);
	if (ep->kind == TCPTRACE_K_FULL && ep->state != TCPTRACE_S_LISTEN) {
		json_add_int(object, "rcv_wnd", ep->rcv_wnd);
		json_add_int(object, "snd_wnd", ep->snd_wnd);
	}
	json_add_int(object, "retransmits", ep->retransmits);
	json_add_owner(object, ep->owner);
	json_print(out, object);
}
