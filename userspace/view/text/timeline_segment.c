// SPDX-License-Identifier: GPL-2.0-only
/* What is remarkable about a segment, besides its header. */
#include <netinet/tcp.h>

#include "record/segment.h"
#include "view/text/timeline_impl.h"

/* A comma, except before the first. */
static char *put_comma(char *p, const char *start)
{
	return p == start ? p : put_text(p, ", ");
}

static char *put_placed(char *p, const char *start, const struct segment *segment, uint32_t length)
{
	if (segment->gap) {
		p = put_comma(p, start);
		p = put_text(p, "out of order, ");
		p = put_count(p, segment->gap, "byte");
		return put_text(p, " missing before it");
	}
	if (segment->probe) {
		p = put_comma(p, start);
		return put_text(p, "probe for an ACK");
	}
	if (!segment->duplicate)
		return p;
	p = put_comma(p, start);
	if (segment->duplicate >= length)
		return put_text(p, "duplicate");
	p = put_count(p, segment->duplicate, "byte");
	return put_text(p, " duplicate");
}

char *timeline_put_segment(char *p, const struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_segment *header = &step->record->u.segment;
	const char *start = p;
	struct segment segment;

	segment_of(step->record, &segment);
	if (!segment.window && !(header->flags & TH_RST)) {
		p = put_text(p, "window closed");
	} else if (segment.window != UNKNOWN && segment.window != header->window) {
		p = put_text(p, "window ");
		p = put_u64(p, segment.window);
	}
	p = put_placed(p, start, &segment, header->len);
	if (!segment.sacks)
		return p;
	p = put_comma(p, start);
	p = segment.dsack ? put_text(p, "DSACK ") : put_text(p, "SACK ");
	p = timeline_put_number(p, timeline, step, !segment.out, segment.sack_from);
	p = put_text(p, " to ");
	p = timeline_put_number(p, timeline, step, !segment.out, segment.sack_to);
	if (segment.sacks < 2)
		return p;
	p = put_text(p, " and ");
	p = put_u64(p, segment.sacks - 1);
	return put_text(p, " more");
}
