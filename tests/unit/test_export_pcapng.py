#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""export --format=pcapng: each segment once, as a packet that is read here by the specification of the format."""

import os
import shutil
import socket
import struct
import subprocess
import sys

import sockets
from sockets import CTL, ESTABLISHED, FOLDER, LEVEL_QUEUE, RECORDING, SECOND, SYN_SENT, Socket, lost, ok, safe, save, segment

REAL = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..") + "/tests/fixtures/ends.tct"
REPLIED = 21
FIN, SYN, RST, PSH, ACK, CWR = 1, 2, 4, 8, 16, 128
SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6


# ---- records ----

def pair(family=socket.AF_INET, address="127.0.0.1"):
    """A connection of this host with itself, both endpoints of which were there."""
    client = Socket(ESTABLISHED, family, address, 40000, address, 9090)
    server = Socket(ESTABLISHED, family, address, 9090, address, 40000)
    return client, server


# ---- pcapng ----

def options(data):
    found = {}
    while data:
        code, size = struct.unpack_from("=HH", data)
        if not code:
            break
        found[code] = data[4:4 + size]
        data = data[4 + (size + 3) // 4 * 4:]
    return found


def blocks(data):
    found = []
    while data:
        kind, size = struct.unpack_from("=II", data)
        if size % 4 or size < 12 or len(data) < size or struct.unpack_from("=I", data, size - 4)[0] != size:
            ok(False, "each block says its length twice", kind, size, len(data))
            return found
        found.append((kind, data[8:size - 4]))
        data = data[size:]
    return found


class Packet:
    def __init__(self, body):
        self.interface, high, low, self.captured, self.length = struct.unpack_from("=IIIII", body)
        self.time = high << 32 | low
        self.options = options(body[20 + (self.captured + 3) // 4 * 4:])
        self.comment = self.options.get(1, b"").decode()
        self.direction = struct.unpack("=I", self.options[2])[0] & 3
        self.dropped = struct.unpack("=Q", self.options[4])[0] if 4 in self.options else 0
        data = body[20:20 + self.captured]
        self.version = data[0] >> 4
        if self.version == 4:
            self.ip_length, self.ttl, protocol = struct.unpack_from("!2xH4xBB", data)
            words = struct.unpack_from("!10H", data)
            self.checksum = (sum(words) & 0xffff) + (sum(words) >> 16)
            self.source, self.to = socket.inet_ntop(socket.AF_INET, data[12:16]), socket.inet_ntop(socket.AF_INET, data[16:20])
            tcp = data[20:]
        else:
            self.ip_length, protocol = struct.unpack_from("!4xHB", data)
            self.source, self.to = socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.inet_ntop(socket.AF_INET6, data[24:40])
            tcp = data[40:]
        self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.window = struct.unpack_from("!HHIIBBH", tcp)
        self.protocol, self.tcp_options, self.headers = protocol, tcp[20:], offset >> 4
        self.complete = len(tcp) == 4 * (offset >> 4)


def export(before, events, *words):
    save(before, events)
    done = subprocess.run([CTL, "export", "--format=pcapng", f"--source={RECORDING}", *words], capture_output=True, check=False)
    found = blocks(done.stdout)
    return done, found, [Packet(body) for kind, body in found if kind == PACKET]


# ---- tests ----

def test_blocks():
    client, server = pair()
    done, found, packets = export([client, server], [segment(client, SECOND, 1, ACK | PSH, 10, 20, 5)])
    ok(done.returncode == 0 and done.stderr == b"-- 1 event, 0 lost\n", "the tally is on standard error", done.stderr)
    ok([kind for kind, body in found] == [SECTION, INTERFACE, PACKET, STATISTICS], "section, interface, packet, statistics", found)
    ok(struct.unpack_from("=IHHq", found[0][1]) == (0x1a2b3c4d, 1, 0, -1), "version 1.0, in this host's order of bytes, of no known length")
    ok(options(found[0][1][16:])[4].startswith(b"tcptrace-ctl ") and options(found[0][1][16:])[3] == b"Linux r", "made by, of a host with")
    ok(struct.unpack_from("=HHI", found[1][1]) == (101, 0, 0) and options(found[1][1][8:]) == {2: b"netns 1", 9: b"\x09"},
       "an interface of raw packets, in ns", found[1][1])
    ok(packets[0].time == SECOND and packets[0].interface == 0, "its time")
    ok({4: struct.pack("=Q", 1), 5: struct.pack("=Q", 0)} == options(found[3][1][12:]), "statistics: one came, none was lost")


def test_headers():
    client, server = pair()
    done, _, packets = export([client, server], [
        segment(client, SECOND, 1, SYN, 4294967295, 0, 0, 65495, mss=65495, wscale=7),
        segment(client, SECOND + 1, 1, PSH | ACK, 10, 4000000000, 1400, 513),
        segment(server, SECOND + 2, 1, ACK, 77, 10, 0, 9, sacks=[(1410, 2810), (5000, 6000)]),
    ])
    syn, data, ack = packets
    ok(all(p.version == 4 and p.protocol == 6 and p.checksum == 0xffff and p.ttl == 64 and p.complete for p in packets), "IPv4 and TCP, whole headers")
    ok((syn.source, syn.sport, syn.to, syn.dport) == ("127.0.0.1", 40000, "127.0.0.1", 9090) and syn.seq == 4294967295 and syn.flags == SYN and
       syn.window == 65495, "a SYN", vars(syn))
    ok(syn.tcp_options == b"\x02\x04\xff\xd7\x01\x03\x03\x07", "its MSS and its window's scale", syn.tcp_options)
    ok((data.seq, data.ack, data.flags, data.window) == (10, 4000000000, PSH | ACK, 513), "data", vars(data))
    ok(data.length == data.ip_length == 40 + 1400 and data.captured == 40, "data: its length, and none of it", data.length, data.captured)
    ok((ack.sport, ack.dport) == (9090, 40000) and ack.tcp_options == b"\x01\x01\x05\x0a" + struct.pack("!II", 1410, 2810), "an ACK with its first SACK block",
       ack.tcp_options)
    ok(all(p.direction == 2 for p in packets), "they go out")
    ok(data.comment == "ESTABLISHED, Recv-Q 0, Send-Q 0", "a comment with state and queues", data.comment)


def test_large():
    client, _ = pair()
    flags = FIN | PSH | ACK | CWR
    _, _, packets = export([client], [segment(client, SECOND, 1, flags, 1, 1, 65496)])
    ok([(p.ip_length, p.length) for p in packets] == [(0, 65536)], "of no known MSS, too long for an IP header: its length is none", packets)
    whole = sockets.patched(segment(client, SECOND, 1, flags, 1, 1, 65496), mss=30000)
    _, _, packets = export([client], [whole, segment(client, SECOND + 1, 1, ACK, 1, 1, 65495)])
    ok([(p.seq, p.length - 40, p.flags) for p in packets[:3]] == [(1, 30000, ACK | CWR), (30001, 30000, ACK), (60001, 5496, FIN | PSH | ACK)],
       "too long for an IP header: in pieces, as the kernel divides it", [vars(p) for p in packets])
    ok([(p.ip_length, p.length) for p in packets[3:]] == [(65535, 65535)], "the longest that has one", [vars(p) for p in packets])
    absurd = sockets.patched(segment(client, SECOND, 1, ACK, 1, 1, 2**32 - 1), mss=1)
    _, _, packets = export([client], [absurd])
    ok([p.length for p in packets] == [2**32 - 1], "longer than any there is: stays one packet", [vars(p) for p in packets[:3]])


def test_families():
    for family, address, shown, version in ((socket.AF_INET6, "2001:db8::1", "2001:db8::1", 6), (socket.AF_INET6, "::ffff:10.0.0.1", "10.0.0.1", 4)):
        end = Socket(ESTABLISHED, family, address, 40000, address, 9090)
        _, _, packets = export([end], [segment(end, SECOND, 1, ACK, 1, 2, 3)])
        ok(len(packets) == 1 and packets[0].version == version and packets[0].source == packets[0].to == shown, f"{address} is IPv{version}", packets)
        ok(packets[0].complete and packets[0].ip_length == {4: 43, 6: 23}[version], f"{address}: its length")


def test_once():
    """Whatever both endpoints tell of is one packet; what comes from elsewhere is one, too."""
    client, server = pair()
    away = Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 50000, "10.0.0.2", 443)
    _, found, packets = export([client, server, away], [
        segment(client, SECOND, 1, ACK, 1, 1, 100), segment(client, SECOND + 1, 1, ACK, 101, 1, 100),
        segment(server, SECOND + 2, 0, ACK, 1, 1, 200),
        segment(away, SECOND + 3, 1, ACK, 7, 8), segment(away, SECOND + 4, 0, ACK, 8, 7, 9),
    ])
    ok([(p.sport, p.seq, p.direction) for p in packets] == [(40000, 1, 2), (40000, 101, 2), (50000, 7, 2), (443, 8, 1)],
       "what two sockets here say to one another once, what comes from elsewhere too", [vars(p) for p in packets])
    # Nobody is there to send it: the RST that refuses a connection is told by the kernel for no socket.
    asks = Socket(SYN_SENT, socket.AF_INET, "127.0.0.1", 41000, "127.0.0.1", 9091)
    nobody = Socket(7, socket.AF_INET, "127.0.0.1", 9091, "127.0.0.1", 41000)
    nobody.cookie = nobody.kind = 0
    _, _, packets = export([asks], [
        segment(asks, SECOND, 1, SYN, 5), segment(nobody, SECOND + 1, 1, RST | ACK, 0, 6, window=0, op=REPLIED),
        segment(asks, SECOND + 2, 0, RST | ACK, 0, 6, window=0),
    ])
    ok([(p.sport, p.flags, p.ack) for p in packets] == [(41000, SYN, 0), (9091, RST | ACK, 6)], "a refusal is one RST", [vars(p) for p in packets])


def test_namespaces():
    """An interface for each, when it is first heard of."""
    ends = [Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 40000 + i, "10.0.0.2", 443) for i in range(60)]
    order = [i * 7 % 60 for i in range(60)] * 2
    _, found, packets = export([], [segment(ends[i], SECOND + k, 1, ACK, 1, 1, 1, netns=5000 - i) for k, i in enumerate(order)])
    names = [options(body[8:])[2] for kind, body in found if kind == INTERFACE]
    ok(names == [b"netns %d" % (5000 - i) for i in order[:60]], "an interface for each namespace", names)
    ok([(p.sport, p.interface) for p in packets] == [(40000 + i, k % 60) for k, i in enumerate(order)], "which its packets name",
       [vars(p) for p in packets][:5])
    counted = [(struct.unpack_from("=I", body)[0], options(body[12:])[4]) for kind, body in found if kind == STATISTICS]
    ok(counted == [(i, struct.pack("=Q", 2)) for i in range(60)], "and of each two packets are counted", counted)


def test_lost():
    client, server = pair()
    _, found, packets = export([client, server], [segment(client, SECOND, 1, ACK, 1, 1, 1), lost(17, SECOND + 1), segment(client, SECOND + 2, 1, ACK, 2, 1, 1),
                                                  segment(client, SECOND + 3, 1, ACK, 3, 1, 1)])
    ok([p.dropped for p in packets] == [0, 17, 0], "where records were lost, the next packet says so", [p.dropped for p in packets])


def test_names():
    client, _ = pair()
    for name in b"\x1b[31m\xff\xfen\xc3", b"\x1b" * 15, "Grüße".encode(), b"\xc2\x9b31m":
        client.pid, client.comm = 4194304, name
        _, _, packets = export([client], [segment(client, SECOND, 1, ACK, 1, 1, 1)])
        ok(packets[0].comment.startswith(f"{safe(name)}/4194304, ESTABLISHED, Recv-Q"), "whatever a process calls itself", packets[0].comment)


def test_filter():
    ends = [Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 40000 + i, "10.0.0.2", 9000 + i) for i in range(4)]
    _, _, packets = export(ends, [segment(end, SECOND + i, 1, ACK, i, 1) for i, end in enumerate(ends)], "dport = :9002")
    ok([p.dport for p in packets] == [9002], "a filter chooses", [vars(p) for p in packets])


def test_nothing():
    done, found, packets = export([], [])
    ok(done.returncode == 0 and [kind for kind, body in found] == [SECTION] and done.stderr == b"-- 0 events, 0 lost\n", "nothing happened", found, done.stderr)
    save([], level=LEVEL_QUEUE)
    for words, said in ([], True), (["--quiet"], False):
        done = subprocess.run([CTL, "export", "--format=pcapng", f"--source={RECORDING}", *words], capture_output=True, check=False)
        ok(done.returncode == 0 and (b"recorded at level queue" in done.stderr and b"record --level=segment" in done.stderr) == said,
           f"a recording without segments: {'it is said how they come into one' if said else 'or not'}", done.stderr)


def test_usage():
    for words, what in (([], "jsonl, pcapng, perfetto or prometheus"), (["--format=pcap"], "--format=pcap: no such format"),
                        (["--format=pcapng", "--absolute-seq"], "jsonl"), (["--format=pcapng", "--interval=1"], "prometheus"),
                        (["--format=prometheus", "--interval=1"], "--textfile"), (["--format=perfetto", "--json"], "--format=jsonl")):
        done = subprocess.run([CTL, "export", *words, f"--source={REAL}"], capture_output=True, check=False, text=True)
        ok(done.returncode == 2 and not done.stdout and what in done.stderr and done.stderr.count("\n") == 1, f"export {' '.join(words)}: refused", done.stderr)
    status, text = sockets.run([CTL, "export", "--format=pcapng", f"--source={REAL}"], width=80)
    ok(status == 2 and "" == text, "packets are not for a terminal", text)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CTL, "export", "--format=pcapng", f"--source={REAL}"], stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    ok(done.returncode == 1 and "No space left" in done.stderr, "a full disk", done.stderr)


def test_jsonl():
    words = [f"--source={REAL}", "9001"]
    watch = subprocess.run([CTL, "watch", "--json", *words], capture_output=True, check=False)
    jsonl = subprocess.run([CTL, "export", "--format=jsonl", *words], capture_output=True, check=False)
    ok(watch.stdout and watch.stdout == jsonl.stdout and not jsonl.stderr, "jsonl is what watch --json says")


def test_tcpdump():
    """Whoever reads packets for a living reads these."""
    if not shutil.which("tcpdump"):
        ok(True, "tcpdump reads it # SKIP no tcpdump on this machine")
        return
    client, server = pair()
    save([client, server], [segment(client, SECOND, 1, PSH | ACK, 10, 20, 5, 513)])
    with open(FOLDER + "/packets", "wb") as file:
        subprocess.run([CTL, "export", "--format=pcapng", f"--source={RECORDING}"], stdout=file, stderr=subprocess.DEVNULL, check=False)
    done = subprocess.run(["tcpdump", "-r", FOLDER + "/packets", "-nSvv", "--number"], capture_output=True, check=False, text=True)
    ok(done.returncode == 0 and "127.0.0.1.40000 > 127.0.0.1.9090: Flags [P.], seq 10:15, ack 20, win 513, length 5" in done.stdout and
       "bad" not in done.stdout, "tcpdump reads it", done.stdout, done.stderr)


test_blocks()
test_headers()
test_large()
test_families()
test_once()
test_namespaces()
test_lost()
test_names()
test_filter()
test_nothing()
test_usage()
test_jsonl()
test_tcpdump()
sys.exit(sockets.done())
