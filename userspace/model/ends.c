// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/ends.h"
#include "model/queue_stats.h"
#include "record/record.h"

#define BITS_FIRST	10
#define PER_HEAD	4u	/* ends on average in a chain before the heads are doubled */
/* How far apart two ends' numbers may lie that were looked at one after the other. */
#define SEQ_NEAR	(1u << 20)

/* Address space. MAP_FAILED: there is none. */
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

int ends_init(struct ends *ends, uint32_t max)
{
	memset(ends, 0, sizeof(*ends));
	ends->max = max;
	ends->bits = BITS_FIRST;
	ends->used = 1;
	ends->all = set_aside(max, sizeof(*ends->all));
	ends->ifindex = set_aside(max, sizeof(*ends->ifindex));
	ends->by_cookie = calloc(1u << ends->bits, sizeof(uint32_t));
	ends->by_tuple = calloc(1u << ends->bits, sizeof(uint32_t));
	if (ends->all != MAP_FAILED && ends->ifindex != MAP_FAILED && ends->by_cookie && ends->by_tuple)
		return 0;
	ends_exit(ends);
	return -ENOMEM;
}

/* With what lies beside the table. */
static void release(struct end *end)
{
	queue_stats_end(end);
	end_release(end);
}

void ends_exit(struct ends *ends)
{
	uint32_t place;

	for (place = 1; ends->all != MAP_FAILED && place < ends->used; place++)
		release(ends_at(ends, place));
	give_back(ends->all, ends->max, sizeof(*ends->all));
	give_back(ends->ifindex, ends->max, sizeof(*ends->ifindex));
	free(ends->by_cookie);
	free(ends->by_tuple);
}

/* ---- the indexes ---- */

/* The same from both sides. Listeners of any address are in many namespaces: of these it is another one in each. */
static inline uint64_t hash_tuple(const uint8_t *saddr, uint16_t sport, const uint8_t *daddr, uint16_t dport, uint32_t netns)
{
	return hash_16(saddr, sport) + hash_16(daddr, dport) + (dport ? 0 : hash_number(netns));
}

static inline uint64_t hash_end(const struct end *end)
{
	return hash_tuple(end->saddr, end->sport, end->daddr, end->dport, end->netns);
}

static inline uint64_t hash_record(const struct tcptrace_record *record)
{
	return hash_tuple(record->saddr, record->sport, record->daddr, record->dport, record->netns);
}

static inline uint32_t *tuple_head(const struct ends *ends, uint64_t hash)
{
	return &ends->by_tuple[hash_place(hash, ends->bits)];
}

enum index { BY_COOKIE, BY_TUPLE };

static inline uint32_t *head_of(const struct ends *ends, const struct end *end, enum index index)
{
	return index == BY_COOKIE ? ends_cookie_head(ends, end->cookie) : tuple_head(ends, hash_end(end));
}

static inline uint32_t *next_of(const struct ends *ends, uint32_t place, enum index index)
{
	struct end *end = ends_at(ends, place);

	return index == BY_COOKIE ? &end->cookie_next : &end->tuple_next;
}

/* Who came last is found first. */
static inline void push(const struct ends *ends, uint32_t *head, uint32_t place, enum index index)
{
	*next_of(ends, place, index) = *head;
	*head = place;
}

/* Takes it out of its chain, where it is. */
static inline void pull(const struct ends *ends, uint32_t place, enum index index)
{
	uint32_t *link = head_of(ends, ends_at(ends, place), index);

	while (*link != place)
		link = next_of(ends, *link, index);
	*link = *next_of(ends, place, index);
}

/* Into the new heads, in the order that they had: backwards, and that once more. */
static void move(const struct ends *ends, uint32_t place, enum index index)
{
	uint32_t backwards = 0, next;

	for (; place; place = next) {
		next = *next_of(ends, place, index);
		push(ends, &backwards, place, index);
	}
	for (; backwards; backwards = next) {
		next = *next_of(ends, backwards, index);
		push(ends, head_of(ends, ends_at(ends, backwards), index), backwards, index);
	}
}

/* Without memory for more heads the chains get longer, that is all. */
static void grow(struct ends *ends)
{
	uint32_t *old_cookie = ends->by_cookie, *old_tuple = ends->by_tuple, old_count = 1u << ends->bits, i;
	uint32_t *by_cookie = calloc(2 * old_count, sizeof(uint32_t));
	uint32_t *by_tuple = calloc(2 * old_count, sizeof(uint32_t));

	if (!by_cookie || !by_tuple) {
		free(by_cookie);
		free(by_tuple);
		return;
	}
	ends->by_cookie = by_cookie;
	ends->by_tuple = by_tuple;
	ends->bits++;
	for (i = 0; i < old_count; i++) {
		move(ends, old_cookie[i], BY_COOKIE);
		move(ends, old_tuple[i], BY_TUPLE);
	}
	free(old_cookie);
	free(old_tuple);
}

/* ---- room ---- */

/* There is one: `count` is below `max`. */
static uint32_t take_place(struct ends *ends)
{
	uint32_t place = ends->free;

	if (!place)
		return ends->used++;
	ends->free = ends_at(ends, place)->cookie_next;
	return place;
}

/* Are there as many as may be in this chain? */
static bool is_crowded(const struct ends *ends, uint32_t place)
{
	uint32_t count;

	if (ends->count < ENDS_ALIKE)
		return false;
	for (count = 1; place && count < ENDS_ALIKE; count++)
		place = ends_at(ends, place)->tuple_next;
	return place;
}

uint32_t ends_add(struct ends *ends, const struct tcptrace_record *record)
{
	uint64_t hash = hash_record(record);
	uint32_t place;

	if (ends->count == ends->max || is_crowded(ends, *tuple_head(ends, hash)))
		return 0;
	place = take_place(ends);
	ends_name(ends_at(ends, place), record);
	if (++ends->count > PER_HEAD << ends->bits)
		grow(ends);
	push(ends, ends_cookie_head(ends, record->cookie), place, BY_COOKIE);
	push(ends, tuple_head(ends, hash), place, BY_TUPLE);
	ends_bind(ends, ends_at(ends, place), record->ifindex);
	return place;
}

void ends_remove(struct ends *ends, uint32_t place)
{
	struct end *end = ends_at(ends, place);

	pull(ends, place, BY_COOKIE);
	pull(ends, place, BY_TUPLE);
	if (end->peer)
		ends_at(ends, end->peer)->peer = 0;
	end->cookie = 0;
	release(end);
	end->cookie_next = ends->free;
	ends->free = place;
	ends->count--;
}

/* ---- two ends, one connection ---- */

static inline bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, TCPTRACE_ADDR_LEN);
}

/* Its own side comes first. */
static inline bool is_between(const struct end *end, const uint8_t *saddr, uint16_t sport, const uint8_t *daddr, uint16_t dport)
{
	return end->sport == sport && end->dport == dport && same(end->saddr, saddr) && same(end->daddr, daddr);
}

/* What one end has sent lies where the other one has received. */
static bool near(const struct end *from, const struct end *to)
{
	return to->rcv_nxt - (from->snd_una - SEQ_NEAR) <=
	       (from->snd_nxt - from->snd_una) + 2 * SEQ_NEAR;
}

static bool is_new(const struct end *end)
{
	return end->state == TCPTRACE_S_SYN_SENT || end->state == TCPTRACE_S_SYN_RECV;
}

/*
 * The tuple fits, but there may be another connection with it: an older one, or one in another
 * namespace. The initial sequence numbers decide where both sides' are known.
 */
static bool fits(const struct end *end, const struct end *other)
{
	bool out = end->flags & END_ISS && other->flags & END_IRS;
	bool in = end->flags & END_IRS && other->flags & END_ISS;

	if ((out && end->iss != other->irs) || (in && end->irs != other->iss))
		return false;
	if (out || in)
		return true;
	if (is_new(end) != is_new(other))
		return false;
	if (end->netns == other->netns)
		return true;
	return !is_new(end) && near(end, other) && near(other, end);
}

uint32_t ends_find_peer(const struct ends *ends, uint32_t place)
{
	const struct end *end = ends_at(ends, place);
	uint32_t other = *tuple_head(ends, hash_end(end));

	for (; other; other = ends_at(ends, other)->tuple_next) {
		const struct end *peer = ends_at(ends, other);

		if (other != place && is_between(peer, end->daddr, end->dport, end->saddr, end->sport) &&
		    !(peer->flags & END_OVER) && fits(end, peer))
			break;
	}
	return other;
}

uint32_t ends_find_peer_of(const struct ends *ends, const struct tcptrace_record *record)
{
	uint32_t other = *tuple_head(ends, hash_record(record));

	for (; other; other = ends_at(ends, other)->tuple_next) {
		const struct end *peer = ends_at(ends, other);

		if (is_between(peer, record->daddr, record->dport, record->saddr, record->sport) &&
		    peer->netns == record->netns)
			break;
	}
	return other;
}

uint32_t ends_find_of(const struct ends *ends, const struct tcptrace_record *record)
{
	uint32_t place = *tuple_head(ends, hash_record(record));

	for (; place; place = ends_at(ends, place)->tuple_next) {
		const struct end *end = ends_at(ends, place);

		if (is_between(end, record->saddr, record->sport, record->daddr, record->dport) &&
		    end->netns == record->netns && !(end->flags & END_OVER))
			break;
	}
	return place;
}

uint32_t ends_find_stale(const struct ends *ends, uint32_t place)
{
	const struct end *end = ends_at(ends, place);
	uint32_t other = *tuple_head(ends, hash_end(end));

	for (; other; other = ends_at(ends, other)->tuple_next) {
		const struct end *old = ends_at(ends, other);

		if (other != place && is_between(old, end->saddr, end->sport, end->daddr, end->dport) &&
		    old->netns == end->netns && !(old->flags & END_OVER))
			break;
	}
	return other;
}

/* One of the address is asked before one of any, and that of its family before that of both. */
uint32_t ends_find_listener(const struct ends *ends, const struct end *end)
{
	static const uint8_t any[TCPTRACE_ADDR_LEN], any_mapped[TCPTRACE_ADDR_LEN] = { [10] = 0xff, 0xff };
	const struct {
		const uint8_t *saddr, *daddr;
	} tuples[] = { { end->saddr, any_mapped }, { end->saddr, any }, { any_mapped, any_mapped }, { any, any } };
	size_t i;

	for (i = 0; i < sizeof(tuples) / sizeof(tuples[0]); i++) {
		uint32_t place = *tuple_head(ends, hash_tuple(tuples[i].saddr, end->sport, tuples[i].daddr, 0,
									end->netns));

		for (; place; place = ends_at(ends, place)->tuple_next) {
			const struct end *listener = ends_at(ends, place);

			if (is_between(listener, tuples[i].saddr, end->sport, tuples[i].daddr, 0) &&
			    listener->netns == end->netns && listener->state == TCPTRACE_S_LISTEN)
				return place;
		}
	}
	return 0;
}

void ends_pair(struct ends *ends, uint32_t place, uint32_t peer)
{
	struct end *end = ends_at(ends, place), *other = ends_at(ends, peer);

	if (other->peer)
		ends_at(ends, other->peer)->peer = 0;
	end->peer = peer;
	other->peer = place;
}
