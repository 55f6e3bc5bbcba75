/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_JSON_WINDOWS_H
#define TCPTRACE_JSON_WINDOWS_H

#include "base/out.h"
#include "view/picture/bars.h"

/* One direction of a connection; `sender` or `receiver` is NULL if it is not on this host. */
void json_window(struct out *out, const struct bars *bars, const struct endpoint *sender,
		 const struct endpoint *receiver, uint64_t time);

#endif
