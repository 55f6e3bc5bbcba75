#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Each way to show a recording, with one that is damaged in each way: what is whole is shown, exactly as of a recording
that ends there; then one line says which byte is wrong, and the status is 4. What is whole, and where the damage lies,
is known here because it was made here; what is to be shown is what is shown of the whole records alone.
"""

import os
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import sockets
from sockets import (CLOSE, CTL, ESTABLISHED, FOLDER, HEADER, RECORD, RECORDING, SNAPSHOT, STATE, many, ok, patched, save, sealed,
                     trailer, type_of)
from views import VIEWS, WAYS, words_of

TOP = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..")
REAL = TOP + "/tests/fixtures/ends.tct"
DAMAGED, LOSSY = 4, 3
# These have seen enough before the end. The rest of a file is read all the same, for its damages; that of a pipe is not waited for.
EARLY = {"ss", "ss --json", "ss -s", "netstat", "netstat --json", "watch --once", "watch --once --json", "watch --count=1",
         "watch --duration=0.000000005", "listen --once", "listen --once --json", "top --count=1", "top --count=1 --json"}
FIELDS = {"time": (8, "Q"), "type": (68, "H"), "family": (76, "B"), "kind": (77, "B"), "old_state": (78, "B"), "new_state": (79, "B")}


def start(way, source, **how):
    words = words_of(way)
    return subprocess.run([CTL, words[0], f"--source={source}", *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, **{"stdin": subprocess.DEVNULL, **how})


def shown(done):
    return done.returncode, done.stdout[-300:], done.stderr[-300:]


# ---- recordings, whole and damaged ----

class Recording:
    """Its parts. `size` is that of its snapshot."""

    def __init__(self, data):
        self.data = data
        self.header = data[:HEADER]
        self.records = [data[at:at + RECORD] for at in range(HEADER, len(data) - RECORD, RECORD)]
        self.size = sum(type_of(record) == SNAPSHOT for record in self.records)

    def first(self, count):
        """As it would be, were there only so many records."""
        return sealed(b"".join([self.header, *self.records[:count], trailer(self.records[:count])]))

    def of(self, records):
        return self.header + b"".join(records) + trailer(records)


def at(record, field=0):
    """The offset of a record in a file, or of one of its fields."""
    return HEADER + record * RECORD + field


def changed(record, field, value):
    offset, form = FIELDS[field]
    record = bytearray(record)
    struct.pack_into("=" + form, record, offset, value)
    return bytes(record)


def damages(whole):
    """What was done; the file; how many records of it are whole, None: not even the header is; the byte that is wrong; why."""
    data, records, size, count = whole.data, whole.records, whole.size, len(whole.records)
    event = size + (count - size) // 2

    # Cut short anywhere.
    yield "empty", b"", None, 0, "empty, not a recording"
    yield "cut within its magic", data[:5], None, 0, "not a recording"
    yield "cut within its header", data[:100], None, 100, "truncated within its header"
    inside = {HEADER, HEADER + 1, at(size // 2), at(size // 2) + 100, at(size) - 1, at(size), at(size) + 10, at(event), at(event) + 191,
              at(count), at(count) + 10, len(data) - 1}
    for cut in sorted(each for each in inside if each >= HEADER):
        yield f"cut at {cut}", data[:cut], (cut - HEADER) // RECORD, cut, "truncated after"

    # A byte that is another one.
    yield "another magic", b"t" + data[1:], None, 0, "not a recording"
    for byte in (30, 40, 60, 130, 255):
        yield f"byte {byte}, of the header", flipped(data, byte), None, 52, "header"
    for record in sorted({0, max(size - 1, 0), size, event, count - 1}):
        for byte in (0, 90):
            yield f"byte {byte} of record {record}", flipped(data, at(record) + byte), record, at(record), "checksum"
    yield "a byte of the trailer", flipped(data, len(data) - 100), count, at(count), "checksum"
    yield "a hole", data[:at(event) + 50] + bytes(300) + data[at(event) + 350:], event, at(event), "checksum"

    # Records that are not where they were.
    for record in sorted({max(size - 2, 0), event}):
        others = [*records[:record], records[record + 1], records[record], *records[record + 2:]]
        yield f"records {record} and {record + 1} exchanged", resealed_not(whole, others), record, at(record), "checksum"
        yield f"record {record} missing", resealed_not(whole, records[:record] + records[record + 1:]), record, at(record), "checksum"
        yield f"record {record} twice", resealed_not(whole, records[:record + 1] + records[record:]), record + 1, at(record + 1), "checksum"
    yield "something behind it", data + b"x", count, len(data), "data follows"
    yield "another one behind it", data + data, count, len(data), "data follows"

    # Made to do damage: all checksums are right.
    def made(record, field, value):
        return sealed(whole.of([*records[:record], changed(records[record], field, value), *records[record + 1:]]))

    for record in (0, event):
        for field, value in (("family", 3), ("kind", 4), ("old_state", 0xff), ("new_state", 12)):
            yield f"{field} {value} of record {record}", made(record, field, value), record, at(record, FIELDS[field][0]), "out of range"
        for value in (0, 18):
            yield f"type {value} of record {record}", made(record, "type", value), record, at(record, FIELDS["type"][0]), "of type"
    yield "a record in the past", made(event, "time", 1), event, at(event, FIELDS["time"][0]), "older"
    yield "a socket among the events", made(event, "type", SNAPSHOT), event, at(event, FIELDS["type"][0]), "among the events"
    yield "a wrong count", sealed(data[:-16] + struct.pack("=QQ", count + 7, 0)), count, len(data) - 16, "events"
    for what, byte, form, value, why in (("ABI", 16, "H", 99, "ABI 99"), ("byte order", 8, "I", 0x04030201, "byte order"),
                                         ("byte order", 8, "I", 5, "byte order"), ("size of the header", 12, "I", 8, "invalid size 8"),
                                         ("size of the header", 12, "I", 2**32 - 8, "invalid size"), ("size of records", 20, "I", 64, "64 bytes"),
                                         ("level", 48, "I", 9, "level is 9")):
        header = data[:byte] + struct.pack("=" + form, value) + data[byte + struct.calcsize(form):]
        yield f"{what} {value}", sealed(header), None, byte, why


def flipped(data, byte):
    return data[:byte] + bytes([data[byte] ^ 0x10]) + data[byte + 1:]


def resealed_not(whole, records):
    """With the checksums that the records had."""
    return whole.header + b"".join(records) + whole.data[-RECORD:]


# ---- what is said ----

def complains(done, name, byte, why):
    """The last line on standard error, and the only one of the program."""
    lines = done.stderr.decode().splitlines()
    return (done.returncode == DAMAGED and lines[-1:] and lines[-1].startswith(f"tcptrace-ctl: {name}: byte {byte}: ") and why in lines[-1] and
            sum("tcptrace-ctl" in line for line in lines) == 1)


def in_all_ways(source):
    """Each of them is a program; there are thousands of them here."""
    with ThreadPoolExecutor() as pool:
        return list(zip(WAYS, pool.map(lambda way: start(way, source), WAYS)))


def test(name, data, chosen):
    whole = Recording(data)
    path, prefix = FOLDER + "/damaged", FOLDER + "/prefix"
    wanted = {None: [(way, b"") for way in WAYS]}

    with open(prefix, "wb") as file:
        file.write(data)
    for way, done in in_all_ways(prefix):
        ok(done.returncode == 0 and b"tcptrace-ctl" not in done.stderr, f"{name}, {way}: whole", *shown(done))
    for what, bad, records, byte, why in damages(whole):
        if not re.search(chosen, what):
            continue
        with open(path, "wb") as file:
            file.write(bad)
        if records not in wanted:
            with open(prefix, "wb") as file:
                file.write(whole.first(records))
            wanted[records] = [(way, done.stdout) for way, done in in_all_ways(prefix)]
        for (way, done), (_, expected) in zip(in_all_ways(path), wanted[records]):
            ok(complains(done, path, byte, why) and done.stdout == expected, f"{name}, {way}: {what}", *shown(done), expected[-300:])
    return whole


def test_pipes(whole):
    """From a pipe, where there may be no end yet, and from standard input that is a file."""
    path = FOLDER + "/damaged"
    event = len(whole.records) - 2
    for where, record in (("the snapshot", whole.size // 2), ("the events", event)):
        bad = flipped(whole.data, at(record) + 30)
        with open(path, "wb") as file:
            file.write(bad)
        for way in WAYS:
            early = way in EARLY and record == event
            done = start(way, "-", **{"stdin": None, "input": bad})
            ok(not done.returncode and not done.stderr if early else complains(done, "standard input", at(record), "checksum"),
               f"{way}: damaged within {where}, through a pipe", *shown(done))
            with open(path, "rb") as file:
                done = start(way, "-", stdin=file)
            ok(complains(done, "standard input", at(record), "checksum"), f"{way}: damaged within {where}, as standard input", *shown(done))


def test_table_behind_summary(whole):
    with open(FOLDER + "/damaged", "wb") as file:
        file.write(whole.data[:at(whole.size // 2)])
    done, alone = (start(way, FOLDER + "/damaged") for way in ("ss -s -tan", "ss -tan"))
    ok(complains(done, FOLDER + "/damaged", at(whole.size // 2), "truncated") and done.stdout.endswith(alone.stdout) and alone.stdout and
       done.stdout.startswith(b"TCP: "), "ss -s with a table: both, and it is said once", *shown(done))


def test_losses(whole):
    """A damage is worse than a loss."""
    save(whole.records[:whole.size], whole.records[whole.size:], losses=(1, 0, 0, 0))
    with open(RECORDING, "rb") as file:
        data = file.read()
    with open(FOLDER + "/damaged", "wb") as file:
        file.write(data + b"x")
    for way in ("watch --fail-on-loss", "life --fail-on-loss --json"):
        done = start(way, RECORDING)
        ok(done.returncode == LOSSY, f"{way}: a loss", *shown(done))
        done = start(way, FOLDER + "/damaged")
        ok(done.returncode == DAMAGED, f"{way}: a loss, and a damage", *shown(done))


def test_record(whole):
    """What is recorded of a damaged one is no more whole than that; what is whole has checksums that are right."""
    path, again = FOLDER + "/damaged", FOLDER + "/again"
    with open(path, "wb") as file:
        file.write(flipped(whole.data, at(whole.size + 2) + 7))
    done = start(f"record --force {again}", path)
    with open(again, "rb") as file:
        data = file.read()
    ok(complains(done, path, at(whole.size + 2), "checksum") and data[HEADER:] == whole.data[HEADER:at(whole.size + 2)],
       "record: what is whole, without a trailer", *shown(done))
    ok(complains(start("watch", again), again, len(data), "truncated"), "record: so that it is damaged as well")
    done = start(f"record --force --count=1 {again}", path)
    with open(again, "rb") as file:
        data = file.read()
    ok(complains(done, path, at(whole.size + 2), "checksum") and data == sealed(data) and len(data) == at(whole.size + 2),
       "record --count: whole itself, but what it is of is not", *shown(done))
    done = start(f"record --force {again} -q", REAL)
    with open(again, "rb") as file:
        data = file.read()
    ok(not done.returncode and data == sealed(data), "record: its checksums are those that others compute", *shown(done))


def test_files():
    """What cannot be read is no damage."""
    for view in VIEWS:
        for path, text in ((FOLDER, b"Is a directory"), (FOLDER + "/nowhere", b"No such file")):
            done = start(view, path)
            ok(done.returncode == 1 and not done.stdout and text in done.stderr and re.fullmatch(rb"tcptrace-ctl[^\n]*\n", done.stderr),
               f"{view}: {text.decode()}", *shown(done))


def crowd():
    some = many(14, 3)
    before, events = [each.record() for each in some], []
    for i, each in enumerate(some):
        if each.state == ESTABLISHED or i % 3 == 0:
            old, each.state = each.state, CLOSE
            events += [each.record(STATE, 10**9 + i, old), patched(each.record(7, 10**9 + i), 20)]
    save(before, events)
    with open(RECORDING, "rb") as recording:
        return recording.read()


made_one = test("sockets and events", crowd(), "")
with open(REAL, "rb") as real:
    test("real connections", real.read(), "^cut at|missing|past")
test_pipes(made_one)
test_table_behind_summary(made_one)
test_losses(made_one)
test_record(made_one)
test_files()
sys.exit(sockets.done())
