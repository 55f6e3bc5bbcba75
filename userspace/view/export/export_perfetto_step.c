// SPDX-License-Identifier: GPL-2.0-only
#include "model/inferred_segment.h"
#include "model/verdict.h"
#include "record/names.h"
#include "view/export/export_perfetto.h"

/* A segment without an endpoint is numbered by what its peer knows. */
static void add_number(struct json_object *args, const char *key, const struct step *step, bool out, uint32_t number)
{
	int64_t relative;

	if (step->ep ? relative_seq(step->ep, out, number, &relative) :
			relative_seq(step->peer, !out, number, &relative))
		json_add_signed(args, key, relative);
}

static char *put_segment(char *p, bool out, uint8_t flags)
{
	return put_tcp_flags(put_string(p, out ? "out " : "in "), flags);
}

/* The segment received or, without one, the one sent. If the record is of type SEGMENT, it is the event's name. */
static void add_segment(struct json_object *args, const struct step *step)
{
	struct inferred_segment segments[INFERRED_MAX], *segment = segments;
	char text[TEXT_MAX];

	if (!infer_segments(step, segments))
		return;
	if (step->record->type != TCPTRACE_T_SEGMENT)
		json_add_text(args, "segment", text, put_segment(text, segment->out, segment->flags));
	if (segment->known & INFERRED_SEQ)
		add_number(args, "seq", step, segment->out, segment->seq);
	if (segment->known & INFERRED_ACK)
		add_number(args, "ack", step, !segment->out, segment->ack);
	if (segment->known & INFERRED_LENGTH)
		json_add_int(args, "len", segment->length);
	if (segment->known & INFERRED_WINDOW)
		json_add_int(args, "win", segment->window);
}

static void add_drop(struct json_object *args, const struct step *step)
{
	const struct tcptrace_drop *drop = &step->record->u.drop;
	bool out = step->record->kind == TCPTRACE_K_FULL;
	char text[TEXT_MAX];

	if (step->record->op == TCPTRACE_OP_SEGMENT) {
		json_add_text(args, "reason", drop->name, drop->name + record_drop_name(drop));
		json_add_text(args, "segment", text, put_segment(text, out, drop->flags));
		add_number(args, "seq", step, out, drop->seq);
	} else {
		json_add_int(args, "backlog", step->record->u.listen.backlog);
		json_add_int(args, "backlog_max", step->record->u.listen.backlog_max);
		json_add_int(args, "syn_backlog", step->record->u.listen.syn_backlog);
	}
}

/* With the keys of jsonl. */
static void add_by_type(struct json_object *args, const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	switch (record->type) {
	case TCPTRACE_T_ACCEPT:
		if (step->ep)
			json_add_known(args, "accept_wait_ns", endpoint_waited(step->ep));
		break;
	case TCPTRACE_T_RECV:
		json_add_known(args, "read_delay_ns", step->waited);
		break;
	case TCPTRACE_T_RESET:
		json_add_string(args, "reason", verdict_reset_reason(record->u.segment.reason));
		if (step->ep && record->op == TCPTRACE_OP_SENT)
			json_add_string(args, "why", verdict_why(step->ep->why));
		break;
	case TCPTRACE_T_RETRANSMIT:
		json_add_int(args, "retransmits", record->u.retransmit.total);
		if (record->op == TCPTRACE_OP_SPURIOUS)
			break;
		add_number(args, "seq", step, true, record->u.retransmit.seq);
		json_add_int(args, "len", record->u.retransmit.len);
		break;
	case TCPTRACE_T_DROP:
		add_drop(args, step);
		break;
	}
}

void perfetto_add_step(struct json_object *args, const struct step *step)
{
	if (step->bytes)
		json_add_int(args, "bytes", step->bytes);
	add_by_type(args, step);
	add_segment(args, step);
	json_add_process(args, step->pid, step->comm);
}

void perfetto_add_name(struct json_object *event, const struct tcptrace_record *record)
{
	char text[TEXT_MAX], *p = text;

	if (record->type == TCPTRACE_T_SEGMENT) {
		p = put_segment(p, record->u.segment.out, record->u.segment.flags);
	} else {
		p = put_string(p, type_name(record->type));
		if (record->op)
			p = put_string(put_text(p, " "), op_name(record->op));
	}
	json_add_text(event, "name", text, p);
}
