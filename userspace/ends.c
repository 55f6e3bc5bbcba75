// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "ends.h"
#include "flow.h"
#include "record.h"

#define BITS_FIRST	10
#define PER_HEAD	4u	/* ends on average in a chain before the heads are doubled */
/* How far apart two ends' numbers may lie that were looked at one after the other. */
#define SEQ_NEAR	(1u << 20)

int ends_init(struct ends *ends, uint32_t max)
{
	memset(ends, 0, sizeof(*ends));
	ends->max = max;
	ends->bits = BITS_FIRST;
	ends->used = 1;
	ends->all = mmap(NULL, ((size_t)max + 1) * sizeof(struct end), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ends->by_cookie = calloc(1u << ends->bits, sizeof(uint32_t));
	ends->by_tuple = calloc(1u << ends->bits, sizeof(uint32_t));
	if (getrandom(&ends->salt, sizeof(ends->salt), GRND_NONBLOCK) != sizeof(ends->salt))
		ends->salt = time(NULL) * ENDS_MULTIPLIER;
	ends->salt |= 1;
	if (ends->all != MAP_FAILED && ends->by_cookie && ends->by_tuple)
		return 0;
	ends_exit(ends);
	return -ENOMEM;
}

/* With what lies beside the table. */
static void release(struct end *end)
{
	flow_end(end);
	end_release(end);
}

void ends_exit(struct ends *ends)
{
	uint32_t place;

	for (place = 1; ends->all != MAP_FAILED && place < ends->used; place++)
		release(ends_at(ends, place));
	if (ends->all != MAP_FAILED)
		munmap(ends->all, ((size_t)ends->max + 1) * sizeof(struct end));
	free(ends->by_cookie);
	free(ends->by_tuple);
}

/* ---- the indexes ---- */

static inline uint64_t hash_half(const struct ends *ends, const uint8_t *address, uint16_t port)
{
	uint64_t words[2], hash;

	memcpy(words, address, sizeof(words));
	hash = (words[1] ^ port) * ends->salt;
	hash ^= hash >> 32;
	return (hash ^ words[0]) * ENDS_MULTIPLIER;
}

/* The same from both sides. */
static inline uint32_t hash_tuple(const struct ends *ends, const uint8_t *saddr, uint16_t sport,
				  const uint8_t *daddr, uint16_t dport)
{
	uint64_t hash = hash_half(ends, saddr, sport) + hash_half(ends, daddr, dport);

	hash ^= hash >> 29;
	return hash * ENDS_MULTIPLIER >> (64 - ends->bits);
}

static inline uint32_t *tuple_head(const struct ends *ends, const struct end *end)
{
	return &ends->by_tuple[hash_tuple(ends, end->saddr, end->sport, end->daddr, end->dport)];
}

static void link_end(struct ends *ends, uint32_t place)
{
	struct end *end = ends_at(ends, place);
	uint32_t *by_cookie = &ends->by_cookie[ends_hash_cookie(ends, end->cookie)];
	uint32_t *by_tuple = tuple_head(ends, end);

	end->cookie_next = *by_cookie;
	*by_cookie = place;
	end->tuple_next = *by_tuple;
	*by_tuple = place;
}

/* Without memory for more heads the chains get longer, that is all. */
static void grow(struct ends *ends)
{
	uint32_t *old = ends->by_cookie, old_count = 1u << ends->bits, i;
	uint32_t *by_cookie = calloc(2 * old_count, sizeof(uint32_t));
	uint32_t *by_tuple = calloc(2 * old_count, sizeof(uint32_t));

	if (!by_cookie || !by_tuple) {
		free(by_cookie);
		free(by_tuple);
		return;
	}
	free(ends->by_tuple);
	ends->by_cookie = by_cookie;
	ends->by_tuple = by_tuple;
	ends->bits++;
	for (i = 0; i < old_count; i++) {
		uint32_t place = old[i];

		while (place) {
			uint32_t next = ends_at(ends, place)->cookie_next;

			link_end(ends, place);
			place = next;
		}
	}
	free(old);
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

uint32_t ends_add(struct ends *ends, const struct tcptrace_record *record)
{
	uint32_t place = ends->count < ends->max ? take_place(ends) : 0;
	struct end *end = ends_at(ends, place);

	if (!place)
		return 0;
	ends_name(end, record);
	if (++ends->count > PER_HEAD << ends->bits)
		grow(ends);
	link_end(ends, place);
	return place;
}

void ends_remove(struct ends *ends, uint32_t place)
{
	struct end *end = ends_at(ends, place);
	uint32_t *link;

	for (link = &ends->by_cookie[ends_hash_cookie(ends, end->cookie)]; *link != place;)
		link = &ends_at(ends, *link)->cookie_next;
	*link = end->cookie_next;
	for (link = tuple_head(ends, end); *link != place;)
		link = &ends_at(ends, *link)->tuple_next;
	*link = end->tuple_next;
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
	uint32_t other = *tuple_head(ends, end);

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
	uint32_t other = ends->by_tuple[hash_tuple(ends, record->saddr, record->sport,
						   record->daddr, record->dport)];

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
	uint32_t place = ends->by_tuple[hash_tuple(ends, record->saddr, record->sport,
						   record->daddr, record->dport)];

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
	uint32_t other = *tuple_head(ends, end);

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
		uint32_t place = ends->by_tuple[hash_tuple(ends, tuples[i].saddr, end->sport, tuples[i].daddr, 0)];

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
