# SPDX-License-Identifier: GPL-2.0-only
"""Sockets in all states, as a recording of tcptrace and as a dump of sock_diag, and what the tests of tables share."""

import fcntl
import os
import pty
import random
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import unicodedata

CTL = os.environ["BUILD"] + "/tcptrace-ctl"
FOLDER = tempfile.mkdtemp()
RECORDING, DUMP = FOLDER + "/recording", FOLDER + "/dump"

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = range(1, 12)
FULL, REQUEST, TIMEWAIT = 1, 2, 3
STATE, RECV, SNAPSHOT, LOST = 2, 10, 16, 17
LEVEL_LIFE, LEVEL_QUEUE, LEVEL_SEGMENT = 1, 2, 3
SHUT_RCV, SHUT_SND, V6ONLY = 1 << 2, 1 << 3, 1 << 4
DIAG_SHUTDOWN, DIAG_SKV6ONLY = 8, 11

count = failed = 0


def ok(passed, text, *lines):
    global count, failed
    count += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {count} - {text}")
    if not passed:
        for line in lines:
            print("#", repr(line))


# ---- names ----

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe(name):
    """As userspace/base/safe_text.h has it, by Python's decoder and its tables of Unicode."""
    def shown(one):
        harmful = unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or one in BIDI or ord(one) & 0xfffe == 0xfffe or 0xfdd0 <= ord(one) <= 0xfdef
        return "".join(f"\\x{byte:02x}" for byte in one.encode("utf-8", "surrogateescape")) if harmful else one

    text = name.split(b"\0")[0].decode("utf-8", "surrogateescape")
    return "".join(map(shown, re.sub(r"\\(?=x[0-9A-Fa-f]{2})", r"\\x5c", text)))


# ---- programs ----

def run(command, env=None, width=None, lines=25):
    """Status and output: into a pipe, or on a terminal of so many columns."""
    env = {**{name: value for name, value in os.environ.items() if name != "COLUMNS"}, "LC_ALL": "C", **(env or {})}
    if width is None:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout.decode()
    # The terminal stays open here: when the last one closes it, a reader may be told of the end before the last bytes
    # (n_tty_read() looks at both, one after the other). No program writes a NUL: it ends the output.
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL) as child:
        ended = threading.Thread(target=lambda: (child.wait(), os.write(slave, b"\0")))
        ended.start()
        text = b""
        while not text.endswith(b"\0"):
            text += os.read(master, 65536)
        ended.join()
    os.close(slave)
    os.close(master)
    return child.returncode, text[:-1].decode(errors="replace")


# ---- sockets, as a recording and as a dump ----

def mapped(text):
    return b"\0" * 10 + b"\xff\xff" + socket.inet_aton(text) if ":" not in text else socket.inet_pton(socket.AF_INET6, text)


class Socket:
    cookies = 0

    def __init__(self, state, family, local, sport, peer, dport, recvq=0, sendq=0, v6only=False, ifindex=0, uid=0, shut=0):
        Socket.cookies += 1
        self.__dict__.update(locals())
        self.cookie = Socket.cookies + (7 << 32)
        self.read = self.pid = 0
        self.comm = b""
        self.kind = REQUEST if state == SYN_RECV else TIMEWAIT if state == TIME_WAIT else FULL
        self.inode = 100000 + Socket.cookies if self.kind == FULL else 0
        self.timeout = 59876 if self.kind == TIMEWAIT else 0
        if self.kind != FULL:
            self.recvq = self.sendq = self.uid = self.shut = 0

    def record(self, kind_of_record=SNAPSHOT, time=0, old=0):
        numbers = [1000, 1000 + self.sendq // 2, 1000 + self.sendq, 5000 + self.read + self.recvq, 5000 + self.read, 65535, 65535]
        flags = self.shut << 2 | (V6ONLY if self.v6only else 0)
        listens = self.state == LISTEN
        union = struct.pack("=QIIIIQIIQ", 0, self.recvq if listens else 0, self.sendq if listens else 0, 0, 0,
                            self.inode if listens else 0, self.uid if listens else 0, 0, 0)
        if not listens and self.kind != REQUEST:
            union = struct.pack("=QQIIQIIQ", 0, 0, 0, self.timeout, self.inode, self.uid, 0, 0)
        return struct.pack("=QQQQ16s16sHHHHIBBBB7IIIi16sHBBI48s", 0, time or 1000 + self.cookies, self.cookie, 0,
                           mapped(self.local), mapped(self.peer), self.sport, self.dport, kind_of_record, 0, 1, self.family,
                           self.kind, old or self.state, self.state, *numbers, flags, self.pid, 0, self.comm, 0, 0, 0, self.ifindex,
                           union)

    def message(self):
        def address(text):
            return (socket.inet_aton(text) + b"\0" * 12) if self.family == socket.AF_INET else mapped(text)

        timer, expires = (3, self.timeout) if self.kind == TIMEWAIT else (0, 0)
        body = struct.pack("=BBBB", self.family, self.state, timer, 0)
        body += struct.pack(">HH", self.sport, self.dport) + address(self.local) + address(self.peer)
        body += struct.pack("=III", self.ifindex, self.cookie & 0xffffffff, self.cookie >> 32)
        body += struct.pack("=IIIII", expires, self.recvq, self.sendq, self.uid, self.inode)
        if self.kind == FULL:
            body += struct.pack("=HHB3x", 5, DIAG_SHUTDOWN, self.shut)
        if self.family == socket.AF_INET6 and self.state == LISTEN:
            body += struct.pack("=HHB3x", 5, DIAG_SKV6ONLY, self.v6only)
        return struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body


SECOND = 10**9
RESET, SEGMENT = 7, 12


def patched(record, op=0, union=None, **fields):
    """With another op and union, and some of its other fields."""
    record = bytearray(record)
    record[138] = op
    for name, value in fields.items():
        offset, form = {"cookie": (16, "=Q"), "netns": (72, "=I"), "kind": (77, "=B"), "snd_una": (80, "=I"), "snd_nxt": (84, "=I"), "write_seq": (88, "=I"), "mss": (136, "=H")}[name]
        struct.pack_into(form, record, offset, value)
    if union is not None:
        record[-48:] = union.ljust(48, b"\0")
    return bytes(record)


def segment(end, time, out, flags, seq, ack=0, length=0, window=512, mss=0, wscale=None, sacks=(), op=0, **fields):
    """A RESET where an op is given."""
    union = struct.pack("=IIIIHHBBHIII12x", seq, ack, length, window, flags, mss, 0 if wscale is None else wscale + 1, out, len(sacks), 0,
                        *(sacks[0] if sacks else (0, 0)))
    return patched(end.record(RESET if op else SEGMENT, time), op, union, **fields)


def lost(count, time):
    """By two causes."""
    nobody = Socket(ESTABLISHED, socket.AF_INET, "0.0.0.0", 0, "0.0.0.0", 0)
    return patched(nobody.record(LOST, time), union=struct.pack("=QQ", count - 1, 1), cookie=0)


# ---- recordings ----

HEADER, RECORD, CHECKSUM = 256, 192, 52
CRC_TABLE = list(range(256))
for _ in range(8):
    CRC_TABLE = [value >> 1 ^ (0x82f63b78 if value & 1 else 0) for value in CRC_TABLE]


def crc32c(data, crc=0):
    crc ^= 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def sealed(data):
    """A recording with all checksums made right: of the header, and of each record, going on from the one before."""
    data = bytearray(data)
    struct.pack_into("=I", data, CHECKSUM, 0)
    struct.pack_into("=I", data, CHECKSUM, crc32c(data[:HEADER]))
    crc = 0
    for at in range(HEADER, len(data) - RECORD + 1, RECORD):
        crc = crc32c(data[at + 8:at + RECORD], crc)
        struct.pack_into("=Q", data, at, crc)
    return bytes(data)


def type_of(record):
    return struct.unpack_from("=H", record, 68)[0]


DEVICE = 256


def device(ifindex, name, netns=1):
    """The name of a device, as a recording has it."""
    return struct.pack("=QQQQ16s16sHHHHIBBBB7IIIi16sHBBI48s", 0, 0, 0, 0, b"", b"", 0, 0, DEVICE, 0, netns, 0, 0, 0, 0, *[0] * 7, 0, 0, 0, name,
                       0, 0, 0, ifindex, b"")


def named(sockets):
    """With the names that the devices of these have here: ss shows a dump with them."""
    here = dict(socket.if_nameindex())
    bound = sorted({one.ifindex for one in sockets})
    return [*(device(ifindex, here[ifindex].encode()) for ifindex in bound if ifindex in here), *sockets]


def trailer(records, losses=(0, 0, 0, 0)):
    """What comes last in a recording of these: how many are events, and what was lost, by four causes."""
    events = sum(type_of(record) not in (SNAPSHOT, LOST, DEVICE) for record in records)
    return struct.pack("=QQQQ16s16sHHHHIBBBB7IIIi16sHBBI48s", 0, 0, 0x454c494152540000, 0, b"", b"", 0, 0, LOST, 0, 0,
                       0, 0, 0, 0, *[0] * 7, 0, 0, 0, b"", 0, 0, 0, 0, struct.pack("=QQQQQQ", *losses, events, 0))


def save(sockets, events=(), types=2, level=LEVEL_SEGMENT, losses=(0, 0, 0, 0)):
    header = struct.pack("=8sIIHHIqQQII72s72s56x", b"TCPTRACE", 0x01020304, HEADER, 1, types, RECORD, 0, 1, 1, level, 0, b"h", b"r")
    records = [*(one if isinstance(one, bytes) else one.record() for one in sockets), *events]
    with open(RECORDING, "wb") as file:
        file.write(sealed(b"".join([header, *records, trailer(records, losses)])))


def dump(sockets):
    with open(DUMP, "wb") as file:
        for family in socket.AF_INET, socket.AF_INET6:
            file.write(b"".join(one.message() for one in sockets if one.family == family))
        file.write(struct.pack("=IHHIII", 20, 3, 2, 1, 0, 0))


def many(number, seed):
    """Sockets in all states of both families, with short and long addresses and queues."""
    chance = random.Random(seed)
    v4 = ["127.0.0.1", "10.0.0.1", "192.168.100.200", "1.2.3.4", "0.0.0.0"]
    v6 = ["::1", "2001:db8::1", "2001:db8:1111:2222:3333:4444:5555:6666", "::ffff:10.0.0.1", "::ffff:192.168.100.200", "fe80::1"]
    result = []
    for i in range(number):
        state = i % 11 + 1
        family = chance.choice((socket.AF_INET, socket.AF_INET6))
        addresses = v4[:4] if family == socket.AF_INET else v6
        local, peer, dport = chance.choice(addresses), chance.choice(addresses), chance.choice((22, 443, 9090, 65535, 5))
        v6only = False
        if state == LISTEN:
            local = chance.choice(addresses + ["0.0.0.0" if family == socket.AF_INET else "::"] * 3)
            peer, dport = "0.0.0.0" if family == socket.AF_INET else "::", 0
            v6only = family == socket.AF_INET6 and chance.random() < .5
        result.append(Socket(state, family, local, chance.choice((80, 9090, 22, 40000, 7)), peer, dport,
                             chance.choice((0, 0, 5, 123456, 1234567)), chance.choice((0, 0, 128, 99999999)),
                             v6only, chance.choice((0, 0, 0, 1)), chance.choice((0, 1000, 65534)), chance.choice((0, 1, 2, 3))))
    return result


def done():
    """The plan, and what the test ends with."""
    shutil.rmtree(FOLDER)
    print(f"1..{count}")
    return failed != 0
