// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/endpoint_table.h"
#include "model/queue_stats.h"
#include "record/record.h"

#define BITS_FIRST	10
#define PER_HEAD	4u	/* average length of a chain at which the number of heads is doubled */
/* Maximum distance of the numbers of two endpoints that were read one after the other. */
#define SEQ_NEAR	(1u << 20)

/* Reserves address space. MAP_FAILED: there is none. */
static void *set_aside(uint32_t max, size_t size)
{
	return mmap(NULL, ((size_t)max + 1) * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void give_back(void *all, uint32_t max, size_t size)
{
	if (all != MAP_FAILED)
		munmap(all, ((size_t)max + 1) * size);
}

int endpoint_table_init(struct endpoint_table *table, uint32_t max)
{
	memset(table, 0, sizeof(*table));
	table->max = max;
	table->bits = BITS_FIRST;
	table->used = 1;
	table->all = set_aside(max, sizeof(*table->all));
	table->by_cookie = calloc(1u << table->bits, sizeof(uint32_t));
	table->by_tuple = calloc(1u << table->bits, sizeof(uint32_t));
	if (table->all != MAP_FAILED && table->by_cookie && table->by_tuple)
		return 0;
	endpoint_table_exit(table);
	return -ENOMEM;
}

/* Including what is kept outside the table. */
static void release(struct endpoint *ep)
{
	queue_stats_end(ep);
	endpoint_release(ep);
}

void endpoint_table_exit(struct endpoint_table *table)
{
	uint32_t place;

	for (place = 1; table->all != MAP_FAILED && place < table->used; place++)
		release(endpoint_at(table, place));
	give_back(table->all, table->max, sizeof(*table->all));
	free(table->by_cookie);
	free(table->by_tuple);
}

/* ---- the indexes ---- */

/* The same from both sides. Listeners on any address exist in many namespaces: their hash includes the namespace. */
static inline uint64_t hash_tuple(const uint8_t *saddr, uint16_t sport, const uint8_t *daddr, uint16_t dport,
				  uint32_t netns)
{
	return hash_16(saddr, sport) + hash_16(daddr, dport) + (dport ? 0 : hash_number(netns));
}

static inline uint64_t hash_endpoint(const struct endpoint *ep)
{
	return hash_tuple(ep->saddr, ep->sport, ep->daddr, ep->dport, endpoint_netns(ep));
}

static inline uint64_t hash_record(const struct tcptrace_record *record)
{
	return hash_tuple(record->saddr, record->sport, record->daddr, record->dport, record->netns);
}

static inline uint32_t *tuple_head(const struct endpoint_table *table, uint64_t hash)
{
	return &table->by_tuple[hash_place(hash, table->bits)];
}

enum index { BY_COOKIE, BY_TUPLE };

static inline uint32_t *head_of(const struct endpoint_table *table, const struct endpoint *ep, enum index index)
{
	return index == BY_COOKIE ? endpoint_table_cookie_head(table, ep->cookie)
				  : tuple_head(table, hash_endpoint(ep));
}

static inline uint32_t *next_of(const struct endpoint_table *table, uint32_t place, enum index index)
{
	struct endpoint *ep = endpoint_at(table, place);

	return index == BY_COOKIE ? &ep->cookie_next : &ep->tuple_next;
}

/* The latest entry is found first. */
static inline void push(const struct endpoint_table *table, uint32_t *head, uint32_t place, enum index index)
{
	*next_of(table, place, index) = *head;
	*head = place;
}

/* Removes it from its chain. */
static inline void pull(const struct endpoint_table *table, uint32_t place, enum index index)
{
	uint32_t *link = head_of(table, endpoint_at(table, place), index);

	while (*link != place)
		link = next_of(table, *link, index);
	*link = *next_of(table, place, index);
}

/* Moves a chain to the new heads in its order: reversed, and then reversed again. */
static void move(const struct endpoint_table *table, uint32_t place, enum index index)
{
	uint32_t backwards = 0, next;

	for (; place; place = next) {
		next = *next_of(table, place, index);
		push(table, &backwards, place, index);
	}
	for (; backwards; backwards = next) {
		next = *next_of(table, backwards, index);
		push(table, head_of(table, endpoint_at(table, backwards), index), backwards, index);
	}
}

/* Without memory for more heads, chains just get longer. */
static void grow(struct endpoint_table *table)
{
	uint32_t *old_cookie = table->by_cookie, *old_tuple = table->by_tuple, old_count = 1u << table->bits, i;
	uint32_t *by_cookie = calloc(2 * old_count, sizeof(uint32_t));
	uint32_t *by_tuple = calloc(2 * old_count, sizeof(uint32_t));

	if (!by_cookie || !by_tuple) {
		free(by_cookie);
		free(by_tuple);
		return;
	}
	table->by_cookie = by_cookie;
	table->by_tuple = by_tuple;
	table->bits++;
	for (i = 0; i < old_count; i++) {
		move(table, old_cookie[i], BY_COOKIE);
		move(table, old_tuple[i], BY_TUPLE);
	}
	free(old_cookie);
	free(old_tuple);
}

/* ---- places ---- */

/* There is a free one: `count` is below `max`. */
static uint32_t take_place(struct endpoint_table *table)
{
	uint32_t place = table->free;

	if (!place)
		return table->used++;
	table->free = endpoint_at(table, place)->cookie_next;
	return place;
}

/* Whether this chain has reached its maximum. */
static bool is_crowded(const struct endpoint_table *table, uint32_t place)
{
	uint32_t count;

	if (table->count < ENDPOINTS_ALIKE)
		return false;
	for (count = 1; place && count < ENDPOINTS_ALIKE; count++)
		place = endpoint_at(table, place)->tuple_next;
	return place;
}

uint32_t endpoint_table_add(struct endpoint_table *table, const struct tcptrace_record *record)
{
	struct endpoint *ep;
	uint32_t place;

	if (table->count == table->max || is_crowded(table, *tuple_head(table, hash_record(record))))
		return 0;
	place = take_place(table);
	ep = endpoint_at(table, place);
	endpoint_name(ep, record);
	if (++table->count > PER_HEAD << table->bits)
		grow(table);
	push(table, head_of(table, ep, BY_COOKIE), place, BY_COOKIE);
	push(table, head_of(table, ep, BY_TUPLE), place, BY_TUPLE);
	return place;
}

void endpoint_table_remove(struct endpoint_table *table, uint32_t place)
{
	struct endpoint *ep = endpoint_at(table, place);

	pull(table, place, BY_COOKIE);
	pull(table, place, BY_TUPLE);
	if (ep->peer)
		endpoint_at(table, ep->peer)->peer = 0;
	ep->cookie = 0;
	release(ep);
	ep->cookie_next = table->free;
	table->free = place;
	table->count--;
}

/* ---- two endpoints, one connection ---- */

static inline bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, TCPTRACE_ADDR_LEN);
}

/* The local side comes first. */
static inline bool is_between(const struct endpoint *ep, const uint8_t *saddr, uint16_t sport, const uint8_t *daddr,
			      uint16_t dport)
{
	return ep->sport == sport && ep->dport == dport && same(ep->saddr, saddr) && same(ep->daddr, daddr);
}

/* What one endpoint has sent is close to what the other one has received. */
static bool near(const struct endpoint *from, const struct endpoint *to)
{
	return to->rcv_nxt - (from->snd_una - SEQ_NEAR) <=
	       (from->snd_nxt - from->snd_una) + 2 * SEQ_NEAR;
}

static bool is_new(const struct endpoint *ep)
{
	return ep->state == TCPTRACE_S_SYN_SENT || ep->state == TCPTRACE_S_SYN_RECV;
}

/* Both have sent and received exactly the same: of two connections with near numbers, this is the one. */
static bool is_even(const struct endpoint *ep, const struct endpoint *other)
{
	return ep->snd_nxt == other->rcv_nxt && other->snd_nxt == ep->rcv_nxt;
}

/* How sure it is that two endpoints are one connection. */
enum likeness { UNLIKE, NEAR, EVEN, IN_ONE_ZONE, CERTAIN };

/*
 * The tuple matches, but another connection may have the same: an older one, one in another namespace, or one through
 * another device. The initial sequence numbers decide, if those of both sides are known. The zones need not be the
 * same: the other side of a veth device has another name, number and, usually, namespace.
 */
static enum likeness likeness(const struct endpoint *ep, const struct endpoint *other)
{
	bool out = ep->flags & EP_ISS && other->flags & EP_IRS;
	bool in = ep->flags & EP_IRS && other->flags & EP_ISS;

	if ((out && ep->iss != other->irs) || (in && ep->irs != other->iss))
		return UNLIKE;
	if (out || in)
		return CERTAIN;
	if (is_new(ep) != is_new(other))
		return UNLIKE;
	if (ep->zone == other->zone)
		return IN_ONE_ZONE;
	if (is_new(ep) || !near(ep, other) || !near(other, ep))
		return UNLIKE;
	return is_even(ep, other) ? EVEN : NEAR;
}

static bool has_peer(const struct endpoint_table *table, const struct endpoint *ep)
{
	return ep->peer && !(endpoint_at(table, ep->peer)->flags & EP_OVER);
}

/*
 * Two that are equally likely are not told apart: connections with the same tuple through two devices, which the kernel
 * numbers alike if they are opened at about the same time.
 */
uint32_t endpoint_table_find_peer(const struct endpoint_table *table, uint32_t place)
{
	const struct endpoint *ep = endpoint_at(table, place);
	uint32_t other = *tuple_head(table, hash_endpoint(ep)), found = 0;
	enum likeness most = UNLIKE;

	for (; other && most != CERTAIN; other = endpoint_at(table, other)->tuple_next) {
		const struct endpoint *peer = endpoint_at(table, other);
		enum likeness how = UNLIKE;

		if (other != place && is_between(peer, ep->daddr, ep->dport, ep->saddr, ep->sport) &&
		    !(peer->flags & EP_OVER))
			how = likeness(ep, peer);
		if (how != CERTAIN && has_peer(table, peer))
			continue;
		if (how > most)
			found = other;
		else if (how == most && how != IN_ONE_ZONE)
			found = 0;
		if (how > most)
			most = how;
	}
	return found;
}

/* ---- by the tuple alone ---- */

/* A tuple in a zone, for segments and listeners. */
struct sought {
	const uint8_t *saddr, *daddr;
	uint16_t sport, dport;
	struct zone zone;
};

static bool is_sought(const struct endpoint *ep, const struct sought *sought)
{
	return is_between(ep, sought->saddr, sought->sport, sought->daddr, sought->dport) &&
	       endpoint_netns(ep) == sought->zone.netns;
}

static inline bool is_on_device(const struct endpoint *ep, uint32_t ifindex)
{
	return zone_at(ep->zone)->ifindex == ifindex;
}

/*
 * A segment's record may have no device where the endpoint is bound to one, or the VRF where the endpoint is bound to
 * one of its devices. So without an endpoint on that device, it is the only one in the namespace. 0: none, or several.
 */
static uint32_t find_sought(const struct endpoint_table *table, const struct sought *sought, uint32_t place,
			    uint32_t unwanted)
{
	uint32_t found = 0, count = 0;

	for (; place; place = endpoint_at(table, place)->tuple_next) {
		const struct endpoint *ep = endpoint_at(table, place);

		if (!is_sought(ep, sought) || ep->flags & unwanted)
			continue;
		if (is_on_device(ep, sought->zone.ifindex))
			return place;
		found = place;
		count++;
	}
	return count == 1 ? found : 0;
}

uint32_t endpoint_table_find_peer_of(const struct endpoint_table *table, const struct tcptrace_record *record)
{
	const struct sought peer = {
		.saddr = record->daddr,
		.daddr = record->saddr,
		.sport = record->dport,
		.dport = record->sport,
		.zone = zone_of_record(record),
	};

	return find_sought(table, &peer, *tuple_head(table, hash_record(record)), 0);
}

uint32_t endpoint_table_find_tuple(const struct endpoint_table *table, const struct tcptrace_record *record)
{
	const struct sought same = {
		.saddr = record->saddr,
		.daddr = record->daddr,
		.sport = record->sport,
		.dport = record->dport,
		.zone = zone_of_record(record),
	};

	return find_sought(table, &same, *tuple_head(table, hash_record(record)), EP_OVER);
}

uint32_t endpoint_table_find_stale(const struct endpoint_table *table, uint32_t place)
{
	const struct endpoint *ep = endpoint_at(table, place);
	uint32_t other = *tuple_head(table, hash_endpoint(ep));

	for (; other; other = endpoint_at(table, other)->tuple_next) {
		const struct endpoint *old = endpoint_at(table, other);

		if (other != place && is_between(old, ep->saddr, ep->sport, ep->daddr, ep->dport) &&
		    old->zone == ep->zone && !(old->flags & EP_OVER))
			break;
	}
	return other;
}

/* One bound to the device is preferred to one on any device; what is bound to another device never receives its SYN. */
static uint32_t find_listening(const struct endpoint_table *table, const struct sought *sought)
{
	uint32_t place = *tuple_head(table, hash_tuple(sought->saddr, sought->sport, sought->daddr, sought->dport,
						       sought->zone.netns)), on_any = 0;

	for (; place; place = endpoint_at(table, place)->tuple_next) {
		const struct endpoint *ep = endpoint_at(table, place);

		if (!is_sought(ep, sought) || ep->state != TCPTRACE_S_LISTEN)
			continue;
		if (is_on_device(ep, sought->zone.ifindex))
			return place;
		if (!on_any && is_on_device(ep, 0))
			on_any = place;
	}
	return on_any;
}

/* One bound to the address is preferred to one on any address, and one of the same family to one of both. */
uint32_t endpoint_table_find_listener(const struct endpoint_table *table, const struct endpoint *ep)
{
	static const uint8_t any[TCPTRACE_ADDR_LEN], any_mapped[TCPTRACE_ADDR_LEN] = { [10] = 0xff, 0xff };
	const struct {
		const uint8_t *saddr, *daddr;
	} tuples[] = { { ep->saddr, any_mapped }, { ep->saddr, any }, { any_mapped, any_mapped }, { any, any } };
	uint32_t place = 0;
	size_t i;

	for (i = 0; i < sizeof(tuples) / sizeof(tuples[0]) && !place; i++)
		place = find_listening(table, &(struct sought){
			.saddr = tuples[i].saddr, .daddr = tuples[i].daddr, .sport = ep->sport, .zone = *zone_at(ep->zone) });
	return place;
}

void endpoint_table_pair(struct endpoint_table *table, uint32_t place, uint32_t peer)
{
	struct endpoint *ep = endpoint_at(table, place), *other = endpoint_at(table, peer);

	if (other->peer)
		endpoint_at(table, other->peer)->peer = 0;
	ep->peer = peer;
	other->peer = place;
}
