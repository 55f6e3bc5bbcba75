#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""export --format=perfetto: what happened in tests/fixtures/ends.tct (tests/fixtures/make says what), and in recordings made
up here, as events that the viewers take: tracks named, slices balanced, times that do not go backwards."""

import collections
import decimal
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import sockets
from sockets import (CLOSE, CLOSE_WAIT, CTL, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LAST_ACK, LISTEN, RECORDING, SECOND, STATE, SYN_SENT,
                     SYN_RECV, TIME_WAIT, Socket, lost, many, ok, patched, safe, save, segment)

REAL = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..") + "/tests/fixtures/ends.tct"
COMMAND = [CTL, "export", "--format=perfetto"]
CONNECT, RETRANSMIT, DROP = 5, 14, 15
RTO, ACCEPT_QUEUE, DROPPED = 50, 71, 72
FIN, SYN, PSH, ACK = 1, 2, 8, 16


def same(got, wanted, text):
    ok(got == wanted, text, got, wanted)


# ---- the format ----

def start(*words, source=RECORDING, **how):
    return subprocess.run([*COMMAND, f"--source={source}", *words], check=False, capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, **how)


def parse(output):
    """The events, where each has a line; a number with a point is a Decimal, with all that is written of it."""
    lines = output.decode().splitlines()
    if lines[:1] != ["["] or lines[-1:] != ["]"] or not all(line.endswith("},") for line in lines[1:-2]):
        return None
    return json.loads(output, parse_float=decimal.Decimal)


class Trace:
    def __init__(self, text, *words, source=RECORDING, output=None):
        done = None if output else start(*words, source=source)
        self.events = parse(output or done.stdout)
        ok(self.events is not None and (output or done.returncode == 0), f"{text}: an array, one event a line", done)
        self.events = self.events or []
        self.text = text
        self.tracks = collections.defaultdict(list)
        self.processes, self.threads, self.open = {}, {}, {}
        for event in self.events:
            self.tracks[event["pid"], event["tid"]].append(event)
            if event["ph"] == "M":
                names = self.processes if event["name"] == "process_name" else self.threads
                names[event["pid"] if event["name"] == "process_name" else (event["pid"], event["tid"])] = event["args"]["name"]
        self.check()

    def check(self):
        shapes = {"M": {"name", "args"}, "B": {"name"}, "E": set(), "C": {"name", "args"}, "i": {"name", "s", "args"}}
        bad = [e for e in self.events if e["ph"] not in shapes or not shapes[e["ph"]] | {"pid", "tid", "ts"} <= e.keys() or
               -e["ts"].as_tuple().exponent != 3]
        same(bad, [], f"{self.text}: each event has what its phase needs, and times have three decimals")
        bad = [e for e in self.events if e["ph"] == "C" and not all(isinstance(value, int) for value in e["args"].values()) or
               e["ph"] == "i" and e["s"] not in "tpg"]
        same(bad, [], f"{self.text}: counters are numbers, instants have a scope")
        for track, events in self.tracks.items():
            depth = 0
            for event in events:
                depth += {"B": 1, "E": -1}.get(event["ph"], 0)
                if depth not in (0, 1):
                    ok(False, f"{self.text}: slices of {track} are balanced and do not lie in one another", event)
            times = [event["ts"] for event in events]
            if times != sorted(times):
                ok(False, f"{self.text}: the times of {track} do not go backwards", times)
            if depth:
                self.open[track] = [e["name"] for e in events if e["ph"] == "B"][-1]
            scopes = {e["ph"] if e["ph"] != "i" else e["s"] for e in events} - {"M", "g"}
            if scopes and track[0] not in self.processes or scopes - {"p"} and track not in self.threads:
                ok(False, f"{self.text}: {track} has its names", events)

    def of(self, process):
        """The tracks of the process of that name, its first end's first."""
        pids = [pid for pid, name in self.processes.items() if re.fullmatch(process, name)]
        if len(pids) != 1:
            ok(False, f"{self.text}: one process {process}", self.processes)
            return []
        return [events for (pid, tid), events in sorted(self.tracks.items(), key=lambda item: item[0][1] != pids[0]) if pid == pids[0]]


def states(events):
    return [e["name"] for e in events if e["ph"] == "B"]


def instants(events, name):
    return [e for e in events if e["ph"] == "i" and e["name"] == name]


def total(events, name):
    return sum(e["args"].get("bytes", 0) for e in instants(events, name))


def counters(events):
    return [(e["args"]["Recv-Q"], e["args"]["Send-Q"]) for e in events if e["ph"] == "C"]


def segments(events):
    """(what it is told of, the segment) of each that is told of"""
    return [(e["name"], e["args"]["segment"], e["args"].get("seq"), e["args"].get("ack")) for e in events
            if "segment" in e.get("args", {})]


# ---- what happened in the recording ----

ACTIVE = ["SYN_SENT", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"]
PASSIVE = ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"]
HAPPENED = {
    9001: ("four-way", ACTIVE, PASSIVE, "local", "remote"),
    9002: ("three-way", ACTIVE, PASSIVE, "local", "remote"),
    9003: ("simultaneous", ACTIVE[:3] + ["CLOSING", "TIME_WAIT"], PASSIVE[:2] + ["FIN_WAIT1", "CLOSING", "TIME_WAIT"], "both", "both"),
    9004: ("reset", ACTIVE[:2], PASSIVE[:2], "local", "remote"),
    9005: ("four-way", ACTIVE, PASSIVE, "local", "remote"),
    9006: ("refused", ACTIVE[:1], None, "remote", None),
}


def connection(trace, port):
    return trace.of(rf"127\.0\.0\.1:\d+ > 127\.0\.0\.1:{port}")


def test_ends(trace):
    for port, (how, *wanted) in HAPPENED.items():
        ends = connection(trace, port)
        same(len(ends), 2 if wanted[1] else 1, f"{port}: a connection is a process, its ends are threads")
        for side, end, path, by in zip(("client", "server"), ends, wanted[:2], wanted[2:]):
            same(states(end), path, f"{port}: the states of the {side}")
            verdicts = [(e["args"]["how"], e["args"].get("closed_by")) for e in instants(end, "verdict")]
            same(verdicts, [(how, by)], f"{port}: the verdict of the {side}")
            track = end[0]["pid"], end[0]["tid"]
            same(trace.open.get(track), "TIME_WAIT" if path[-1] == "TIME_WAIT" else None, f"{port}: which slice the {side} is left in")
            same(counters(end)[-1:] in ([], [(0, 0)]), True, f"{port}: in the end the queues of the {side} are empty")
            local = "127.0.0.1:\\d+ peer/190" if side == "client" else f"127.0.0.1:{port} peer/192"
            ok(re.fullmatch(local, trace.threads[track]), f"{port}: the name of the {side}", trace.threads[track])
        if port != 9006:
            same(states(trace.of(f"127\\.0\\.0\\.1:{port}")[0]), ["LISTEN"], f"{port}: the listener is one of its own")


def test_data(trace):
    client, server = connection(trace, 9001)
    same([total(client, "send written"), total(server, "recv read"), total(server, "send written"), total(client, "recv read")],
         [14, 14, 20, 20], "9001: what was written and read")
    same(counters(server), [(14, 0), (0, 0), (0, 20), (0, 0), (1, 0), (0, 0)],
         "9001: the server's queues: 14 bytes, the answer, the FIN until close()")
    same(segments(client), [("connect", "out SYN", 0, None), ("ESTABLISHED", "in SYN,ACK", 0, 1), ("FIN_WAIT1", "out FIN,ACK", 15, 21),
                            ("FIN_WAIT2", "in ACK", None, 16), ("timewait substate", "in FIN,ACK", 21, None)],
         "9001: the segments behind the client's states")
    same(segments(server)[3:], [("CLOSE_WAIT", "in FIN,ACK", 15, None), ("LAST_ACK", "out FIN,ACK", 21, 16)],
         "9001: the segments behind the server's states")
    same([(e["args"]["bytes_in"], e["args"]["bytes_out"], e["args"]["retransmits"]) for end in (client, server)
          for e in instants(end, "verdict")], [(20, 14, 0), (14, 20, 0)], "9001: the verdicts' sums")

    client, server = connection(trace, 9004)
    same(max(counters(client)), (1000, 0), "9004: unread when it was closed")
    same([(e["args"]["why"], e["args"]["segment"]) for e in instants(client, "reset sent")], [("unread", "out RST,ACK")],
         "9004: the RST, and why")
    same((len(instants(server, "reset received")), len(instants(server, "reset sent"))), (1, 0), "9004: it came")

    client, server = connection(trace, 9005)
    same(total(server, "recv read"), 16384, "9005: all data")
    ok(len(instants(client, "send wait")) > 0, "9005: the client waits for room")

    replied = instants(connection(trace, 9006)[0], "reset replied")
    same([(e["s"], e["args"]["segment"]) for e in replied], [("p", "out RST,ACK")], "9006: the RST of no socket is beside its peer")


def test_applications(trace):
    closes = collections.Counter()
    for port in range(9001, 9006):
        client, server = connection(trace, port)
        closes[port] = sum(e["args"]["comm"] == "peer" for e in instants(client + server, "shutdown close"))
        same([e["args"]["pid"] for e in instants(client + server, "accept")], [192], f"{port}: accept(), by whom")
    same(dict(closes), {9001: 2, 9002: 2, 9003: 2, 9004: 1, 9005: 2}, "close() of what is not closed yet")
    same([len(instants(connection(trace, 9002)[1], "recv wait"))], [1], "9002: the server waits for data")


def watched(*words):
    """The same as watch has it."""
    done = subprocess.run([CTL, "watch", "--json", f"--source={REAL}", *words], capture_output=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()][:-1]


def happened(steps):
    return collections.Counter(step["type"] for step in steps if step["type"] not in ("state", "listen"))


def kinds(trace):
    return collections.Counter(e["name"].split()[0] for e in trace.events if e["ph"] == "i")


def test_times(trace):
    with open(REAL, "rb") as file:
        realtime = struct.unpack_from("=q", file.read(32), 24)[0]
    steps = watched()
    wanted = {(step["cookie"], step["time"] + realtime) for step in steps if step["type"] in ("state", "connect", "shutdown")}
    got = {(e["tid"], int(e["ts"] * 1000)) for e in trace.events if e["ph"] in "BEi"}
    same(wanted - got, set(), "each step has its track and, on the wall clock, its nanosecond")
    same(kinds(trace), happened(steps), "what is no change of state is an instant, each once")
    ok("no known end" not in trace.processes.values(), "nothing but the RST was of no socket", trace.processes)


def test_filters(trace):
    some = Trace("9003", "9003", source=REAL)
    pids = {pid for pid, name in trace.processes.items() if name.endswith(":9003")}
    same(some.events, [e for e in trace.events if e["pid"] in pids], "9003: all that is said of it without a filter, and no more")

    some = Trace("state established", "state", "established", source=REAL)
    same(collections.Counter(e["name"] for e in some.events if e["ph"] == "B"), {"ESTABLISHED": 10}, "one state: slices of it alone")
    same(some.open, {}, "one state: each slice ends")
    same(kinds(some), happened(watched("state", "established")),
         "one state: what happens in it, or leads there or away")
    same(Trace("nothing", "dport = :1", source=REAL).events, [], "what fits nothing")


def test_manners():
    done = start(source=REAL)
    ok(b" events" not in done.stdout and re.fullmatch(rb"-- \d+ events, 0 lost\n", done.stderr), "the tally goes to standard error",
       done.stderr)
    save([])
    done = start("-q")
    same((done.returncode, done.stdout, done.stderr), (0, b"[\n]\n", b""), "nothing was there, nothing happened: no event")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, "-q", f"--source={REAL}"], stdout=full, stderr=subprocess.PIPE, check=False)
    same((done.returncode, done.stderr.count(b"\n")), (1, 1), "a full disk: one line")
    done = start(source="/nonexistent")
    same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), "no such file: one line")
    done = subprocess.run(["bash", "-c", f"{' '.join(COMMAND)} -q --source={REAL} | head -n 1; exit ${{PIPESTATUS[0]}}"],
                          capture_output=True, check=False)
    ok(done.returncode in (0, 141) and not done.stderr, "a closed pipe is not worth a word", done)


def sleeps(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"


def test_interrupt():
    with open(REAL, "rb") as file:
        data = file.read()
    with subprocess.Popen([*COMMAND, "--source=-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdin.write(data[:10000])
        child.stdin.flush()
        # Until it has read that, done its work, and waits for more.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and (struct.unpack("i", fcntl.ioctl(child.stdin, termios.FIONREAD, b"0000"))[0] or
                                               not sleeps(child.pid)):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        output = child.communicate(data[10000:])[0]
    trace = Trace("Ctrl-C", output=output)
    ok(child.returncode == 0 and trace.events and trace.open and not instants(trace.events, "reset replied"),
       "Ctrl-C: the array ends there", child.returncode, trace.events[-1:])


# ---- recordings made up ----

def local(state, sport=40000, dport=9090, **more):
    return Socket(state, socket.AF_INET, "10.0.0.1", sport, "10.0.0.2", dport, **more)


def changed(end, time_of_it, *path):
    """The end changes its state along `path`, which begins with the one that it has; a second for each."""
    records = []
    for i, (old, new) in enumerate(zip(path, path[1:])):
        end.state = new
        records.append(end.record(STATE, time_of_it + i * SECOND, old))
    return records


def test_existing():
    end, listener = local(ESTABLISHED, recvq=5, sendq=128), Socket(LISTEN, socket.AF_INET6, "::1", 80, "::", 0, 3, 128)
    before = [end.record(time=SECOND), listener.record(time=SECOND)]
    save(before, changed(end, 2 * SECOND, ESTABLISHED, CLOSE_WAIT, LAST_ACK, CLOSE))
    trace = Trace("existing")
    events = trace.of("10.0.0.1:40000 . 10.0.0.2:9090")[0]
    same(states(events), ["ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"], "existing: what it was, and what it became")
    same([int(e["ts"]) for e in events if e["ph"] == "B"], [10**6, 2 * 10**6, 3 * 10**6], "existing: it is so since it was found")
    same(counters(events), [(5, 128), (0, 0)], "existing: with what was in its queues")
    events = trace.of("\\[::1\\]:80")[0]
    same((states(events), counters(events), len(trace.open)), (["LISTEN"], [], 1), "existing: a listener has no such queues")
    same(Trace("existing, one state", "state", "listening").processes, {listener.cookie & 0xffffffff: "[::1]:80"},
         "existing, one state: who is in it")

    # A change that was under way when the sockets were looked at is from before.
    end = local(ESTABLISHED)
    save([end.record(time=SECOND)], changed(end, SECOND - 10, ESTABLISHED, CLOSE_WAIT))
    events = Trace("under way").of("10.0.0.1:40000 . 10.0.0.2:9090")[0]
    same(([e["ts"] for e in events if e["ph"] in "BE"], states(events)), ([10**6] * 3, ["ESTABLISHED", "CLOSE_WAIT"]),
         "under way: not backwards")


def test_comm():
    end = local(ESTABLISHED)
    end.pid, end.comm = 77, b"\x1b[1m\xff\"\\\x01\xc3\xa9\xe2\x82"
    save([end], [end.record(10, SECOND), *changed(end, 2 * SECOND, ESTABLISHED, FIN_WAIT1)])
    trace = Trace("comm")
    comms = {e["args"]["comm"] for e in trace.events if "comm" in e.get("args", {})}
    same(comms, {safe(end.comm)}, "comm: harmless")
    same(set(trace.threads.values()), {f"10.0.0.1:40000 {safe(end.comm)}/77"}, "comm: in the name of the track")
    for comm in b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80":
        end.comm = comm
        save([end])
        same(list(Trace(f"comm {comm.hex()}").threads.values()), [f"10.0.0.1:40000 {safe(comm)}/77"],
             "comm: looks like UTF-8, and is none")


def test_lost():
    end, other = local(ESTABLISHED), local(CLOSE_WAIT, 40001)
    # Without the close() of one, and without the creation of the other.
    before = [local(LISTEN, 1, 0), end.record(time=SECOND)]
    records = [lost(3, 2 * SECOND), *changed(end, 3 * SECOND, FIN_WAIT1, FIN_WAIT2),
               *changed(other, 4 * SECOND, CLOSE_WAIT, LAST_ACK)]
    save(before, records)
    trace = Trace("lost")
    told = [(e["s"], int(e["ts"]), e["args"]) for e in trace.events if e.get("name") == "lost"]
    same(told, [("g", 2 * 10**6, {"lost": 3})], "lost: how many, where")
    same(states(trace.of("10.0.0.1:40000 . .*")[0]), ["ESTABLISHED", "FIN_WAIT2"], "lost: what comes next closes the slice")
    same(states(trace.of("10.0.0.1:40001 . .*")[0]), ["LAST_ACK"], "lost: an endpoint that is heard of later")
    trace = Trace("lost, one state", "state", "established")
    same((states(trace.of("10.0.0.1:40000 . .*")[0]), trace.open), (["ESTABLISHED"], {}),
         "lost, one state: the slice is closed all the same")

    # The same socket connects anew, and that the former connection is over was lost.
    again = local(SYN_SENT, 40002)
    records = [again.record(CONNECT, 5 * SECOND, CLOSE), lost(1, 6 * SECOND), again.record(CONNECT, 7 * SECOND, CLOSE)]
    save([local(LISTEN, 1, 0)], records)
    same(states(Trace("again").of("10.0.0.1:40002 > .*")[0]), ["SYN_SENT", "SYN_SENT"], "lost: the same socket once more")


def test_segments():
    client, stranger = local(SYN_SENT), local(SYN_RECV, 80, 50000)
    server = Socket(SYN_RECV, socket.AF_INET, "10.0.0.2", 9090, "10.0.0.1", 40000)
    nowhere = {"cookie": 0, "kind": 0}
    records = [
        patched(client.record(CONNECT, 1 * SECOND, CLOSE), snd_una=1000, write_seq=1000),
        segment(client, 2 * SECOND, 1, SYN, 1000),
        segment(server, 3 * SECOND, 0, SYN, 1000, **nowhere),
        segment(server, 4 * SECOND, 1, SYN | ACK, 7000, 1001, **nowhere),
        segment(client, 5 * SECOND, 0, SYN | ACK, 7000, 1001, window=777),
        segment(client, 6 * SECOND, 1, PSH | ACK, 1001, 7001, 14),
        patched(client.record(RETRANSMIT, 7 * SECOND), RTO, struct.pack("=IIII", 1001, 14, 1, 1)),
        segment(stranger, 8 * SECOND, 0, SYN, 1, **nowhere),
        patched(stranger.record(DROP, 9 * SECOND), ACCEPT_QUEUE, struct.pack("=QIII", 0, 3, 2, 1), **nowhere),
        patched(stranger.record(DROP, 10 * SECOND), DROPPED, struct.pack("=IIHH32s", 1, 2, FIN | ACK, 0, b"NO_SOCKET"), **nowhere),
    ]
    save([], records)
    trace = Trace("segments")
    events = trace.of("10.0.0.1:40000 > 10.0.0.2:9090")[0]
    told = [(e["name"], e["s"], e["args"].get("seq"), e["args"].get("ack"), e["args"].get("len"), e["args"].get("win")) for e in events
            if e["ph"] == "i" and e["name"].startswith(("in ", "out "))]
    same(told, [("out SYN", "t", 0, None, 0, 512), ("in SYN", "p", 0, None, 0, 512), ("out SYN,ACK", "p", None, 1, 0, 512),
                ("in SYN,ACK", "t", None, 1, 0, 777), ("out PSH,ACK", "t", 1, None, 14, 512)],
         "segments: each once, numbers from the beginning where that is known, those of a listener beside their peer")
    same([(e["args"]["seq"], e["args"]["len"], e["args"]["retransmits"]) for e in instants(events, "retransmit rto")], [(1, 14, 1)],
         "segments: sent again, and why")
    events = trace.of("no known end")[0]
    same([(e["name"], e["s"], e["args"]["local"], e["args"]["peer"]) for e in events if e["ph"] == "i"],
         [(name, "p", "10.0.0.1:80", "10.0.0.2:50000") for name in ("in SYN", "drop accept_queue", "drop segment")],
         "segments: of no socket, and nobody else is known")
    same([e["args"].get("backlog") for e in instants(events, "drop accept_queue")], [3], "segments: what was full")
    same([(e["args"]["reason"], e["args"]["segment"]) for e in instants(events, "drop segment")], [("NO_SOCKET", "in FIN,ACK")],
         "segments: why one was dropped")


def test_many():
    """More than there is room for at first, at once and one after the other."""
    some = many(3000, 1)
    events = [record for i, each in enumerate(some) if each.state == ESTABLISHED
              for record in changed(each, SECOND + i, ESTABLISHED, CLOSE_WAIT)]
    save(some, events)
    trace = Trace("many")
    shown = [each for each in some if each.state != CLOSE]
    same((len(trace.open), len(trace.threads)), (len(shown), len(some)), "many: a track each")

    records = []
    for i in range(3000):
        end = local(SYN_SENT, 1024 + i)
        records.append(end.record(CONNECT, (i + 1) * SECOND, CLOSE))
        # Its SYN was sent.
        records += [patched(record, snd_nxt=1) for record in changed(end, (i + 1) * SECOND + 1, SYN_SENT, CLOSE)]
    save([], records)
    trace = Trace("one after the other")
    names = [e for e in trace.events if e["ph"] == "M"]
    same((len(trace.processes), len(names), len(instants(trace.events, "verdict"))), (3000, 6000, 3000),
         "one after the other: each is named once")
    same(trace.open, {}, "one after the other: all are over")


recording = Trace("all", source=REAL)
test_ends(recording)
test_data(recording)
test_applications(recording)
test_times(recording)
test_filters(recording)
test_manners()
test_interrupt()
test_existing()
test_comm()
test_lost()
test_segments()
test_many()
sys.exit(sockets.done())
