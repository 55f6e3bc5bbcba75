// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host behind a TUN device that sends TCP segments by order: half a handshake, an early FIN, a RST in any state. It
 * has no state machine, only the two sequence numbers of one connection; answers are those of orders.h.
 *
 *	ports OWN [PEER]	the connection of the following orders; PEER 0: whoever sends next
 *	send FLAGS [BYTES]	one segment: FLAGS are letters of SFRA; "ok SEQ"
 *	again			the last one once more
 *	expect FLAGS [BYTES]	waits for a segment with these flags and that many bytes, skipping others;
 *				from then on it is acknowledged: "ok SEQ"
 *	unreachable CODE [MTU]	an ICMP error of type 3 for the segment that was expected last: "ok 0"
 *	silence			no segment of the connection is waiting to be read: "ok 0", else "ok" and their number
 *	seq BYTES		advances the next sequence number
 *	ack BYTES		advances the acknowledged number
 *	window BYTES		the announced window
 *	sacks			SYNs from now on permit SACK
 *	sack FROM TO		a block for the next segment, in bytes from its ack; before that: DSACK
 *	flood PORT COUNT	that many SYNs to PORT, each from another address and port
 *
 * The device is wire0; this host is 10.7.0.2, the test sets the kernel's address on it. No other options are sent, so
 * there are no timestamps, and the MSS is 536.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "orders.h"

#define THEIRS	0x0a070001
#define OURS	0x0a070002
#define BYTES	1000

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char rest[2000];
} __attribute__((packed));

static int tun;
static uint16_t own_port, peer_port, window = 60000;
static uint32_t next_seq, next_ack;
static bool permits_sack;
static long sack_from, sack_to;
static struct packet last, expected;

/* ---- sending ---- */

static uint32_t sum(const void *data, size_t size, uint32_t total)
{
	const uint8_t *byte = data;
	size_t i;

	for (i = 0; i < size; i++)
		total += i & 1 ? byte[i] : byte[i] << 8;
	return total;
}

static uint16_t folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons(~total);
}

static void emit(struct packet *packet)
{
	size_t size = ntohs(packet->ip.tot_len);

	if (write(tun, packet, size) != (ssize_t)size)
		err(EXIT_FAILURE, "writing to the device");
}

/* `bytes` after the header, of which those that tcp.doff counts are options */
static void make(struct packet *packet, uint32_t from, uint16_t sport, uint16_t dport, size_t bytes)
{
	const size_t segment = sizeof(packet->tcp) + bytes;
	uint32_t pseudo;

	packet->ip.version = 4;
	packet->ip.ihl = 5;
	packet->ip.ttl = 64;
	packet->ip.protocol = IPPROTO_TCP;
	packet->ip.tot_len = htons(sizeof(packet->ip) + segment);
	packet->ip.saddr = htonl(from);
	packet->ip.daddr = htonl(THEIRS);
	packet->ip.check = folded(sum(&packet->ip, sizeof(packet->ip), 0));
	packet->tcp.source = htons(sport);
	packet->tcp.dest = htons(dport);
	packet->tcp.doff += 5;
	packet->tcp.window = htons(window);
	pseudo = sum((const uint8_t *)packet + offsetof(struct packet, ip.saddr), 8, IPPROTO_TCP + segment);
	packet->tcp.check = folded(sum(&packet->tcp, segment, pseudo));
}

/* The number of bytes they take. */
static size_t add_options(struct packet *packet)
{
	const uint32_t block[] = { htonl(next_ack + sack_from), htonl(next_ack + sack_to) };
	size_t size = 0;

	if (packet->tcp.syn && permits_sack) {
		memcpy(packet->rest, (uint8_t[]){ TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK_PERMITTED, TCPOLEN_SACK_PERMITTED }, 4);
		size = 4;
	} else if (sack_from != sack_to) {
		memcpy(packet->rest, (uint8_t[]){ TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, 2 + sizeof(block) }, 4);
		memcpy(packet->rest + 4, block, sizeof(block));
		size = 4 + sizeof(block);
	}
	packet->tcp.doff = size / 4;
	sack_from = sack_to = 0;
	return size;
}

static long do_send(void)
{
	const char *flags = order_word(1);
	uint32_t bytes = order_number_or(2, 0), seq = next_seq;
	size_t options;

	if (bytes > BYTES) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(&last, 0, sizeof(last));
	last.tcp.syn = !!strchr(flags, 'S');
	last.tcp.fin = !!strchr(flags, 'F');
	last.tcp.rst = !!strchr(flags, 'R');
	last.tcp.ack = !!strchr(flags, 'A');
	last.tcp.seq = htonl(seq);
	last.tcp.ack_seq = last.tcp.ack ? htonl(next_ack) : 0;
	options = add_options(&last);
	make(&last, OURS, own_port, peer_port, options + bytes);
	next_seq += bytes + last.tcp.syn + last.tcp.fin;
	emit(&last);
	return seq;
}

/* RFC 792: the error's own header, and of the packet in error the IP header and the first eight bytes behind it. */
static long do_unreachable(void)
{
	struct {
		struct iphdr ip;
		struct icmphdr icmp;
		uint8_t cause[sizeof(struct iphdr) + 8];
	} error = {
		.ip = {
			.version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_ICMP,
			.tot_len = htons(sizeof(error)),
			.saddr = htonl(OURS),
			.daddr = htonl(THEIRS),
		},
		.icmp = {
			.type = ICMP_DEST_UNREACH,
			.code = order_number(1),
			.un.frag.mtu = htons(order_number_or(2, 0)),
		},
	};

	memcpy(error.cause, &expected, sizeof(error.cause));
	error.ip.check = folded(sum(&error.ip, sizeof(error.ip), 0));
	error.icmp.checksum = folded(sum(&error.icmp, sizeof(error) - sizeof(error.ip), 0));
	if (write(tun, &error, sizeof(error)) != sizeof(error))
		err(EXIT_FAILURE, "writing to the device");
	return 0;
}

static long do_flood(void)
{
	uint16_t port = order_number(1);
	long count = order_number(2), i;

	for (i = 0; i < count; i++) {
		struct packet packet = { .tcp = { .syn = 1, .seq = htonl(i * 64000) } };

		/* From 10.7.1.0 on, which is routed to this device as well; from ports that no test uses. */
		make(&packet, OURS + 0x100 + i / 100, 20000 + i % 10000, port, 0);
		emit(&packet);
	}
	return count;
}

/* ---- receiving ---- */

/* The next segment of the connection, within `timeout` milliseconds; false if there was none. */
static bool take(struct packet *packet, int timeout)
{
	struct pollfd poll_in = { .fd = tun, .events = POLLIN };

	while (poll(&poll_in, 1, timeout) > 0) {
		ssize_t size = read(tun, packet, sizeof(*packet));

		if (size < (ssize_t)(sizeof(packet->ip) + sizeof(packet->tcp)) || packet->ip.version != 4 ||
		    packet->ip.protocol != IPPROTO_TCP || ntohs(packet->tcp.dest) != own_port ||
		    ntohl(packet->ip.daddr) != OURS)
			continue;
		if (!peer_port)
			peer_port = ntohs(packet->tcp.source);
		if (ntohs(packet->tcp.source) == peer_port)
			return true;
	}
	return false;
}

static uint32_t bytes_of(const struct packet *packet)
{
	return ntohs(packet->ip.tot_len) - packet->ip.ihl * 4 - packet->tcp.doff * 4;
}

static bool has_flags(const struct packet *packet, const char *flags)
{
	return packet->tcp.syn == !!strchr(flags, 'S') && packet->tcp.fin == !!strchr(flags, 'F') &&
	       packet->tcp.rst == !!strchr(flags, 'R') && packet->tcp.ack == !!strchr(flags, 'A');
}

static long do_expect(void)
{
	const char *flags = order_word(1);
	uint32_t bytes = order_number_or(2, 0);
	struct packet packet;

	while (take(&packet, 60000)) {
		if (!has_flags(&packet, flags) || bytes_of(&packet) != bytes)
			continue;
		expected = packet;
		next_ack = ntohl(packet.tcp.seq) + bytes + packet.tcp.syn + packet.tcp.fin;
		return ntohl(packet.tcp.seq);
	}
	errno = ETIMEDOUT;
	return -1;
}

static long do_silence(void)
{
	struct packet packet;
	long count = 0;

	while (take(&packet, 0))
		count++;
	return count;
}

static long do_sack(void)
{
	sack_from = order_number(1);
	sack_to = order_number(2);
	return 0;
}

static long do_ports(void)
{
	own_port = order_number(1);
	peer_port = order_number_or(2, 0);
	next_seq += 1000000;
	next_ack = 0;
	return 0;
}

static long obey(void)
{
	if (order_is("ports"))
		return do_ports();
	if (order_is("send"))
		return do_send();
	if (order_is("again"))
		return emit(&last), 0;
	if (order_is("expect"))
		return do_expect();
	if (order_is("unreachable"))
		return do_unreachable();
	if (order_is("silence"))
		return do_silence();
	if (order_is("seq"))
		return (next_seq += order_number(1));
	if (order_is("ack"))
		return (next_ack += order_number(1));
	if (order_is("window"))
		return (window = order_number(1));
	if (order_is("sacks"))
		return permits_sack = true, 0;
	if (order_is("sack"))
		return do_sack();
	if (order_is("flood"))
		return do_flood();
	errx(EXIT_FAILURE, "%s: not known", order_word(0));
}

int main(void)
{
	struct ifreq request = { .ifr_name = "wire0", .ifr_flags = IFF_TUN | IFF_NO_PI };

	tun = open("/dev/net/tun", O_RDWR);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &request))
		err(EXIT_FAILURE, "no device wire0");
	while (order_next())
		order_answer(obey());
	return EXIT_SUCCESS;
}
