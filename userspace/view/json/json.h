/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model as JSON, one object a line, by json-c. The keys are a contract: new ones
 * may be added, none is renamed. Times are CLOCK_MONOTONIC, durations end in _ns; what is
 * not known is left out.
 */
#ifndef TCPTRACE_JSON_H
#define TCPTRACE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "model/model.h"
#include "session/summary.h"

/* `absolute`: sequence numbers as on the wire; else from the connection's beginning, or left out. */
void json_step(struct out *out, const struct step *step, bool absolute);

/* A socket that is there, as of `time`. */
void json_socket(struct out *out, const struct endpoint *ep, uint64_t time);

/* The same, with what is known of the time before. */
void json_history(struct out *out, const struct endpoint *ep, uint64_t time, bool followed);

/* `peer`: the other endpoint, NULL: it is not here. */
void json_verdict(struct out *out, const struct endpoint *ep, const struct endpoint *peer);

/* What was lost, by the source and by the model; the last object of a stream. */
void json_summary(struct out *out, const struct summary *summary);

#endif
