// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ports.h"
#include "record.h"

#define SYSCTL	"/proc/sys/net/ipv4/"

struct ports {
	const struct ports_range *range;
	struct ports_peer *peers;
	uint32_t count, room;
	uint32_t *places;		/* 1 + number of a peer by hash, 0: free; 2 * room of them, a power of two */
	uint8_t listens[(UINT16_MAX + 1) / 8];
};

/* ---- net.ipv4 ---- */

static bool read_line(const char *name, char *line, size_t size)
{
	FILE *file = fopen(name, "r");
	bool read = file && fgets(line, size, file);

	if (file)
		fclose(file);
	return read;
}

/* "8080,9148-9200": how many of these are in the range. */
static uint32_t count_reserved(const struct ports_range *range, char *list)
{
	unsigned int from, to;
	uint32_t count = 0;
	char *part, *rest;

	for (part = strtok_r(list, ",\n", &rest); part; part = strtok_r(NULL, ",\n", &rest)) {
		int numbers = sscanf(part, "%u-%u", &from, &to);

		if (numbers < 1)
			continue;
		if (numbers == 1)
			to = from;
		if (from < range->lowest)
			from = range->lowest;
		if (to > range->highest)
			to = range->highest;
		if (to >= from)
			count += to - from + 1;
	}
	return count;
}

void ports_range_read(struct ports_range *range)
{
	static char line[65536];
	unsigned int lowest, highest;

	if (!read_line(SYSCTL "ip_local_port_range", line, sizeof(line)) ||
	    sscanf(line, "%u %u", &lowest, &highest) != 2)
		return;
	range->lowest = lowest;
	range->highest = highest;
	range->known = true;
	if (read_line(SYSCTL "ip_local_reserved_ports", line, sizeof(line)))
		range->reserved = count_reserved(range, line);
	if (read_line(SYSCTL "tcp_timestamps", line, sizeof(line)))
		range->timestamps = atoi(line);
	if (read_line(SYSCTL "tcp_tw_reuse", line, sizeof(line)))
		range->reuse = atoi(line);
}

/* ---- the peers ---- */

struct ports *ports_new(const struct ports_range *range)
{
	struct ports *ports = calloc(1, sizeof(*ports));

	if (ports)
		ports->range = range;
	return ports;
}

void ports_free(struct ports *ports)
{
	if (!ports)
		return;
	free(ports->peers);
	free(ports->places);
	free(ports);
}

static bool same(const struct ports_peer *a, const struct ports_peer *b)
{
	return a->dport == b->dport && a->netns == b->netns && a->family == b->family &&
	       !memcmp(a->saddr, b->saddr, sizeof(a->saddr)) && !memcmp(a->daddr, b->daddr, sizeof(a->daddr));
}

/* Where it is, or would be. */
static uint32_t *place_of(const struct ports *ports, const struct ports_peer *peer)
{
	uint32_t mask = 2 * ports->room - 1, at;
	uint64_t words[4], hash = peer->dport;
	int i;

	memcpy(words, peer->saddr, sizeof(peer->saddr));
	memcpy(words + 2, peer->daddr, sizeof(peer->daddr));
	for (i = 0; i < 4; i++)
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
	for (at = hash >> 32 & mask; ports->places[at]; at = (at + 1) & mask)
		if (same(&ports->peers[ports->places[at] - 1], peer))
			break;
	return &ports->places[at];
}

static int grow(struct ports *ports)
{
	uint32_t room = ports->room ? 2 * ports->room : 64, i;
	struct ports_peer *peers = reallocarray(ports->peers, room, sizeof(*peers));
	uint32_t *places = calloc(2 * (size_t)room, sizeof(*places));

	if (peers)
		ports->peers = peers;
	if (!peers || !places) {
		free(places);
		return -ENOMEM;
	}
	free(ports->places);
	ports->places = places;
	ports->room = room;
	for (i = 0; i < ports->count; i++)
		*place_of(ports, &peers[i]) = i + 1;
	return 0;
}

static void listen_at(struct ports *ports, uint16_t port)
{
	ports->listens[port / 8] |= 1u << port % 8;
}

/*
 * Only who connected takes a port of the range. A connection that came to a listener's port did not; listeners are the
 * first in a snapshot. A request has its listener's port.
 */
static bool takes_port(const struct ports *ports, const struct tcptrace_record *record)
{
	return record->dport && record->kind != TCPTRACE_K_REQUEST && record->sport >= ports->range->lowest &&
	       record->sport <= ports->range->highest && !(ports->listens[record->sport / 8] & 1u << record->sport % 8);
}

int ports_add(struct ports *ports, const struct tcptrace_record *record)
{
	struct ports_peer peer = { .netns = record->netns, .dport = record->dport, .family = record->family };
	uint32_t *place;

	if (record_listens(record))
		listen_at(ports, record->sport);
	if (!takes_port(ports, record))
		return 0;
	memcpy(peer.saddr, record->saddr, sizeof(peer.saddr));
	memcpy(peer.daddr, record->daddr, sizeof(peer.daddr));
	if (ports->count == ports->room && grow(ports))
		return -ENOMEM;
	place = place_of(ports, &peer);
	if (!*place) {
		ports->peers[ports->count++] = peer;
		*place = ports->count;
	}
	ports->peers[*place - 1].used++;
	ports->peers[*place - 1].timewait += record->new_state == TCPTRACE_S_TIME_WAIT;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct ports_peer *left = a, *right = b;
	int order;

	if (left->used != right->used)
		return left->used > right->used ? -1 : 1;
	order = memcmp(left->saddr, right->saddr, sizeof(left->saddr));
	if (!order)
		order = memcmp(left->daddr, right->daddr, sizeof(left->daddr));
	return order ? order : (int)left->dport - right->dport;
}

uint32_t ports_peers(struct ports *ports, const struct ports_peer **peers)
{
	if (ports->count)
		qsort(ports->peers, ports->count, sizeof(*ports->peers), compare);
	*peers = ports->peers;
	return ports->count;
}

uint32_t ports_left(const struct ports_range *range, const struct ports_peer *peer)
{
	uint32_t all = range->highest - range->lowest + 1 - range->reserved;

	/* One that was bound by hand may be a reserved one. */
	return peer->used < all ? all - peer->used : 0;
}

static bool is_loopback(const struct ports_peer *peer)
{
	static const uint8_t v6[TCPTRACE_ADDR_LEN] = { [15] = 1 };
	static const uint8_t mapped[13] = { [10] = 0xff, 0xff, 127 };

	return !memcmp(peer->daddr, mapped, sizeof(mapped)) || !memcmp(peer->daddr, v6, sizeof(v6)) ||
	       !memcmp(peer->saddr, mapped, sizeof(mapped)) || !memcmp(peer->saddr, v6, sizeof(v6));
}

uint32_t ports_reusable(const struct ports_range *range, const struct ports_peer *peer)
{
	if (!range->timestamps || !range->reuse || (range->reuse == 2 && !is_loopback(peer)))
		return 0;
	return peer->timewait;
}
