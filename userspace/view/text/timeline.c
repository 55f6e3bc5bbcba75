// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "view/text/timeline_impl.h"

#define WIDTH_FIRST	15	/* "127.0.0.1:45678" */
#define WIDTH_MOST	48	/* longer ones shift only their own line */
#define WIDTH_NARROW	6	/* ":45678" */
#define WIDTH_WHAT	34
#define ROOMY		130	/* columns that fit a line of IPv4 */

void timeline_init(struct timeline *timeline, struct out *out, const struct term *term,
		   int64_t realtime, bool absolute)
{
	unsigned int old, new;

	memset(timeline, 0, sizeof(*timeline));
	timeline->out = out;
	timeline->term = *term;
	timeline->realtime = realtime;
	timeline->absolute = absolute;
	timeline->narrow = term->width && term->width < ROOMY;
	timeline->local_width = WIDTH_FIRST;
	timeline->peer_width = timeline->narrow ? WIDTH_NARROW : WIDTH_FIRST;
	for (old = 0; old <= TCPTRACE_STATE_MAX; old++)
		for (new = 0; new <= TCPTRACE_STATE_MAX; new++) {
			/* put_column() needs room after it. */
			char text[sizeof(timeline->changes[0][0]) + 16], *p = text;

			if (old != new) {
				p = put_string(p, state_name(old));
				p = put_text(p, " -> ");
			}
			/* No state. */
			p = put_string(p, old | new ? state_name(new) : "-");
			put_column(p, text + sizeof(timeline->changes[0][0]));
			memcpy(timeline->changes[old][new], text, sizeof(timeline->changes[0][0]));
		}
}

/* ---- narrow terminals ---- */

#define INDENT	(PUT_CLOCK_WIDTH + 1 + TIMELINE_SINCE)

/* Skips the sequence of a colour, if one starts here. */
static const char *behind_colour(const char *p, const char *end)
{
	if (*p == '\033')
		while (p < end && *p++ != 'm')
			;
	return p;
}

/* How many bytes fit into `width` columns: up to the last blank before that, if there is one. */
static size_t fitting(const char *p, const char *end, size_t width)
{
	const char *start = p, *blank = NULL;
	size_t columns = 0;

	while (p < end && columns < width) {
		const char *behind = behind_colour(p, end);

		if (behind != p) {
			p = behind;
			continue;
		}
		if (*p == ' ' && columns)
			blank = p;
		/* A UTF-8 character takes one column, and is never split. */
		do
			p++;
		while (p < end && (*p & 0xc0) == 0x80);
		columns++;
	}
	if (p == end)
		return end - start;
	return (*p == ' ' || !blank ? p : blank) - start;
}

char *timeline_fit_long(const struct timeline *timeline, char *line, const char *what, char *end)
{
	size_t width = timeline->term.width, left = end - line, fits;
	char text[OUT_LINE];
	const char *from = text;

	if (width <= INDENT + 20 || left > OUT_LINE / 2 ||
	    fitting(line, end, width) == left)
		return end;
	memcpy(text, line, left);
	/* If the last part is empty, the line ends before it. */
	fits = what && what < end ? (size_t)(what - line) : fitting(from, from + left, width);
	for (;;) {
		memmove(line, from, fits);
		line += fits;
		from += fits;
		left -= fits;
		while (left && *from == ' ') {
			from++;
			left--;
		}
		while (line[-1] == ' ')
			line--;
		if (!left)
			return line;
		*line++ = '\n';
		line = put_column(line, line + INDENT);
		fits = fitting(from, from + left, width - INDENT);
	}
}

/* ---- parts of a line ---- */

static inline char *put_since(char *p, uint64_t since)
{
	char *end = p + TIMELINE_SINCE;

	memcpy(p, "        ", TIMELINE_SINCE);
	if (since == UNKNOWN)
		return end;
	*p++ = '+';
	p = put_duration(p, since);
	/* The bytes that put_*() leaves after its text are not blanks. */
	p[0] = p[1] = p[2] = ' ';
	return p < end ? end : p + 1;
}

static char *put_peer(char *p, const struct timeline *timeline, uint8_t family,
		      const uint8_t *saddr, const uint8_t *daddr, uint16_t port)
{
	static const uint8_t none[TCPTRACE_ADDR_LEN];

	if (!port && (!memcmp(daddr, none, sizeof(none)) || family == AF_INET)) {
		*p++ = '*';
		return p;
	}
	if (timeline->narrow && !memcmp(saddr, daddr, TCPTRACE_ADDR_LEN)) {
		*p++ = ':';
		return put_u64(p, port);
	}
	return record_put_endpoint(p, family, daddr, port);
}

static inline void widen(unsigned int *width, size_t length)
{
	if (length > *width)
		*width = length < WIDTH_MOST ? length : WIDTH_MOST;
}

/* Padded to the widest so far. */
static inline char *put_padded(char *p, char *start, unsigned int *width)
{
	widen(width, p - start);
	return put_column(p, start + *width);
}

/* The subject of a line: a record or an endpoint. */
struct whose {
	uint64_t cookie;
	struct zone zone;
	const uint8_t *saddr, *daddr;
	uint16_t sport, dport;
	uint8_t family;
	char role;
};

/* The same for both endpoints of a connection. */
static uint32_t pair_number(const struct whose *whose)
{
	uint32_t number = whose->sport * 31 ^ whose->dport * 31;
	unsigned int i;

	for (i = 12; i < TCPTRACE_ADDR_LEN; i++)
		number += whose->saddr[i] + whose->daddr[i];
	return number;
}

/* The line's own endpoint is first; '>' it connected, '<' the peer connected to it. */
static char *make_endpoints(char *p, struct timeline *timeline, const struct whose *whose)
{
	char *start;

	if (timeline->term.colour)
		p = put_mem(p, term_colour(pair_number(whose)), TERM_COLOUR_LENGTH);
	start = p;
	p = put_local(p, &whose->zone, whose->family, whose->saddr, whose->sport);
	p = put_padded(p, start, &timeline->local_width);
	*p++ = ' ';
	*p++ = whose->role;
	*p++ = ' ';
	start = p;
	p = put_peer(p, timeline, whose->family, whose->saddr, whose->daddr, whose->dport);
	p = put_padded(p, start, &timeline->peer_width);
	if (timeline->term.colour)
		p = put_text(p, TERM_END);
	*p++ = ' ';
	return p;
}

static inline struct timeline_known *known_of(struct timeline *timeline, uint64_t cookie)
{
	return &timeline->known[hash_place(hash_number(cookie), TIMELINE_KNOWN_BITS)];
}

static inline uint32_t layout_of(const struct timeline *timeline, char role)
{
	return timeline->local_width | timeline->peer_width << 8 | (uint32_t)role << 16;
}

/* A device may be renamed, so the name is not kept. */
static inline bool is_known(const struct timeline_known *known, const struct timeline *timeline,
			    uint64_t cookie, uint32_t ifindex, char role)
{
	return known->cookie == cookie && known->layout == layout_of(timeline, role) && cookie && !ifindex;
}

static void make_known(struct timeline_known *known, struct timeline *timeline, const struct whose *whose)
{
	/* Including the excess of put_*(); the longest IPv6 addresses with colours take 117, a device 65. */
	char text[sizeof(known->endpoints) + 16], *end;

	end = make_endpoints(text, timeline, whose);
	if (known->cookie != whose->cookie)
		known->pid = 0;
	known->cookie = whose->cookie;
	known->layout = layout_of(timeline, whose->role);
	known->endpoints_length = end - text;
	memcpy(known->endpoints, text, sizeof(known->endpoints));
}

static inline char *put_known_endpoints(char *p, const struct timeline_known *known)
{
	memcpy(p, known->endpoints, 64);
	if (known->endpoints_length > 64)
		memcpy(p + 64, known->endpoints + 64, sizeof(known->endpoints) - 64);
	return p + known->endpoints_length;
}

static void make_known_process(struct timeline_known *known, uint32_t pid, const char *comm)
{
	char text[PROCESS_TEXT_MAX];
	size_t length = put_process(text, pid, comm) - text;

	known->pid = pid;
	memcpy(known->comm, comm, sizeof(known->comm));
	known->process_length = length <= sizeof(known->process) ? length : 0;
	memcpy(known->process, text, sizeof(known->process));
}

static inline char *put_known_process(char *p, struct timeline_known *known, uint32_t pid, const char *comm)
{
	if (known->pid != pid || memcmp(known->comm, comm, sizeof(known->comm)))
		make_known_process(known, pid, comm);
	if (!known->process_length)
		return put_process(p, pid, comm);
	memcpy(p, known->process, sizeof(known->process));
	return p + known->process_length;
}

static struct timeline_known *known_of_record(struct timeline *timeline,
					      const struct tcptrace_record *record, char role)
{
	struct timeline_known *known = known_of(timeline, record->cookie);
	struct whose whose;

	if (is_known(known, timeline, record->cookie, record->ifindex, role))
		return known;
	whose = (struct whose){
		.cookie = record->cookie,
		.zone = zone_of_record(record),
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.family = record->family,
		.role = role,
	};
	make_known(known, timeline, &whose);
	return known;
}

static struct timeline_known *known_of_endpoint(struct timeline *timeline, const struct endpoint *ep)
{
	struct timeline_known *known = known_of(timeline, ep->cookie);
	struct whose whose;

	if (is_known(known, timeline, ep->cookie, zone_at(ep->zone)->ifindex, timeline_role(ep->flags)))
		return known;
	whose = (struct whose){
		.cookie = ep->cookie,
		.zone = *zone_at(ep->zone),
		.saddr = ep->saddr,
		.daddr = ep->daddr,
		.sport = ep->sport,
		.dport = ep->dport,
		.family = ep->family,
		.role = timeline_role(ep->flags),
	};
	make_known(known, timeline, &whose);
	return known;
}

char *timeline_put_endpoints(char *p, struct timeline *timeline, const struct endpoint *ep)
{
	return put_known_endpoints(p, known_of_endpoint(timeline, ep));
}

static inline char *put_queues(char *p, uint32_t recvq, uint32_t sendq)
{
	if (!(recvq | sendq))
		return put_text(p, "     0      0 ");
	p = put_right(p, recvq, 6);
	*p++ = ' ';
	p = put_right(p, sendq, 6);
	*p++ = ' ';
	return p;
}

/* ---- lines ---- */

void timeline_header(struct timeline *timeline)
{
	char *p = out_room(timeline->out), *start = p;

	p = put_text(p, "TIME");
	p = put_column(p, start + PUT_CLOCK_WIDTH + 1);
	p = put_text(p, "SINCE");
	p = start = put_column(p, start + PUT_CLOCK_WIDTH + 1 + TIMELINE_SINCE);
	p = put_text(p, "LOCAL");
	p = start = put_column(p, start + timeline->local_width + 3);
	p = put_text(p, "PEER");
	p = start = put_column(p, start + timeline->peer_width + 1);
	p = put_text(p, "STATE");
	p = put_column(p, start + TIMELINE_CHANGE + 1);
	p = put_text(p, "Recv-Q Send-Q ");
	start = p;
	p = put_text(p, "WHAT");
	if (!timeline->narrow) {
		p = put_column(p, start + WIDTH_WHAT);
		p = put_text(p, " PROCESS");
	}
	*p++ = '\n';
	out_done(timeline->out, p);
}

/*
 * The RST that ended an endpoint: tcp_send_active_reset() has reported it, with the verdict, and the endpoint is gone
 * when its segment is sent.
 */
static bool is_told(const struct step *step)
{
	const struct tcptrace_record *record = step->record;

	return record->type == TCPTRACE_T_SEGMENT && record->u.segment.out && record->u.segment.flags & TH_RST &&
	       record->cookie && !step->ep;
}

void timeline_step(struct timeline *timeline, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	struct timeline_known *known;
	char *p, *start, *line;

	if (timeline->segments && is_told(step))
		return;
	/*
	 * The receive path reports a FIN alone, too, and the send path reports before it waits. A read that was none has
	 * no bytes; those that were only peeked at are in the record.
	 */
	if (!step->bytes && (record->op == TCPTRACE_OP_QUEUED || record->op == TCPTRACE_OP_WRITTEN ||
			     (record->op == TCPTRACE_OP_READ && !record->u.queue.bytes)))
		return;
	p = line = out_room(timeline->out);
	p = timeline_put_time(p, timeline, record->time);
	p = put_since(p, step->since);
	known = known_of_record(timeline, record, timeline_role(step->ep ? step->ep->flags : 0));
	p = put_known_endpoints(p, known);
	p = put_mem(p, record_has_state(record) ? timeline->changes[step->old_state][step->new_state] :
						  timeline->changes[0][0],
		    sizeof(timeline->changes[0][0]));
	p = put_queues(p, record_recvq(record), record_sendq(record));
	start = p;
	p = timeline_put_what(p, timeline, step);
	if (step->pid && (step->did || !timeline->narrow)) {
		if (!timeline->narrow)
			p = put_column(p, start + WIDTH_WHAT);
		*p++ = ' ';
		p = put_known_process(p, known, step->pid, step->comm);
	}
	while (p[-1] == ' ')
		p--;
	p = timeline_fit(timeline, line, start, p);
	*p++ = '\n';
	out_done(timeline->out, p);
}

/* ---- existing sockets ---- */

#define WIDTH_STATE	11

void timeline_socket_header(struct timeline *timeline)
{
	char *p = out_room(timeline->out), *start = p;

	p = put_text(p, "STATE");
	p = put_column(p, start + WIDTH_STATE);
	p = put_text(p, " Recv-Q Send-Q ");
	start = p;
	p = put_text(p, "LOCAL");
	p = put_column(p, start + timeline->local_width);
	p = put_text(p, " PEER");
	p = put_column(p, start + timeline->local_width + 1 + WIDTH_FIRST);
	p = put_text(p, " PROCESS\n");
	out_done(timeline->out, p);
}

void timeline_socket(struct timeline *timeline, const struct endpoint *ep)
{
	char *p = out_room(timeline->out), *start;

	/* The first name of the row of changes, padded. */
	p = put_mem(p, timeline->changes[ep->state][ep->state], WIDTH_STATE + 1);
	p = put_queues(p, endpoint_recvq(ep), endpoint_sendq(ep));
	start = p;
	p = put_local(p, zone_at(ep->zone), ep->family, ep->saddr, ep->sport);
	p = put_padded(p, start, &timeline->local_width);
	*p++ = ' ';
	start = p;
	p = put_peer(p, timeline, ep->family, ep->saddr, ep->daddr, ep->dport);
	if (ep->owner) {
		p = put_column(p, start + WIDTH_FIRST);
		*p++ = ' ';
		p = put_process_ref(p, ep->owner);
	}
	if (ep->kind == TCPTRACE_K_TIMEWAIT) {
		p = put_column(p, start + WIDTH_FIRST);
		*p++ = ' ';
		p = put_duration(p, ep->timeout * 1000000ull);
		p = put_text(p, " left");
	}
	*p++ = '\n';
	out_done(timeline->out, p);
}

/* ---- losses ---- */

static char *put_part(char *p, const char *name, uint64_t count, const char *between)
{
	if (!count)
		return p;
	p = put_string(p, between);
	p = put_u64(p, count);
	*p++ = ' ';
	return put_string(p, name);
}

void timeline_hole(struct timeline *timeline, const struct tcptrace_record *record)
{
	const struct tcptrace_lost *lost = &record->u.lost;
	char *p = out_room(timeline->out);

	p = timeline_put_time(p, timeline, record->time);
	p = put_text(p, "-- ");
	p = put_count(p, lost->overwritten + lost->nested + lost->missed, "record");
	p = put_text(p, " lost here");
	p = put_part(p, "not read in time", lost->overwritten, ": ");
	p = put_part(p, "found no room in the ring", lost->nested, ": ");
	p = put_part(p, "missed by probes", lost->missed, ": ");
	*p++ = '\n';
	out_done(timeline->out, p);
}

void timeline_summary(struct out *out, const struct summary *summary)
{
	const struct tcptrace_lost *lost = &summary->lost;
	char *p = out_room(out);

	p = put_text(p, "-- ");
	p = put_count(p, lost->events, "event");
	if (summary->source) {
		p = put_text(p, " from ");
		p = put_string(p, summary->source);
	}
	p = put_text(p, ", ");
	p = put_u64(p, lost->overwritten + lost->nested);
	p = put_text(p, " lost");
	p = put_part(p, "not read in time", lost->overwritten, ", ");
	p = put_part(p, "found no room in the ring", lost->nested, ", ");
	p = put_part(p, "missed by probes", lost->missed, ", ");
	p = put_part(p, "of unknown type", lost->unknown, ", ");
	p = put_part(p, "of endpoints beyond --max-endpoints", summary->full, ", ");
	*p++ = '\n';
	out_done(out, p);
}
