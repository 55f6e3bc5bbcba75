// SPDX-License-Identifier: GPL-2.0-only
#include "base/out.h"
#include "model/inferred_segment.h"
#include "model/queue_stats.h"
#include "record/record.h"
#include "view/text/explain.h"

/*
 * {NAME} is replaced by its value from places[]. J is the initial sequence number of the side that connects, K that of
 * the side it connects to; if both connect, K is the peer's.
 */
static const char *const texts[EXPLAIN_TOPICS] = {
	[EXPLAIN_LISTEN] =
		"Passive open: {who} called listen() for port {port}. Nothing is sent. In LISTEN, a "
		"socket waits for a SYN, and each connection gets a socket of its own. The accept "
		"queue is full when more than {max} established connections wait in it for "
		"accept().",
	[EXPLAIN_LISTEN_AGAIN] =
		"{who} called listen() again for port {port}, which already listened. That changes one thing: the "
		"accept queue is now full when more than {max} established connections wait in it for accept().",
	[EXPLAIN_UNLISTEN] =
		"{who} stopped listening: a SYN to port {port} is refused from now on. "
		"Accepted connections live on. Connections that were not accepted are reset.",
	[EXPLAIN_CONNECT] =
		"First handshake step: {who} called connect(), an active open. This endpoint chose "
		"the initial sequence number J={J} and sends SYN seq=J. The SYN takes up one "
		"sequence number, so the peer will acknowledge J+1. In SYN_SENT, the endpoint waits "
		"for that ACK and for the peer's own SYN.",
	[EXPLAIN_SYN_CAME] =
		"The first handshake step arrives: a SYN with the peer's initial sequence number "
		"J={J}. Second handshake step: the server answers SYN+ACK with its own initial "
		"sequence number K={K} and acknowledges J+1={J1}. The listener stays in LISTEN. The "
		"half-open connection, in SYN_RECV, is a small request socket in the listener's SYN "
		"queue. No process holds it yet.",
	[EXPLAIN_SYN_ACK_CAME] =
		"The second handshake step arrives: a SYN+ACK with the peer's initial sequence number "
		"K={K}, which acknowledges J+1={J1}. Third handshake step: this endpoint answers ACK "
		"K+1={K1}. It is ESTABLISHED and may send, although it cannot know yet whether "
		"that ACK arrives.",
	[EXPLAIN_SYN_ACK_CAME_HELD] =
		"The second handshake step arrives: a SYN+ACK with the peer's initial sequence number "
		"K={K}, which acknowledges J+1={J1}. This endpoint is ESTABLISHED. Its own third step, ACK "
		"K+1={K1}, may be held back until there is data to send with it.",
	[EXPLAIN_RESTORED] =
		"{who} restores a connection by TCP_REPAIR, as checkpoint and live migration do: its "
		"handshake was somewhere else, and no segment is sent.",
	[EXPLAIN_CONNECT_FAILED] =
		"{who} called connect(), which failed with {error} before anything was sent: there is no "
		"connection, and the peer knows nothing of it.",
	[EXPLAIN_TOOK] = "It took {handshake} from the SYN to the answer.",
	[EXPLAIN_ACK_CAME] =
		"The third handshake step arrives: the peer acknowledges K+1={K1}. The request "
		"becomes a full socket and enters the accept queue, which now holds {backlog}. The "
		"queue is full when it holds more than {max}.",
	[EXPLAIN_SYN_ACK_AGAIN] =
		"The SYN+ACK had been retransmitted {retries}: the SYN+ACK was lost, or its ACK was "
		"lost, or that ACK found the accept queue full.",
	[EXPLAIN_BACKLOG_FULL] =
		"The accept queue is full now. Until the application calls accept(), new SYNs "
		"are dropped, and so is the last ACK of each handshake in progress.",
	[EXPLAIN_COOKIE_CAME] =
		"No request socket was kept for this connection. Either the number that it "
		"acknowledges proves its SYN (a SYN cookie), or its data arrived with the SYN (fast "
		"open). It enters the accept queue, which now holds {backlog}.",
	[EXPLAIN_ESTABLISHED] =
		"The handshake is complete on this side, too: its SYN is acknowledged, and both "
		"initial sequence numbers are agreed on.",
	[EXPLAIN_IN_SYN_RECV] = "The connection was half-open, in SYN_RECV, for {handshake}.",
	[EXPLAIN_HALF_OPEN_TIMEDOUT] =
		"The third handshake step never arrived: SYN+ACK was sent {sent}. After {in_state} "
		"in SYN_RECV the kernel drops the request and tells nobody. If the peer believes "
		"that it is connected, its first segment will be answered with a RST.",
	[EXPLAIN_HALF_OPEN_DROPPED] =
		"The half-open request is dropped: a RST arrived for it, or its listener is gone.",
	[EXPLAIN_HALF_OPEN_ICMP] =
		"An ICMP error arrived for the SYN+ACK: the peer's host or network cannot be reached. "
		"The half-open request is dropped.",
	[EXPLAIN_HALF_OPEN_DESTROYED] =
		"{who} destroyed the half-open request, as ss -K does. The peer is told nothing.",
	[EXPLAIN_SYNS_CROSSED] =
		"Simultaneous open: this endpoint was waiting for an answer to its SYN and received a "
		"SYN without ACK, because the other side connects as well. It answers SYN+ACK, repeating "
		"its J={J}, and waits in SYN_RECV until that is acknowledged.",
	[EXPLAIN_CROSSED_ESTABLISHED] =
		"Both SYNs are acknowledged: two calls of connect() have made one connection, "
		"without any listener.",
	[EXPLAIN_REFUSED] =
		"Refused: nobody listens on port {dport} there, or something on the path rejects the "
		"SYN. connect() fails with ECONNREFUSED.",
	[EXPLAIN_CONNECT_TIMEDOUT] =
		"No answer: the SYN was sent {sent} within {in_state}, then connect() fails with "
		"ETIMEDOUT. A port on which nobody listens would answer with a RST. Silence means that "
		"the SYN or its answer was lost or dropped on the way, or that a queue of the listener "
		"is full.",
	[EXPLAIN_CONNECT_UNREACHABLE] =
		"The network reports that it cannot deliver the SYN to the peer. connect() fails with "
		"{error}.",
	[EXPLAIN_CONNECT_GIVEN_UP] =
		"The application gave up before an answer arrived. Nothing was agreed on yet, "
		"so nothing is sent.",
	[EXPLAIN_ACCEPT] =
		"{who} called accept() and now has the connection, which had waited in the "
		"accept queue for {waited}. Nothing changes for TCP: the connection was ESTABLISHED "
		"all the time, and data may already have arrived.",

	[EXPLAIN_WROTE] =
		"{who} wrote {bytes}. A write only appends to the send queue: Send-Q is now {sendq}, "
		"{unsent} of it unsent. Data stays there until the peer acknowledges it.",
	[EXPLAIN_WRITE_WAITS] =
		"The send queue has no room left: it holds {sendq}. A blocking write sleeps "
		"until the peer has acknowledged some data. A non-blocking write fails with EAGAIN.",
	[EXPLAIN_WRITE_WAITS_WINDOW] =
		"The peer's window is closed because its application does not read. In the end "
		"it is the reader there that blocks the writer here.",
	[EXPLAIN_CAME] =
		"Received {bytes}. Data stays in the receive queue (Recv-Q) until the application reads "
		"it. TCP acknowledges it by itself, so acknowledged does not mean read.",
	[EXPLAIN_CAME_SLOW] =
		"Earlier data was still unread: the reader is slower than the sender. "
		"The queue now holds {unread}, and the window last offered has {offered} left.",
	[EXPLAIN_OFFERS_NOTHING] =
		"The window last offered is used up. The peer has to stop until this endpoint offers "
		"more, which it does once the reader makes room (flow control).",
	[EXPLAIN_READ] = "{who} read {bytes}.",
	[EXPLAIN_READ_MPTCP] =
		"MPTCP took {bytes} out of this subflow's receive queue, into that of the whole connection, where the "
		"application reads what all subflows bring.",
	[EXPLAIN_READ_DELAY] = "The oldest byte had waited for {delay}.",
	[EXPLAIN_READ_LEFT] = "The receive queue still holds {unread}.",
	[EXPLAIN_READ_ALL] = "The receive queue is empty.",
	[EXPLAIN_LOOKED] =
		"{who} peeked at {looked} (MSG_PEEK), which leaves the receive queue as it is.",
	[EXPLAIN_READ_WAITS] =
		"The receive queue is empty, so {who} sleeps in its read until data, a FIN or a "
		"RST arrives. TCP sends nothing for that.",
	[EXPLAIN_ACKED] =
		"The peer has received {bytes} more. Acknowledged data leaves the send queue, which now "
		"holds {sendq}.",
	[EXPLAIN_ACKED_SYN] = "The peer acknowledges the SYN.",
	[EXPLAIN_ACKED_FIN] = "The peer acknowledges the FIN: it has received all that this endpoint ever sent.",
	[EXPLAIN_WINDOW] =
		"The peer's window: up to {window} beyond what it has acknowledged may be in flight.",
	[EXPLAIN_WINDOW_ZERO] =
		"The peer's window is closed (zero window): its receive queue is full, because its "
		"application does not read. This endpoint may send nothing but small probes. Not yet "
		"sent: {unsent}.",
	[EXPLAIN_WINDOW_OPENS] =
		"The peer's window reopens, {window} wide: the application there has read, and "
		"sending resumes.",

	[EXPLAIN_CLOSE] =
		"{who} closed the last descriptor of the socket. No process holds it any more; "
		"TCP finishes the connection by itself.",
	[EXPLAIN_CLOSE_UNREAD] =
		"{who} closed the last descriptor of the socket with {unread} unread. Unread "
		"data is lost, and TCP tells the peer so: it sends RST instead of FIN (RFC 9293, section "
		"3.6.1).",
	[EXPLAIN_CLOSE_LINGER] =
		"{who} closed the last descriptor of the socket, with SO_LINGER on. With a time "
		"of 0, TCP sends a RST and discards unsent data. Otherwise close() waits until the "
		"peer has acknowledged everything.",
	[EXPLAIN_CLOSE_AFTER_FIN] =
		"{who} closed the last descriptor of the socket. Its FIN had been sent before, so "
		"nothing is sent now. But nobody is left to read, so data that still "
		"arrives is answered with a RST.",
	[EXPLAIN_CLOSE_CONNECTING] = "{who} closed the socket before an answer to its SYN arrived.",
	[EXPLAIN_SHUT_WR] =
		"{who} called shutdown(SHUT_WR): it will write no more, but it can still read (a "
		"half-close). close() takes effect when the last descriptor is closed; shutdown() takes "
		"effect at once, whichever processes hold the socket.",
	[EXPLAIN_SHUT_RD] =
		"{who} called shutdown(SHUT_RD): from now on, a read of an empty queue returns at once. "
		"TCP has no segment for that, so the peer does not learn of it.",
	[EXPLAIN_SHUT_RDWR] =
		"{who} called shutdown(SHUT_RDWR): it will write no more, and a read of an empty "
		"queue returns at once. Unlike close(), it takes effect whichever processes hold the "
		"socket, and they keep their descriptors.",
	[EXPLAIN_SHUT_AGAIN] = "This side had already sent its FIN: nothing is sent.",
	[EXPLAIN_FIN_FOLLOWS] = "The FIN goes out after everything in the send queue, {sendq}.",

	[EXPLAIN_FIN_WAIT1] =
		"First step of the close: this side closes first (active close) and sends FIN "
		"seq={fin} after its data. The FIN takes up one sequence number, so FIN_WAIT1 "
		"waits for ACK {fin1}. The other direction is still open.",
	[EXPLAIN_FIN_WAIT1_QUEUED] =
		"First step of the close: this side closes first (active close). Its FIN seq={fin} is "
		"queued, and is sent when all data before it has been sent and the windows allow it. "
		"FIN_WAIT1 lasts until ACK {fin1}.",
	[EXPLAIN_CLOSE_WAIT] =
		"The first step of the close arrives (passive close): FIN seq={peerfin}, so the "
		"peer sends no more data. TCP acknowledges it by itself. CLOSE_WAIT lasts until "
		"this side's application closes, however long that takes. A read of the "
		"empty queue returns 0, which tells the application.",
	[EXPLAIN_CLOSE_WAIT_UNREAD] = "Before that it has {unread} to read.",
	[EXPLAIN_FIN_WAIT2] =
		"The second step of the close arrives: ACK {ack} acknowledges the FIN. The "
		"connection is half-closed: this side sends no more data but may still receive some. "
		"FIN_WAIT2 waits for the peer's FIN.",
	[EXPLAIN_FIN_WAIT2_MERGED] =
		"The second step of the close arrives: ACK {ack} acknowledges the FIN. The third "
		"step, the peer's own FIN, is in the same segment, so FIN_WAIT2 is over at once.",
	[EXPLAIN_LAST_ACK] =
		"Third step of the close: now this side closes as well and sends FIN seq={fin}. "
		"LAST_ACK waits only for ACK {fin1}.",
	[EXPLAIN_LAST_ACK_QUEUED] =
		"Third step of the close: now this side closes as well. Its FIN seq={fin} is queued, and "
		"is sent when all data before it has been sent and the windows allow it. LAST_ACK waits "
		"only for ACK {fin1}.",
	[EXPLAIN_HALF_CLOSED] = "The connection was half-closed for {half}, from the first FIN to the second.",
	[EXPLAIN_CLOSING] =
		"Simultaneous close: the FINs crossed. FIN seq={peerfin} arrived before the ACK of "
		"this side's own FIN: the peer closed without knowing of it. CLOSING waits for "
		"that ACK.",
	[EXPLAIN_TIME_WAIT] =
		"The third step of the close arrives, FIN seq={peerfin}. Fourth step: this endpoint "
		"acknowledges it. Both directions are closed.",
	[EXPLAIN_TIME_WAIT_MERGED] =
		"FIN seq={peerfin} is in the segment that acknowledged this side's FIN. It merges the "
		"second and third step of the close: a three-way close. Last step: this "
		"endpoint acknowledges the FIN.",
	[EXPLAIN_TIME_WAIT_CROSSED] =
		"ACK {ack} acknowledges this side's FIN as well: the simultaneous close is "
		"complete. Both sides closed first, so both have to wait.",
	[EXPLAIN_TIME_WAIT_ORPHAN] =
		"The third step of the close arrives, FIN seq={peerfin}. Fourth step: the small "
		"timewait socket acknowledges it and moves from FIN_WAIT2 to TIME_WAIT. Both "
		"directions are closed.",
	[EXPLAIN_2MSL] =
		"TIME_WAIT lasts for {timeout}: Linux's value for 2MSL, twice the maximum lifetime of a "
		"segment. If the last ACK is lost, the peer retransmits its FIN, which has to be "
		"answered. And segments still in the network must not be taken for those of a new "
		"connection with the same ports.",
	[EXPLAIN_TIME_WAIT_NONE] =
		"The third step of the close arrives, FIN seq={peerfin}, and is acknowledged. TIME_WAIT "
		"should follow, but there is no timewait socket left for it (net.ipv4.tcp_max_tw_buckets), "
		"so the connection is gone at once.",
	[EXPLAIN_CLOSED] =
		"The fourth step of the close arrives: ACK {ack} acknowledges the FIN. Nothing is left "
		"on this side: the peer closed first, so the peer holds TIME_WAIT.",
	[EXPLAIN_ORPHAN] =
		"No process holds this endpoint any more, so a small timewait socket takes its place. "
		"The peer has {timeout} to send its FIN.",
	[EXPLAIN_ORPHAN_OVER] =
		"The peer's FIN did not arrive, and no process here waits for it. The kernel gives up "
		"after {in_state} in FIN_WAIT2. Nothing is sent; whatever the peer may still send is "
		"answered with a RST.",
	[EXPLAIN_ORPHAN_KILLED] =
		"The kernel gives up {timeout} early: data arrived for a connection that nobody reads "
		"any more, or somebody removed it.",
	[EXPLAIN_ORPHAN_RST] =
		"A RST arrived from the peer, {timeout} before the kernel would have given up. No process "
		"holds this endpoint any more, so none is told.",
	[EXPLAIN_TIME_WAIT_AGAIN] =
		"A segment of the old connection was retransmitted: the peer has not received the last "
		"ACK. It is acknowledged again, and the 2MSL timer is restarted, {timeout}. This is what "
		"TIME_WAIT is for.",
	[EXPLAIN_TIME_WAIT_OVER] =
		"The 2MSL timer expired after {in_state}. No segment of this connection can still be in "
		"the network, so its ports are free for a new one.",
	[EXPLAIN_TIME_WAIT_KILLED] =
		"TIME_WAIT ends {timeout} early. Either a new SYN took its place (with a later sequence "
		"number or timestamp, which makes that safe), or somebody removed it, or its network "
		"namespace is gone.",
	[EXPLAIN_TIME_WAIT_RST] =
		"TIME_WAIT ends {timeout} early: a RST arrived, and net.ipv4.tcp_rfc1337 does not "
		"forbid that (RFC 1337).",

	[EXPLAIN_RST_SENT] =
		"RST: the connection is aborted, not closed, and the peer must forget it at "
		"once. Nobody acknowledges a RST, so it is sent once.",
	[EXPLAIN_RST_CAME] =
		"Received a RST with acceptable numbers, so TCP believes it. The connection is over at "
		"once, and nothing is answered.",
	[EXPLAIN_RST_NOBODY] =
		"A segment arrived at port {port} that belongs to no socket: nobody listens there, "
		"or its connection is gone. The answer is a RST (RFC 9293, section 3.5.2).",
	[EXPLAIN_RST_LATE] =
		"Data arrived, but this side has closed and nobody can read it. The answer is a RST.",
	[EXPLAIN_RST_SHUTDOWN] =
		"Data arrived, but this side has shut down receiving. The answer is a RST, although the "
		"socket is still open.",
	[EXPLAIN_RST_REPLIED] =
		"A segment arrived that cannot belong to this connection. Its sender is answered with a "
		"RST.",
	[EXPLAIN_ENDED_RST] =
		"The RST ends the connection: no FIN, no TIME_WAIT. Unacknowledged data is "
		"lost ({sendq}). The application gets {error}.",
	[EXPLAIN_ENDED_TIMEOUT] =
		"The peer has been silent for too long, despite {again} retransmitted, including "
		"probes. TCP gives up, and the application gets ETIMEDOUT.",
	[EXPLAIN_ENDED_ERROR] = "The connection fails: the application gets {error}.",
	[EXPLAIN_ABORT_UNREAD] =
		"Aborted from this side, which discards {unread} received but never read. The RST that "
		"follows says so.",
	[EXPLAIN_ABORT_LINGER] =
		"Aborted from this side: SO_LINGER with a time of 0 asks for a RST instead of a FIN. "
		"The send queue is discarded ({sendq}), and there is no TIME_WAIT.",
	[EXPLAIN_ABORT_UNACCEPTED] =
		"The listener was closed before anybody had called accept() for this connection. "
		"The connection is reset.",
	[EXPLAIN_ABORT_DESTROYED] =
		"Destroyed from outside, as ss -K does. If the peer has to know, a RST follows. The "
		"application gets ECONNABORTED.",
	[EXPLAIN_ABORT] = "Aborted on this side. If the peer has to know, a RST follows.",
};

/* ---- the values ---- */

struct context {
	const struct step *step;
	const struct tcptrace_record *record;
	const struct endpoint *ep;	/* NULL: unknown */
	bool absolute;
};

static char *put_unknown(char *p)
{
	*p++ = '?';
	return p;
}

/* For an existing endpoint it may be unknown. */
static char *put_time(char *p, uint64_t ns)
{
	return ns == UNKNOWN ? put_text(p, "some time") : put_duration(p, ns);
}

static char *put_who(char *p, const struct context *context)
{
	if (!context->step->pid)
		return put_text(p, "the application");
	return put_process(p, context->step->pid, context->step->comm);
}

/* An initial sequence number, as on the wire. */
static char *put_initial(char *p, const struct context *context, bool ours, uint32_t more)
{
	const struct endpoint *ep = context->ep;

	if (!ep || !(ep->flags & (ours ? EP_ISS : EP_IRS)))
		return put_unknown(p);
	return put_u64(p, (uint32_t)((ours ? ep->iss : ep->irs) + more));
}

static bool is_passive(const struct context *context)
{
	return context->ep && context->ep->flags & EP_PASSIVE;
}

/* A sequence number as in the line above. */
static char *put_seq(char *p, const struct context *context, bool ours, uint32_t number)
{
	int64_t relative;

	if (context->absolute)
		return put_u64(p, number);
	if (!relative_seq(context->ep, ours, number, &relative))
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
	return context->ep ? context->ep->retransmits : 0;
}

static uint64_t waited(const struct context *context)
{
	return context->ep ? endpoint_waited(context->ep) : UNKNOWN;
}

static uint64_t delay(const struct context *context)
{
	return context->step->waited;
}

static char *put_error(char *p, const struct context *context)
{
	return context->record->error > 0 ? record_put_error(p, context->record->error) : put_text(p, "nothing");
}

/* Name and value. For a request or a child in its own record, the queue does not include it yet. */
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
	X(handshake,	put_time(p, c->ep ? c->ep->handshake : UNKNOWN))	\
	X(waited,	put_time(p, waited(c)))					\
	X(delay,	put_time(p, delay(c)))					\
	X(half,		put_time(p, c->ep ? c->ep->fin : UNKNOWN))	\
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
	/* A process is called by its name; "the application" starts a sentence here. */
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
		.ep = step->ep,
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
