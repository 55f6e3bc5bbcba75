// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets in pcapng format (draft-ietf-opsawg-pcapng): the IP and TCP headers as far as a record has them, without
 * data. A segment between two sockets of one network namespace is one packet, as on its loopback device.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/map.h"
#include "record/device.h"
#include "record/names.h"
#include "record/record.h"
#include "record/tcp_flags.h"
#include "version.h"
#include "view/export/export.h"
#include "view/print_summary.h"
#include "view/text/timeline.h"

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
enum { OPTION_END, OPTION_COMMENT };
enum { SECTION_OS = 3, SECTION_PROGRAM = 4 };
enum { INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };
enum { PACKET_FLAGS = 2, PACKET_DROPPED = 4 };
enum { STATISTICS_RECEIVED = 4, STATISTICS_DROPPED = 5 };
enum { PACKET_IN = 1, PACKET_OUT = 2 };

#define BYTE_ORDER_MAGIC	0x1a2b3c4d
#define LINKTYPE_RAW		101
#define PIECES_MAX		(524280 / 88)
#define SENT_BITS		12	/* the last so many packets that were sent from this host are remembered */

struct interface {
	struct zone zone;
	uint32_t number;
	uint64_t packets;
};

struct pcapng {
	struct export export;
	struct session *session;
	struct interface **interfaces;
	uint32_t count;
	size_t room;
	struct map by_zone;		/* the same */
	struct interface *last;		/* the last one found; NULL: none yet */
	uint64_t dropped;		/* records lost since the last packet */
	uint64_t sent[1 << SENT_BITS];	/* identity() of packets */
};

/* ---- blocks ---- */

static char *put_16(char *p, uint16_t value)
{
	return put_mem(p, &value, sizeof(value));
}

static char *put_32(char *p, uint32_t value)
{
	return put_mem(p, &value, sizeof(value));
}

static char *put_padded(char *p, const void *data, size_t size)
{
	p = put_mem(p, data, size);
	return put_mem(p, "\0\0\0", -size & 3);
}

static char *put_option(char *p, uint16_t code, const void *value, size_t size)
{
	p = put_16(p, code);
	p = put_16(p, size);
	return put_padded(p, value, size);
}

static char *put_option_64(char *p, uint16_t code, uint64_t value)
{
	return put_option(p, code, &value, sizeof(value));
}

/* In units of the interface's timestamp resolution. */
static char *put_time(char *p, uint64_t ns)
{
	p = put_32(p, ns >> 32);
	return put_32(p, ns);
}

/* Fills in the length after the type, and repeats it at the end. */
static char *begin_block(struct out *out, uint32_t type)
{
	return put_32(out_room(out), type) + sizeof(uint32_t);
}

static void end_block(struct out *out, char *p)
{
	char *start = out_room(out);
	uint32_t length;

	p = put_32(p, OPTION_END);
	length = p + sizeof(length) - start;
	memcpy(start + sizeof(uint32_t), &length, sizeof(length));
	out_done(out, put_32(p, length));
}

static void put_section(struct pcapng *pcapng)
{
	static const char program[] = "tcptrace-ctl " TCPTRACE_VERSION;
	const struct source *source = pcapng->session->source;
	struct out *out = &pcapng->session->out;
	char os[sizeof("Linux ") + SAFE_TEXT_GROWTH * sizeof(source->release)], *p;

	p = begin_block(out, BLOCK_SECTION);
	p = put_32(p, BYTE_ORDER_MAGIC);
	p = put_16(p, 1);
	p = put_16(p, 0);
	/* The length of the section is not known yet. */
	p = put_32(p, UINT32_MAX);
	p = put_32(p, UINT32_MAX);
	p = put_option(p, SECTION_PROGRAM, program, sizeof(program) - 1);
	if (source->release[0])
		p = put_option(p, SECTION_OS, os,
			       put_safe(put_text(os, "Linux "), source->release, sizeof(source->release)) - os);
	end_block(out, p);
}

/* Two interfaces may have the same addresses and ports, so each device of bound sockets is one. */
static char *put_zone(char *p, const struct zone *zone)
{
	p = put_u64(put_text(p, "netns "), zone->netns);
	if (!zone->ifindex)
		return p;
	*p++ = ' ';
	return put_device(p, zone);
}

static void put_interface(struct pcapng *pcapng, const struct zone *zone)
{
	static const uint8_t nanoseconds = 9;
	struct out *out = &pcapng->session->out;
	char name[32 + DEVICE_TEXT_MAX], *p = begin_block(out, BLOCK_INTERFACE);

	p = put_16(p, LINKTYPE_RAW);
	p = put_16(p, 0);
	p = put_32(p, 0);
	p = put_option(p, INTERFACE_NAME, name, put_zone(name, zone) - name);
	p = put_option(p, INTERFACE_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	end_block(out, p);
}

/* NULL: no memory. */
static struct interface *add_interface(struct pcapng *pcapng, const struct zone *zone)
{
	struct interface *interface = calloc(1, sizeof(*interface));

	if (interface)
		interface->zone = *zone;
	if (!interface || !array_reserve(pcapng->interfaces, pcapng->room, pcapng->count + 1u) ||
	    !map_put(&pcapng->by_zone, zone_key(zone), interface)) {
		free(interface);
		return NULL;
	}
	interface->number = pcapng->count;
	pcapng->interfaces[pcapng->count++] = interface;
	put_interface(pcapng, zone);
	return interface;
}

/* The interface that stands for this namespace, or for a device in it. NULL: no memory. */
static struct interface *interface_of(struct pcapng *pcapng, const struct zone *zone)
{
	if (!pcapng->last || zone_key(&pcapng->last->zone) != zone_key(zone))
		pcapng->last = map_get(&pcapng->by_zone, zone_key(zone)) ?: add_interface(pcapng, zone);
	return pcapng->last;
}

/* ---- headers ---- */

struct packet {
	const struct tcptrace_record *record;
	const struct tcptrace_segment *segment;
	const uint8_t *from, *to;
	uint16_t from_port, to_port;
	bool out;
};

static void packet_of(struct packet *packet, const struct tcptrace_record *record)
{
	bool out = record->type == TCPTRACE_T_RESET || record->u.segment.out;

	*packet = (struct packet){
		.record = record,
		.segment = &record->u.segment,
		.from = out ? record->saddr : record->daddr,
		.to = out ? record->daddr : record->saddr,
		.from_port = out ? record->sport : record->dport,
		.to_port = out ? record->dport : record->sport,
		.out = out,
	};
}

static uint16_t checksum(const void *header, size_t size)
{
	const uint16_t *word = header;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < size / sizeof(*word); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* A length that does not fit is 0: it is not known how the segment was divided. */
static uint16_t short_length(uint32_t length)
{
	return length <= UINT16_MAX ? htons(length) : 0;
}

/* `length`: of what follows. A mapped address is IPv4 on the wire. */
static char *put_ip(char *p, const struct packet *packet, uint32_t length)
{
	struct ip6_hdr six = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = short_length(length),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = IPDEFTTL,
	};
	struct iphdr four = {
		.version = IPVERSION,
		.ihl = sizeof(four) / 4,
		.tot_len = short_length(sizeof(four) + length),
		.frag_off = htons(IP_DF),
		.ttl = IPDEFTTL,
		.protocol = IPPROTO_TCP,
	};

	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)packet->from)) {
		memcpy(&four.saddr, packet->from + 12, sizeof(four.saddr));
		memcpy(&four.daddr, packet->to + 12, sizeof(four.daddr));
		four.check = checksum(&four, sizeof(four));
		return put_mem(p, &four, sizeof(four));
	}
	memcpy(&six.ip6_src, packet->from, sizeof(six.ip6_src));
	memcpy(&six.ip6_dst, packet->to, sizeof(six.ip6_dst));
	return put_mem(p, &six, sizeof(six));
}

/* The known options; of SACK blocks, the first. Others, such as timestamps, are missing. */
static char *put_tcp_options(char *p, const struct tcptrace_segment *segment)
{
	const uint8_t mss[] = { TCPOPT_MAXSEG, TCPOLEN_MAXSEG, segment->mss >> 8, segment->mss };
	const uint8_t wscale[] = { TCPOPT_NOP, TCPOPT_WINDOW, TCPOLEN_WINDOW, segment->wscale - 1 };
	const uint8_t sack[] = { TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, 2 + 2 * sizeof(uint32_t) };

	if (segment->mss)
		p = put_mem(p, mss, sizeof(mss));
	if (segment->wscale)
		p = put_mem(p, wscale, sizeof(wscale));
	if (!segment->sacks)
		return p;
	p = put_mem(p, sack, sizeof(sack));
	p = put_32(p, htonl(segment->sack_from));
	return put_32(p, htonl(segment->sack_to));
}

/* The checksum would need the data: 0, as if the device had to compute it. */
static char *put_headers(char *p, const struct packet *packet)
{
	const struct tcptrace_segment *segment = packet->segment;
	char options[40];
	size_t size = put_tcp_options(options, segment) - options;
	struct tcphdr tcp = {
		.th_sport = htons(packet->from_port),
		.th_dport = htons(packet->to_port),
		.th_seq = htonl(segment->seq),
		.th_ack = htonl(segment->ack),
		.th_off = (sizeof(tcp) + size) / 4,
		.th_flags = segment->flags,
		.th_win = htons(segment->window),
	};

	p = put_ip(p, packet, sizeof(tcp) + size + segment->len);
	p = put_mem(p, &tcp, sizeof(tcp));
	return put_mem(p, options, size);
}

/* ---- packets ---- */

/*
 * Never 0. The same for sender and receiver if the segment was not changed on its way. Does not use hash.h: with random
 * salts, different packets would be forgotten in each run.
 */
static uint64_t identity(const struct packet *packet)
{
	const struct tcptrace_segment *segment = packet->segment;
	uint64_t words[] = {
		0, 0, 0, 0,
		packet->record->netns | (uint64_t)segment->flags << 32,
		packet->from_port | (uint32_t)packet->to_port << 16 | (uint64_t)segment->len << 32,
		segment->seq | (uint64_t)segment->ack << 32,
	}, hash = 1;
	size_t i;

	memcpy(words, packet->from, TCPTRACE_ADDR_LEN);
	memcpy(words + 2, packet->to, TCPTRACE_ADDR_LEN);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = (hash ^ words[i] ^ hash >> 29) * 0x9e3779b97f4a7c15ull;
	return hash ? hash : 1;
}

/* Of the record's endpoint: "nc/202, ESTABLISHED, Recv-Q 0, Send-Q 14". */
static size_t comment(char *text, const struct step *step)
{
	const struct tcptrace_record *record = step->record;
	char *p = text;

	if (step->pid) {
		p = put_process(p, step->pid, step->comm);
		p = put_text(p, ", ");
	}
	p = put_string(p, state_name(record->new_state));
	if (record_full(record)) {
		p = put_u64(put_text(p, ", Recv-Q "), record_recvq(record));
		p = put_u64(put_text(p, ", Send-Q "), record_sendq(record));
	}
	return p - text;
}

static void put_packet(struct pcapng *pcapng, const struct packet *packet, const struct step *step)
{
	struct out *out = &pcapng->session->out;
	const struct zone zone = zone_of_record(packet->record);
	struct interface *interface = interface_of(pcapng, &zone);
	uint32_t flags = packet->out ? PACKET_OUT : PACKET_IN;
	char headers[128], text[PROCESS_TEXT_MAX + 80], *p;
	size_t size = put_headers(headers, packet) - headers;

	if (!interface) {
		pcapng->export.error = -ENOMEM;
		return;
	}
	interface->packets++;
	p = begin_block(out, BLOCK_PACKET);
	p = put_32(p, interface->number);
	p = put_time(p, packet->record->time + pcapng->session->source->realtime);
	p = put_32(p, size);
	p = put_32(p, packet->segment->len < UINT32_MAX - size ? size + packet->segment->len : UINT32_MAX);
	p = put_padded(p, headers, size);
	if (packet->record->kind != TCPTRACE_K_NONE)
		p = put_option(p, OPTION_COMMENT, text, comment(text, step));
	p = put_option(p, PACKET_FLAGS, &flags, sizeof(flags));
	if (pcapng->dropped)
		p = put_option_64(p, PACKET_DROPPED, pcapng->dropped);
	pcapng->dropped = 0;
	end_block(out, p);
}

/*
 * Divides by the MSS, as tcp_gso_segment() does. A segment that would become more packets than the largest possible one
 * (GSO_MAX_SIZE) at the smallest MSS (TCP_MIN_MSS) is not real, and stays one packet: a damaged record must not fill
 * the disk.
 */
static uint32_t piece_size(const struct packet *packet)
{
	uint32_t mss = packet->record->mss;

	return mss && packet->segment->len / mss <= PIECES_MAX ? mss : 0;
}

/* Too long for the length field of an IP header: more than one packet. */
static void put_segment(struct pcapng *pcapng, struct packet *packet, const struct step *step)
{
	const struct tcptrace_segment *whole = packet->segment;
	struct tcptrace_segment piece = *whole;
	uint32_t left = whole->len;
	uint32_t size = left + sizeof(struct iphdr) + sizeof(struct tcphdr) > UINT16_MAX ? piece_size(packet) : 0;

	packet->segment = &piece;
	do {
		piece.len = size && size < left ? size : left;
		left -= piece.len;
		piece.flags = whole->flags;
		if (left)
			piece.flags &= ~(TH_FIN | TH_PUSH);
		if (piece.seq != whole->seq)
			piece.flags &= ~TH_CWR;
		put_packet(pcapng, packet, step);
		piece.seq += piece.len;
	} while (left);
}

/* ---- the view ---- */

static int begin(void *arg, struct session *session)
{
	struct pcapng *pcapng = arg;

	pcapng->session = session;
	put_section(pcapng);
	return 0;
}

/* A RST that belongs to no connection has no other record. */
static bool is_packet(const struct tcptrace_record *record)
{
	return record->type == TCPTRACE_T_SEGMENT ||
	       (record->type == TCPTRACE_T_RESET && record->op == TCPTRACE_OP_REPLIED);
}

static void on_step(void *arg, const struct step *step)
{
	struct pcapng *pcapng = arg;
	struct packet packet;
	uint64_t *sent, own;

	if (!is_packet(step->record) || !session_wants_state(pcapng->session, step->new_state))
		return;
	packet_of(&packet, step->record);
	own = identity(&packet);
	sent = &pcapng->sent[own >> (64 - SENT_BITS)];
	/* What was sent from this host is already exported; a received segment may be several that were joined. */
	if (!packet.out && (step->peer || *sent == own))
		return;
	if (packet.out)
		*sent = own;
	put_segment(pcapng, &packet, step);
}

static void on_lost(void *arg, const struct tcptrace_record *record)
{
	struct pcapng *pcapng = arg;

	pcapng->dropped += record_lost(&record->u.lost);
}

static void end(void *arg, uint64_t time)
{
	struct pcapng *pcapng = arg;
	struct out *out = &pcapng->session->out;
	struct tcptrace_lost lost = { 0 };
	uint32_t i;

	source_losses(pcapng->session->source, &lost);
	for (i = 0; i < pcapng->count; i++) {
		char *p = begin_block(out, BLOCK_STATISTICS);

		p = put_32(p, i);
		p = put_time(p, time + pcapng->session->source->realtime);
		p = put_option_64(p, STATISTICS_RECEIVED, pcapng->interfaces[i]->packets);
		/* It is not known to which interface they belonged. */
		p = put_option_64(p, STATISTICS_DROPPED, record_lost(&lost));
		end_block(out, p);
		free(pcapng->interfaces[i]);
	}
	free(pcapng->interfaces);
	map_exit(&pcapng->by_zone);
}

static const struct session_view view = {
	.summary = print_summary,
	.level = TCPTRACE_L_SEGMENT,
	.level_filtered = TCPTRACE_L_SEGMENT,
	.summary_apart = true,
	.begin = begin,
	.step = on_step,
	.lost = on_lost,
	.end = end,
};

const struct export_format export_pcapng = {
	.name = "pcapng",
	.size = sizeof(struct pcapng),
	.binary = true,
	.view = &view,
};
