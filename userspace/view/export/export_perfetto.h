/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two parts of export --format=perfetto share:
 *
 *   export_perfetto.c		the tracks and their events
 *   export_perfetto_step.c	the arguments of an event, from its step
 */
#ifndef TCPTRACE_EXPORT_PERFETTO_H
#define TCPTRACE_EXPORT_PERFETTO_H

#include "record/device.h"
#include "view/export/export.h"
#include "view/json/json_members.h"
#include "view/text/timeline.h"

/* Including the excess that put_*() may write. */
#define TEXT_MAX	(LOCAL_TEXT_MAX + RECORD_ENDPOINT_MAX + PROCESS_TEXT_MAX)

/* "out SYN,ACK", "retransmit rto", "accept" */
void perfetto_add_name(struct json_object *event, const struct tcptrace_record *record);
/* With the keys of jsonl, without the endpoint's own. */
void perfetto_add_step(struct json_object *args, const struct step *step);

#endif
