// SPDX-License-Identifier: GPL-2.0-only
#include "view/json/json.h"
#include "view/print_summary.h"
#include "view/text/timeline.h"

void print_summary(struct out *out, const struct summary *summary, bool json)
{
	if (json)
		json_summary(out, summary);
	else
		timeline_summary(out, summary);
}
