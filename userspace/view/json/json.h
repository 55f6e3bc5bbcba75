/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model as JSON, one object per line, by json-c. The keys are a contract: keys may be added, but are not renamed.
 * Times are CLOCK_MONOTONIC, durations end in _ns; unknown values are left out.
 */
#ifndef TCPTRACE_JSON_H
#define TCPTRACE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "model/model.h"
#include "session/summary.h"

/* `absolute`: sequence numbers as on the wire; otherwise relative to the initial one, or left out. */
void json_step(struct out *out, const struct step *step, bool absolute);

/* An existing socket, as of `time`. */
void json_socket(struct out *out, const struct endpoint *ep, uint64_t time);

/* The same, with its history. */
void json_history(struct out *out, const struct endpoint *ep, uint64_t time, bool followed);

/* `peer`: the other endpoint, NULL: not on this host. */
void json_verdict(struct out *out, const struct endpoint *ep, const struct endpoint *peer);

/* The losses of source and model; the last object of a stream. */
void json_summary(struct out *out, const struct summary *summary);

#endif
