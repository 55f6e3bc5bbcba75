// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two links with the same addresses and ports on both, as link-local addresses and VRFs have them: an endpoint is its
 * zone and its tuple, and the other side of a veth device is another zone.
 */
#include "model/model.h"
#include "stream.h"
#include "test.h"

#define CLIENT_NETNS	4026531840u
#define SERVER_NETNS	4026532000u

/* A connection through a veth pair: the client's end of it has one number, the server's another. */
struct link {
	struct stream stream;
	uint32_t client, server;
	unsigned int fed;
};

static struct link red = { .client = 11, .server = 21 }, blue = { .client = 12, .server = 22 };
static struct model *model;
static struct step last;

static void begin(struct link *link, uint64_t cookies, uint32_t shift)
{
	stream_begin(&link->stream);
	link->stream.client.cookie += cookies;
	link->stream.server.cookie += cookies;
	link->stream.client.iss += shift;
	link->stream.server.iss += shift;
	link->fed = 0;
}

/* `shift`: how far the second connection's numbers are from those of the first. */
static void links_begin(uint32_t shift)
{
	const struct model_options options = { 0 };

	begin(&red, 0, 0);
	begin(&blue, 100, shift);
	model = model_new(&options);
	if (!model)
		abort();
}

static bool is_of_client(const struct link *link, const struct tcptrace_record *record)
{
	return record->sport == link->stream.client.sport;
}

static void feed(const struct tcptrace_record *record)
{
	if (record->type == TCPTRACE_T_SNAPSHOT)
		model_bootstrap(model, record);
	else if (model_apply(model, record, NULL, &last) != MODEL_STEP)
		abort();
}

/* What was added to the stream since the last time. */
static void feed_link(struct link *link)
{
	for (; link->fed < link->stream.count; link->fed++) {
		struct tcptrace_record *record = &link->stream.records[link->fed];
		bool client = is_of_client(link, record);

		record->netns = client ? CLIENT_NETNS : SERVER_NETNS;
		record->ifindex = client ? link->client : link->server;
		feed(record);
	}
}

static uint64_t peer_of(uint64_t cookie)
{
	const struct endpoint *ep = model_find(model, cookie);
	const struct endpoint *peer = ep ? model_peer(model, ep) : NULL;

	return peer ? peer->cookie : 0;
}

static void pairs_are(uint64_t of_red, uint64_t of_blue, const char *text)
{
	is_int(peer_of(101), of_red, "%s: the client on one link", text);
	is_int(peer_of(201), of_blue, "%s: the client on the other link", text);
	is_int(peer_of(102), of_red ? 101 : 0, "%s: the server on one link", text);
	is_int(peer_of(202), of_blue ? 201 : 0, "%s: the server on the other link", text);
}

/* Each step of both at the same time. */
static void test_handshakes(void)
{
	links_begin(1);
	connects(&red.stream, &red.stream.client);
	feed_link(&red);
	connects(&blue.stream, &blue.stream.client);
	feed_link(&blue);
	is_int(model_endpoint_count(model), 2, "two connect with the same tuple: neither replaces the other");
	syn_arrives(&blue.stream);
	feed_link(&blue);
	syn_arrives(&red.stream);
	feed_link(&red);
	is_int(model_endpoint_count(model), 4, "two requests with the same tuple: nor these");
	pairs_are(102, 202, "handshakes");
	syn_ack_arrives(&red.stream);
	syn_ack_arrives(&blue.stream);
	ack_arrives(&red.stream);
	ack_arrives(&blue.stream);
	feed_link(&red);
	feed_link(&blue);
	pairs_are(102, 202, "established");
	model_free(model);
}

/* The same socket's former connection, whose end was lost. */
static void test_stale(void)
{
	links_begin(1000);
	connects(&red.stream, &red.stream.client);
	feed_link(&red);
	blue.client = red.client;
	connects(&blue.stream, &blue.stream.client);
	feed_link(&blue);
	ok(!model_find(model, 101), "in the same zone, an endpoint with this tuple must have ended");
	blue.client = 12;
	model_free(model);
}

static void existing(struct link *link)
{
	handshake(&link->stream);
	moves(&link->stream, &link->stream.client, 100, true);
	link->stream.count = 0;
	snapshot(&link->stream, &link->stream.client, TCPTRACE_K_FULL);
	snapshot(&link->stream, &link->stream.server, TCPTRACE_K_FULL);
}

/* Initial numbers are a hash of the tuple and a clock: those of the same tuple are close. */
static void test_existing(void)
{
	links_begin(5);
	existing(&red);
	existing(&blue);
	feed_link(&blue);
	feed_link(&red);
	pairs_are(102, 202, "existing");
	model_free(model);
}

static void test_existing_in_flight(void)
{
	links_begin(5);
	existing(&red);
	existing(&blue);
	red.stream.records[1].rcv_nxt -= 50;
	blue.stream.records[1].rcv_nxt -= 50;
	feed_link(&red);
	feed_link(&blue);
	ok(peer_of(101) != 202 && peer_of(102) != 201, "with data on its way, nothing is paired wrongly");
	model_free(model);

	links_begin(1u << 30);
	existing(&red);
	existing(&blue);
	red.stream.records[1].rcv_nxt -= 50;
	blue.stream.records[1].rcv_nxt -= 50;
	feed_link(&blue);
	feed_link(&red);
	pairs_are(102, 202, "existing, with data on its way and numbers that differ");
	model_free(model);
}

/* One end is bound, to lo or a VRF, and the other is not. */
static void test_one_bound(void)
{
	unsigned int i;

	links_begin(5);
	existing(&red);
	for (i = 0; i < 2; i++) {
		red.stream.records[i].ifindex = i;
		feed(&red.stream.records[i]);
	}
	is_int(peer_of(101), 102, "existing in one namespace, one of them bound: they are one connection");
	model_free(model);
}

static struct tcptrace_record *listens(struct link *link, uint64_t cookie, uint32_t ifindex)
{
	struct tcptrace_record *record;

	link->stream.listener.cookie = cookie;
	record = listen_begins(&link->stream);
	memset(record->saddr, 0, sizeof(record->saddr));
	record->saddr[10] = record->saddr[11] = 0xff;
	record->daddr[10] = record->daddr[11] = 0xff;
	record->netns = SERVER_NETNS;
	record->ifindex = ifindex;
	link->fed = link->stream.count;
	feed(record);
	return record;
}

static uint64_t listener_of(uint64_t cookie)
{
	const struct endpoint *listener = model_listener(model, model_find(model, cookie));

	return listener ? listener->cookie : 0;
}

static void test_listeners(void)
{
	links_begin(1);
	listens(&red, 500, 21);
	listens(&red, 501, 22);
	connects(&blue.stream, &blue.stream.client);
	syn_arrives(&blue.stream);
	feed_link(&blue);
	connects(&red.stream, &red.stream.client);
	syn_arrives(&red.stream);
	feed_link(&red);
	is_int(listener_of(102), 500, "two listen on a port, each on a device: each connection has its own");
	is_int(listener_of(202), 501, "and so has the other");
	model_free(model);

	links_begin(1);
	listens(&red, 500, 99);
	connects(&red.stream, &red.stream.client);
	syn_arrives(&red.stream);
	feed_link(&red);
	is_int(listener_of(102), 0, "what listens on another device is not its listener");
	listens(&blue, 501, 0);
	is_int(listener_of(102), 501, "what listens on all of them is");
	model_free(model);
}

/* A RST that answers a segment names no socket. */
static struct tcptrace_record *reply(struct link *link, uint32_t ifindex)
{
	const struct stream_endpoint *server = &link->stream.server;
	struct tcptrace_record *record = stream_add(&link->stream, server, TCPTRACE_T_RESET, TCPTRACE_OP_REPLIED);

	record->kind = TCPTRACE_K_NONE;
	record->cookie = 0;
	record->netns = SERVER_NETNS;
	record->ifindex = ifindex;
	record->u.segment.seq = server->iss + 1;
	link->fed = link->stream.count;
	return record;
}

static bool is_reset(uint64_t cookie)
{
	return model_find(model, cookie)->flags & EP_RST_SENT;
}

static void test_reply(void)
{
	links_begin(0);
	connects(&red.stream, &red.stream.client);
	syn_arrives(&red.stream);
	feed_link(&red);
	connects(&blue.stream, &blue.stream.client);
	syn_arrives(&blue.stream);
	feed_link(&blue);
	feed(reply(&red, 0));
	ok(!is_reset(102) && !is_reset(202), "a RST through an unknown device: it is not said whose it is");
	feed(reply(&red, 21));
	ok(is_reset(102) && !is_reset(202), "a RST on one link is not that of the other");
	model_free(model);

	links_begin(0);
	connects(&red.stream, &red.stream.client);
	syn_arrives(&red.stream);
	feed_link(&red);
	feed(reply(&red, 0));
	ok(is_reset(102), "a RST through an unknown device, and only one that it can be of");
	model_free(model);
}

int main(void)
{
	test_handshakes();
	test_stale();
	test_existing();
	test_existing_in_flight();
	test_one_bound();
	test_listeners();
	test_reply();
	return done_testing();
}
