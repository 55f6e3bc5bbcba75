// SPDX-License-Identifier: GPL-2.0-only
#include "model/cause.h"
#include "model/flow.h"
#include "record/record.h"
#include "view/text/explain.h"
#include "view/text/timeline_impl.h"

/*
 * {NAME} is replaced by what places[] has for it. J is the first sequence number of the side that connects, K that
 * of the side it connects to; where both connect, K is the peer's.
 */
static const char *const texts[EXPLAIN_TOPICS] = {
	[EXPLAIN_LISTEN] =
		"Passive open: {who} called listen() for port {port}. Nothing is sent; in LISTEN "
		"a socket waits for a SYN, and each connection becomes a socket of its own. The "
		"accept queue is full when more than {max} finished connections wait in it for "
		"accept().",
	[EXPLAIN_UNLISTEN] =
		"{who} closed the listener: a SYN to port {port} is refused from now on. "
		"Connections that were accepted live on, those that were not are reset.",
	[EXPLAIN_CONNECT] =
		"First handshake step: {who} called connect(), an active open. This end chose "
		"its initial sequence number J={J} and sends SYN seq=J. The SYN takes up one "
		"sequence number, so the peer will acknowledge J+1. SYN_SENT waits for that, and "
		"for the peer's own SYN.",
	[EXPLAIN_SYN_CAME] =
		"The first handshake step arrives: SYN with the peer's initial sequence number "
		"J={J}. Second handshake step: the server answers SYN+ACK with its own sequence "
		"number K={K} and acknowledges J+1={J1}. The listener stays in LISTEN; what is "
		"half-open, in SYN_RECV, is a small request in its SYN queue, without a process "
		"yet.",
	[EXPLAIN_SYN_ACK_CAME] =
		"The second handshake step arrives: SYN+ACK with the peer's sequence number "
		"K={K}, and it acknowledges J+1={J1}. Third handshake step: this end answers ACK "
		"K+1={K1}. It is ESTABLISHED and may send, although it cannot know yet whether "
		"that ACK arrives.",
	[EXPLAIN_TOOK] = "From its SYN to the answer it took {handshake}.",
	[EXPLAIN_ACK_CAME] =
		"The third handshake step arrives: the peer acknowledges K+1={K1}. The request "
		"becomes a socket and enters the accept queue: {backlog} in it now, and it is "
		"full when there are more than {max}.",
	[EXPLAIN_SYN_ACK_AGAIN] =
		"SYN+ACK had to be sent again {retries} before: it was lost, or its ACK was, or "
		"that ACK found the accept queue full.",
	[EXPLAIN_BACKLOG_FULL] =
		"Now the accept queue is full: until the application calls accept(), new SYNs "
		"are dropped, and so is the last ACK of handshakes that are under way.",
	[EXPLAIN_COOKIE_CAME] =
		"A connection for which no request was kept: the number that it acknowledges "
		"proves its SYN (a SYN cookie), or its data came with the SYN (fast open). It "
		"enters the accept queue: {backlog} in it now.",
	[EXPLAIN_ESTABLISHED] =
		"The handshake is complete on this side, too: its SYN is acknowledged, both "
		"sequence numbers are agreed on.",
	[EXPLAIN_IN_SYN_RECV] = "It was half-open, in SYN_RECV, for {handshake}.",
	[EXPLAIN_HALF_OPEN_TIMEDOUT] =
		"The third handshake step never came: SYN+ACK was sent {sent}. After {in_state} "
		"in SYN_RECV the request is forgotten, and nobody is told: should the peer "
		"believe that it is connected, its first segment will be answered by a RST.",
	[EXPLAIN_HALF_OPEN_DROPPED] =
		"The half-open request is given up: a RST came for it, or its listener is gone.",
	[EXPLAIN_SYNS_CROSSED] =
		"Simultaneous open: this end waited for an answer to its SYN, and a SYN without "
		"ACK came: the other side connects as well. It answers SYN+ACK, with its J={J} "
		"once more, and waits in SYN_RECV until that is acknowledged.",
	[EXPLAIN_CROSSED_ESTABLISHED] =
		"Both SYNs are acknowledged: two calls of connect() have made one connection, "
		"without any listener.",
	[EXPLAIN_REFUSED] =
		"Refused: nobody listens on port {dport} there, or somebody rejects what comes "
		"for it. connect() fails with ECONNREFUSED.",
	[EXPLAIN_CONNECT_TIMEDOUT] =
		"No answer: the SYN was sent {sent} within {in_state}, then connect() fails with "
		"ETIMEDOUT. Where nobody listens a RST says so; silence means that SYN or answer "
		"is lost or dropped on the way, or that the listener's queue is full.",
	[EXPLAIN_CONNECT_UNREACHABLE] =
		"The network says that it cannot bring the SYN to the peer: connect() fails with "
		"{error}.",
	[EXPLAIN_CONNECT_GIVEN_UP] =
		"Given up by the application before an answer came. Nothing was agreed on yet, "
		"so nothing is sent.",
	[EXPLAIN_ACCEPT] =
		"{who} called accept() and has the connection now, which had waited in the "
		"accept queue for {waited}. To TCP nothing changes: it was ESTABLISHED all the "
		"while, and data may have come already.",

	[EXPLAIN_WROTE] =
		"{who} wrote {bytes}, which only puts them into the send queue, behind what is "
		"there: Send-Q is {sendq} now, {unsent} of them not sent yet. They stay there "
		"until the peer acknowledges them.",
	[EXPLAIN_WRITE_WAITS] =
		"No room is left in the send queue, {sendq} fill it: a write that blocks sleeps "
		"until the peer has acknowledged some, one that does not is told EAGAIN.",
	[EXPLAIN_WRITE_WAITS_WINDOW] =
		"The peer's window is closed, because its application does not read: in the end "
		"it is the reader there that holds up the writer here.",
	[EXPLAIN_CAME] =
		"{bytes} came, and lie in the receive queue until the application reads them: "
		"Recv-Q. TCP acknowledges them by itself, so acknowledged does not mean read.",
	[EXPLAIN_CAME_SLOW] =
		"What came before was not read yet: the reader is slower than the sender. "
		"{unread} wait now, and {offered} are left of the window offered last.",
	[EXPLAIN_OFFERS_NOTHING] =
		"The window offered last is used up: the peer has to stop until this end offers "
		"more, which takes a reader that makes room (flow control).",
	[EXPLAIN_READ] = "{who} read {bytes}.",
	[EXPLAIN_READ_DELAY] = "The oldest of them had waited for {delay}.",
	[EXPLAIN_READ_LEFT] = "{unread} are left in the receive queue.",
	[EXPLAIN_READ_ALL] = "The receive queue is empty.",
	[EXPLAIN_LOOKED] =
		"{who} looked at {looked} without taking them out of the receive queue "
		"(MSG_PEEK).",
	[EXPLAIN_READ_WAITS] =
		"The receive queue is empty, so {who} sleeps in its read until data, a FIN or a "
		"RST comes. That is no matter of TCP's: nothing is sent for it.",
	[EXPLAIN_ACKED] =
		"The peer has {bytes} more: acknowledged, they leave the send queue, where "
		"{sendq} remain.",
	[EXPLAIN_ACKED_SYN] = "The peer acknowledges the SYN.",
	[EXPLAIN_ACKED_FIN] = "The peer acknowledges the FIN: it has all that this end ever sent.",
	[EXPLAIN_WINDOW] =
		"The peer's window: {window} beyond what it has acknowledged may be on the way to it.",
	[EXPLAIN_WINDOW_ZERO] =
		"The peer's window is closed (zero window): its receive queue is full, since its "
		"application does not read. But for small probes this end has to stay silent; "
		"{unsent} wait to be sent.",
	[EXPLAIN_WINDOW_OPENS] =
		"The peer's window opens again, {window} wide: the application there has read, and "
		"sending goes on.",

	[EXPLAIN_CLOSE] =
		"{who} closed the last descriptor of the socket. No process holds it any more; "
		"TCP brings the connection to its end by itself.",
	[EXPLAIN_CLOSE_UNREAD] =
		"{who} closed the last descriptor of the socket with {unread} unread. They are "
		"lost, and the peer shall know: RST is sent instead of FIN (RFC 9293, section "
		"3.6.1).",
	[EXPLAIN_CLOSE_LINGER] =
		"{who} closed the last descriptor of the socket, with SO_LINGER on: with a time "
		"of 0 that is a RST and throws away what is unsent, else close() waits until the "
		"peer has acknowledged all.",
	[EXPLAIN_CLOSE_AFTER_FIN] =
		"{who} closed the last descriptor of the socket. Its FIN had gone before, so "
		"nothing is sent; but nobody is there any more to read, and data that still "
		"comes is answered by a RST.",
	[EXPLAIN_CLOSE_CONNECTING] = "{who} closed the socket before an answer to its SYN came.",
	[EXPLAIN_SHUT_WR] =
		"{who} called shutdown(SHUT_WR): it will write no more, but can go on reading, a "
		"half-close. Other than close(), which waits for the last descriptor, it acts at "
		"once, whichever processes hold the socket.",
	[EXPLAIN_SHUT_RD] =
		"{who} called shutdown(SHUT_RD): a read of an empty queue ends at once from now "
		"on. TCP has no segment for that, the peer does not learn of it.",
	[EXPLAIN_SHUT_RDWR] =
		"{who} called shutdown(SHUT_RDWR): it will write no more, and a read of an empty "
		"queue ends at once. Other than close(), it acts whichever processes hold the "
		"socket, and they keep it.",
	[EXPLAIN_SHUT_AGAIN] = "This side had sent its FIN before: nothing is sent.",
	[EXPLAIN_FIN_FOLLOWS] = "FIN goes out behind all that is in the send queue, {sendq}.",

	[EXPLAIN_FIN_WAIT1] =
		"First step of the close: this side closes first (active close), and sends FIN "
		"seq={fin} behind its data. The FIN takes up one sequence number: FIN_WAIT1 "
		"waits for ACK {fin1}. The other direction is still open.",
	[EXPLAIN_CLOSE_WAIT] =
		"The first step of the close arrives (passive close): FIN seq={peerfin}, so the "
		"peer sends no more data. TCP acknowledges it by itself. CLOSE_WAIT waits for "
		"this side's application to close, for as long as that takes: a read of the "
		"empty queue returns 0 and tells it.",
	[EXPLAIN_CLOSE_WAIT_UNREAD] = "Before that it has {unread} to read.",
	[EXPLAIN_FIN_WAIT2] =
		"The second step of the close arrives: ACK {ack} acknowledges the FIN. The "
		"connection is half-closed: nothing goes out any more, data may come in, and "
		"FIN_WAIT2 waits for the peer's FIN.",
	[EXPLAIN_FIN_WAIT2_MERGED] =
		"The second step of the close arrives: ACK {ack} acknowledges the FIN. The third "
		"one is in the same segment, the peer's own FIN, so FIN_WAIT2 is over at once.",
	[EXPLAIN_LAST_ACK] =
		"Third step of the close: now this side closes as well and sends FIN seq={fin}. "
		"LAST_ACK waits for nothing but ACK {fin1}.",
	[EXPLAIN_HALF_CLOSED] = "From the first FIN to the second, it was half-closed for {half}.",
	[EXPLAIN_CLOSING] =
		"Simultaneous close: the FINs crossed. FIN seq={peerfin} came before the ACK of "
		"this side's own FIN: the peer closed without knowing of it. CLOSING waits for "
		"that ACK.",
	[EXPLAIN_TIME_WAIT] =
		"The third step of the close arrives, FIN seq={peerfin}. Fourth step: this end "
		"acknowledges it, and both directions are closed.",
	[EXPLAIN_TIME_WAIT_MERGED] =
		"FIN seq={peerfin} is in the segment that acknowledged this side's FIN: the "
		"second and third step of the close in one, a three-way close. Last step: this "
		"end acknowledges it.",
	[EXPLAIN_TIME_WAIT_CROSSED] =
		"ACK {ack} acknowledges this side's FIN as well: the simultaneous close is "
		"complete. Both sides closed first, so both have to wait.",
	[EXPLAIN_TIME_WAIT_ORPHAN] =
		"The third step of the close arrives, FIN seq={peerfin}. Fourth step: the small "
		"timewait socket acknowledges it, goes on from FIN_WAIT2 to TIME_WAIT, and both "
		"directions are closed.",
	[EXPLAIN_2MSL] =
		"TIME_WAIT lasts for {timeout}, twice the longest life of a segment (2MSL) as "
		"Linux has it: if the last ACK gets lost, the FIN comes again and has to be "
		"answered, and what is still on its way must not fall into a new connection of "
		"the same ports.",
	[EXPLAIN_CLOSED] =
		"The fourth step of the close arrives: ACK {ack} acknowledges the FIN. On this "
		"side nothing is left: the peer closed first, so TIME_WAIT is the peer's.",
	[EXPLAIN_ORPHAN] =
		"No process holds this end any more, so a small timewait socket takes its place. "
		"The peer has {timeout} to send its FIN.",
	[EXPLAIN_ORPHAN_OVER] =
		"The peer's FIN did not come, and nobody here waits for it: given up after "
		"{in_state} in FIN_WAIT2. Nothing is sent; what the peer may still send is "
		"answered by a RST.",
	[EXPLAIN_ORPHAN_KILLED] =
		"Given up {timeout} before its time: data or a RST came for a connection that "
		"nobody reads from any more.",
	[EXPLAIN_TIME_WAIT_AGAIN] =
		"A segment of the old connection came once more, the peer has not seen the last "
		"ACK: it is acknowledged again, and 2MSL begin anew, {timeout}. For that "
		"TIME_WAIT is there.",
	[EXPLAIN_TIME_WAIT_OVER] =
		"2MSL are over, after {in_state}: nothing of this connection can be on its way "
		"any more, and its ports may make a new one.",
	[EXPLAIN_TIME_WAIT_KILLED] =
		"TIME_WAIT ends {timeout} before its time: a new SYN took its place (with a "
		"later sequence number or timestamp that is safe), or a RST came, or its network "
		"namespace is gone.",

	[EXPLAIN_RST_SENT] =
		"RST: the connection is aborted, not closed, and the peer shall forget it at "
		"once. Nobody acknowledges a RST, so it is sent once.",
	[EXPLAIN_RST_CAME] =
		"A RST came whose numbers fit, so it is believed: the connection is over at "
		"once, and nothing is answered.",
	[EXPLAIN_RST_NOBODY] =
		"A segment came to port {port} that belongs to no socket: nobody listens there, "
		"or its connection is gone. The answer is RST (RFC 9293, section 3.5.2).",
	[EXPLAIN_RST_LATE] =
		"Data came, but this side has closed and nobody can read it: the answer is RST.",
	[EXPLAIN_RST_REPLIED] =
		"A segment came that cannot belong to this connection: the answer is RST, to "
		"whoever sent it.",
	[EXPLAIN_ENDED_RST] =
		"The RST ends it: no FIN, no TIME_WAIT. What the peer has not acknowledged is "
		"lost, {sendq}; the application is told {error}.",
	[EXPLAIN_ENDED_TIMEOUT] =
		"The peer has been silent for too long, {again} sent again and probes included: "
		"given up, the application is told ETIMEDOUT.",
	[EXPLAIN_ENDED_ERROR] = "The connection fails: the application is told {error}.",
	[EXPLAIN_ABORT_UNREAD] =
		"Aborted from this side: {unread} that came were never read and are thrown away. "
		"The RST that follows says so.",
	[EXPLAIN_ABORT_LINGER] =
		"Aborted from this side: SO_LINGER with a time of 0 asks for RST instead of FIN. "
		"What is in the send queue is thrown away, {sendq}, and there is no TIME_WAIT.",
	[EXPLAIN_ABORT_UNACCEPTED] =
		"The listener was closed before anybody had called accept() for this connection: "
		"it is reset.",
	[EXPLAIN_ABORT_DESTROYED] =
		"Destroyed from outside, as ss -K does: a RST follows, and the application is "
		"told ECONNABORTED.",
	[EXPLAIN_ABORT] = "Given up on this side; if the peer has to know, a RST follows.",
};

/* ---- what takes the places ---- */

struct context {
	const struct step *step;
	const struct tcptrace_record *record;
	const struct end *end;	/* NULL: unknown */
	bool absolute;
};

static char *put_unknown(char *p)
{
	*p++ = '?';
	return p;
}

/* Of an end that was there nobody may know. */
static char *put_time(char *p, uint64_t ns)
{
	return ns == UNKNOWN ? put_text(p, "some time") : put_duration(p, ns);
}

static char *put_who(char *p, const struct context *context)
{
	if (!context->step->pid)
		return put_text(p, "the application");
	return owner_put_process(p, context->step->pid, context->step->comm);
}

/* An initial sequence number, as on the wire. */
static char *put_initial(char *p, const struct context *context, bool ours, uint32_t more)
{
	const struct end *end = context->end;

	if (!end || !(end->flags & (ours ? END_ISS : END_IRS)))
		return put_unknown(p);
	return put_u64(p, (uint32_t)((ours ? end->iss : end->irs) + more));
}

static bool is_passive(const struct context *context)
{
	return context->end && context->end->flags & END_PASSIVE;
}

/* A sequence number as the line above has it. */
static char *put_seq(char *p, const struct context *context, bool ours, uint32_t number)
{
	int64_t relative;

	if (context->absolute)
		return put_u64(p, number);
	if (!cause_relative(context->end, ours, number, &relative))
		return put_unknown(p);
	return put_i64(p, relative);
}

static char *put_bytes(char *p, uint32_t count)
{
	return put_count(p, count, "byte");
}

static uint32_t retries(const struct context *context)
{
	if (context->record->type == TCPTRACE_T_REQUEST)
		return context->record->u.listen.retransmits;
	return context->end ? context->end->retransmits : 0;
}

static uint64_t waited(const struct context *context)
{
	return context->end ? end_waited(context->end) : UNKNOWN;
}

static uint64_t delay(const struct context *context)
{
	return context->step->waited;
}

static char *put_error(char *p, const struct context *context)
{
	return context->record->error > 0 ? record_put_error(p, context->record->error) : put_text(p, "nothing");
}

/* Name and value. Of a request or a child that its record tells of, the queue does not count it yet. */
#define PLACES(X)								\
	X(who,		put_who(p, c))						\
	X(port,		put_u64(p, c->record->sport))				\
	X(dport,	put_u64(p, c->record->dport))				\
	X(J,		put_initial(p, c, !is_passive(c), 0))			\
	X(J1,		put_initial(p, c, !is_passive(c), 1))			\
	X(K,		put_initial(p, c, is_passive(c), 0))			\
	X(K1,		put_initial(p, c, is_passive(c), 1))			\
	X(fin,		put_seq(p, c, true, c->record->write_seq))		\
	X(fin1,		put_seq(p, c, true, c->record->write_seq + 1))		\
	X(peerfin,	put_seq(p, c, false, c->record->rcv_nxt - 1))		\
	X(ack,		put_seq(p, c, true, c->record->snd_una))		\
	X(bytes,	put_bytes(p, c->step->bytes))				\
	X(looked,	put_bytes(p, c->record->u.queue.bytes))			\
	X(unread,	put_bytes(p, record_unread(c->record)))			\
	X(sendq,	put_bytes(p, record_sendq(c->record)))			\
	X(unsent,	put_bytes(p, record_unsent(c->record)))			\
	X(window,	put_bytes(p, c->record->snd_wnd))			\
	X(offered,	put_bytes(p, c->record->rcv_wnd))			\
	X(max,		put_u64(p, c->record->u.listen.backlog_max))		\
	X(backlog,	put_u64(p, c->record->u.listen.backlog + 1))		\
	X(retries,	put_count(p, retries(c), "time"))			\
	X(sent,		put_count(p, retries(c) + 1, "time"))			\
	X(again,	put_count(p, retries(c), "segment"))			\
	X(in_state,	put_time(p, c->step->in_state))				\
	X(handshake,	put_time(p, c->end ? c->end->handshake : UNKNOWN))	\
	X(waited,	put_time(p, waited(c)))					\
	X(delay,	put_time(p, delay(c)))					\
	X(half,		put_time(p, c->end ? c->end->fin : UNKNOWN))	\
	X(timeout,	put_time(p, c->record->u.totals.timeout * 1000000ull))	\
	X(error,	put_error(p, c))

#define PLACE(name, value)							\
static char *place_##name(char *p, const struct context *c)			\
{										\
	return value;								\
}
PLACES(PLACE)

#define ENTRY(name, value)	{ #name, place_##name },

static const struct {
	const char *name;
	char *(*put)(char *p, const struct context *context);
} places[] = { PLACES(ENTRY) };

static char *put_place(char *p, const char *name, size_t length, const struct context *context)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strlen(places[i].name) == length && !memcmp(places[i].name, name, length))
			return places[i].put(p, context);
	return put_unknown(p);
}

static char *put_topic(char *p, const char *text, const struct context *context)
{
	char *start = p;

	while (*text) {
		size_t plain = strcspn(text, "{"), place;

		p = put_mem(p, text, plain);
		text += plain;
		if (!*text)
			break;
		place = strcspn(++text, "}");
		p = put_place(p, text, place, context);
		text += place + 1;
	}
	/* A process is called as it calls itself; "the application" begins a sentence here. */
	if (!strncmp(start, "the ", 4))
		*start = 'T';
	return p;
}

const char *explain_text(enum explain_topic topic)
{
	return texts[topic];
}

char *explain_step(char *p, const struct step *step, bool absolute)
{
	const struct context context = {
		.step = step,
		.record = step->record,
		.end = step->end,
		.absolute = absolute,
	};
	enum explain_topic topics[EXPLAIN_MAX];
	int count = explain_topics(step, topics), i;

	for (i = 0; i < count; i++) {
		if (i)
			*p++ = ' ';
		p = put_topic(p, texts[topics[i]], &context);
	}
	return p;
}
