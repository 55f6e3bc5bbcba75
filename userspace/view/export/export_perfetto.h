/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two parts of export --format=perfetto share:
 *
 *   export_perfetto.c		the tracks, and which events they have
 *   export_perfetto_step.c	what an event says of the step that it is of
 */
#ifndef TCPTRACE_EXPORT_PERFETTO_H
#define TCPTRACE_EXPORT_PERFETTO_H

#include "view/export/export.h"
#include "view/json/json_members.h"
#include "view/text/timeline.h"

/* With room for what put_*() leave behind. */
#define TEXT_MAX	(2 * RECORD_ENDPOINT_MAX + PROCESS_TEXT_MAX)

/* "out SYN,ACK", "retransmit rto", "accept" */
void perfetto_add_name(struct json_object *event, const struct tcptrace_record *record);
/* As in jsonl, by the same keys, but for the endpoint's own. */
void perfetto_add_step(struct json_object *args, const struct step *step);

#endif
