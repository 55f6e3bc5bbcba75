/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of tables as JSON; a contract, as in json.h. */
#ifndef TCPTRACE_JSON_TABLES_H
#define TCPTRACE_JSON_TABLES_H

#include <stdbool.h>

#include "base/out.h"
#include "tally/busy.h"
#include "tally/listeners.h"
#include "tally/ports.h"

/* `drops`: they are recorded. */
void json_listener(struct out *out, const struct listener *listener, bool drops, uint64_t time);

/* `use` NULL: any other destination. */
void json_ports(struct out *out, const struct port_space *space, const struct port_use *use, uint64_t time);

void json_busy(struct out *out, const struct busy_row *row, uint64_t time);

#endif
