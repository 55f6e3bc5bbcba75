#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
export --format=prometheus: what it counts is what happened, in a recording of real connections, tests/fixtures/ends.tct
(tests/fixtures/make says what happened in it), and in made ones; what it prints is the text format 0.0.4, whatever the
recording holds; and a file is replaced at once or not at all.
"""

import json
import os
import re
import resource
import socket
import struct
import subprocess
import sys

import sockets
from sockets import CLOSE, CTL, ESTABLISHED, FOLDER, LEVEL_LIFE, LEVEL_QUEUE, LISTEN, RECORDING, STATE, Socket, many, ok, patched, safe, save

TOP = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..")
REAL = TOP + "/tests/fixtures/ends.tct"
LISTEN_RECORD, RESET, RETRANSMIT, DROP = 1, 7, 14, 15
SENT, REPLIED, RECEIVED = 20, 21, 22
RTO, FAST, LOSS, TLP, SYN, SYNACK, SPURIOUS = range(50, 57)
SYN_QUEUE, ACCEPT_QUEUE, SEGMENT = 70, 71, 72


def start(*words, source=RECORDING, **how):
    return subprocess.run([CTL, "export", f"--source={source}", *words], check=False, env={**os.environ, "LC_ALL": "C.UTF-8"},
                          **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how})


def same(got, wanted, text):
    ok(got == wanted, text, got, wanted)


# ---- the text format ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (\S+)")


def unescape(text):
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


class Exposition:
    """A text by families: type and samples, {(name, labels): value}; and what is wrong with it."""

    def __init__(self, raw):
        self.types, self.samples, self.errors = {}, {}, []
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            self.errors.append(str(error))
            return
        if not text.endswith("\n"):
            self.errors.append("no newline at the end")
        family, helped = None, set()
        for line in text.split("\n")[:-1]:
            if found := re.fullmatch(rf"# HELP ({NAME}) (?:[^\\]|\\[\\n])+", line):
                if found[1] in helped:
                    self.errors.append(f"a second HELP: {line}")
                helped.add(found[1])
                family = None
            elif found := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
                family = found[1]
                if family in self.types or family not in helped:
                    self.errors.append(f"a second TYPE, or before HELP: {line}")
                if (found[2] == "counter") != family.endswith("_total"):
                    self.errors.append(f"_total is for counters: {line}")
                self.types[family] = found[2]
                self.samples[family] = {}
            else:
                self.sample(family, line)
        self.errors += [f"HELP without TYPE: {name}" for name in helped - set(self.types)]
        for name in self.types:
            if self.types[name] == "histogram":
                self.histogram(name)

    def sample(self, family, line):
        found = SAMPLE.fullmatch(line)
        if not found:
            self.errors.append(f"no sample: {line!r}")
            return
        name, value = found[1], found[found.re.groups]
        labels = [(key, unescape(text)) for key, text in re.findall(LABEL, found[2] or "")]
        ends = ("_bucket", "_sum", "_count") if family and self.types[family] == "histogram" else ("",)
        if name not in [f"{family}{end}" for end in ends]:
            self.errors.append(f"not among its family: {line}")
            return
        if len(dict(labels)) != len(labels) or (name, frozenset(labels)) in self.samples[family]:
            self.errors.append(f"the same labels twice: {line}")
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            self.errors.append(f"no number: {line}")
            return
        self.samples[family][name, frozenset(labels)] = float(value)

    def histogram(self, family):
        bounds = [(float(dict(labels)["le"]), value) for (name, labels), value in self.samples[family].items()
                  if name == family + "_bucket"]
        if not bounds or bounds != sorted(bounds) or [value for _, value in bounds] != sorted(value for _, value in bounds):
            self.errors.append(f"buckets do not grow: {family}")
        elif bounds[-1] != (float("inf"), self.samples[family].get((family + "_count", frozenset()))):
            self.errors.append(f"the last bucket is not the count: {family}")
        if (family + "_sum", frozenset()) not in self.samples[family]:
            self.errors.append(f"no sum: {family}")

    def of(self, family, *names):
        """Values of tcptrace_FAMILY above 0 by what these labels have; or its only one."""
        found = {tuple(dict(labels)[name] for name in names): value
                 for (_, labels), value in self.samples["tcptrace_" + family].items()}
        return {key if len(names) > 1 else key[0]: value for key, value in found.items() if value} if names else found[()]

    def listeners(self, figure):
        """Of each listener, also 0."""
        samples = self.samples["tcptrace_listener_" + figure]
        return {dict(labels)["local"]: value for (_, labels), value in samples.items()}


def test_checker():
    """It finds what is wrong."""
    good = b'# HELP a_total A.\n# TYPE a_total counter\na_total{b="x\\\\\\"\\n"} 1\na_total{b="y"} 2\n'
    same(Exposition(good).errors, [], "checker: a good text")
    same({dict(labels)["b"] for _, labels in Exposition(good).samples["a_total"]}, {'x\\"\n', "y"}, "checker: its labels")
    buckets = b'# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4.5\nh_count 3\n'
    same(Exposition(buckets).errors, [], "checker: a good histogram")
    for text, old, new in ((good, b"2\n", b"2"), (good, b'"y"', b'"x\\\\\\"\\n"'), (good, b'"y"', b'"\xff"'), (good, b'"y"', b'"\\y"'),
                           (good, b'"y"', b'"y""'), (good, b'"y"', b'"\n"'), (good, b"a_total", b"a"), (good, b" 2", b" -2"),
                           (good, b" 2", b""), (good, b" 2", b" 2 "), (good, b"# HELP a_total A.\n", b""), (good, b" counter", b" thing"),
                           (good, b"# TYPE a_total counter\n", b""), (good, b'{b="y"}', b"{"), (good, b"1\n", b"1\n\n"),
                           (buckets, b" 3\nh_sum", b" 4\nh_sum"), (buckets, b"} 2", b"} 5"), (buckets, b"h_sum 4.5\n", b""),
                           (buckets, b'"1"', b'"+Inf"'), (buckets, b"h_count 3\n", b""), (good + buckets + good, b"", b""),
                           (good.replace(b'a_total{b="y"} 2\n', b"") + buckets + b'a_total{b="y"} 2\n', b"", b"")):
        ok(Exposition(text.replace(old, new)).errors, f"checker: {old} as {new}")


def export(*words, text="", source=RECORDING):
    """What a recording becomes: status 0, a valid text, and the tally alone beside it."""
    done = start("--format=prometheus", *words, source=source)
    exposition = Exposition(done.stdout)
    ok(done.returncode == 0 and re.fullmatch(rb"-- .*\n", done.stderr), f"{text}: status 0, the tally on standard error",
       done.returncode, done.stderr)
    same(exposition.errors, [], f"{text}: valid")
    return exposition


# ---- real connections ----

def test_real():
    got = export(text="ends.tct", source=REAL)
    same(got.of("endpoints_closed_total", "how", "closed_by"), {
        ("four-way", "local"): 2, ("four-way", "remote"): 2, ("three-way", "local"): 1, ("three-way", "remote"): 1,
        ("simultaneous", "both"): 2, ("reset", "local"): 1, ("reset", "remote"): 1, ("refused", "remote"): 1,
    }, "ends.tct: how each endpoint ended")
    same(got.of("transitions_total", "from", "to"), {
        ("CLOSE", "LISTEN"): 5, ("LISTEN", "CLOSE"): 5, ("CLOSE", "SYN_SENT"): 6, ("SYN_SENT", "CLOSE"): 1,
        ("SYN_SENT", "ESTABLISHED"): 5, ("LISTEN", "SYN_RECV"): 5, ("SYN_RECV", "ESTABLISHED"): 5,
        ("ESTABLISHED", "FIN_WAIT1"): 5, ("ESTABLISHED", "CLOSE_WAIT"): 3, ("ESTABLISHED", "CLOSE"): 2,
        ("FIN_WAIT1", "CLOSING"): 2, ("FIN_WAIT1", "FIN_WAIT2"): 3, ("FIN_WAIT2", "TIME_WAIT"): 3,
        ("CLOSING", "TIME_WAIT"): 2, ("CLOSE_WAIT", "LAST_ACK"): 3, ("LAST_ACK", "CLOSE"): 3,
    }, "ends.tct: each edge")
    same(got.of("sockets", "state"), {"TIME_WAIT": 5}, "ends.tct: who is left")
    same(len(got.samples["tcptrace_sockets"]), 11, "ends.tct: all states")
    same(got.of("resets_total", "direction"), {"sent": 1, "replied": 1, "received": 2}, "ends.tct: each RST")
    same((got.of("received_bytes_total"), got.of("sent_bytes_total")), (17418, 17418), "ends.tct: 14 + 20, 1000 and 16384 bytes")
    same(got.listeners("accepted_total"), {f"127.0.0.1:{port}": 1 for port in range(9001, 9006)}, "ends.tct: each listener")
    same(set(got.listeners("accept_queue_peak").values()), {1}, "ends.tct: one connection waited at each")
    same(set(got.listeners("accept_queue_max").values()), {128}, "ends.tct: their backlog")
    same((got.listeners("accept_queue"), got.listeners("syn_queue")), ({}, {}), "ends.tct: what is closed has no queue now")
    same({label for _, labels in got.samples["tcptrace_listener_accepted_total"] for label in labels if label[0] in ("netns", "process")},
         {("netns", "4026531840"), ("process", "peer")}, "ends.tct: whose they were")
    same(got.of("records_total"), 149, "ends.tct: how much was read")
    same({dict(labels)["kernel"] for _, labels in got.samples["tcptrace_info"]}, {"6.12.95+deb12-amd64"}, "ends.tct: the kernel")
    ok(not {"tcptrace_retransmits_total", "tcptrace_dropped_segments_total", "tcptrace_listener_overflows_total",
            "tcptrace_listener_drops_total"} & set(got.types), "ends.tct: it is too old to tell of losses, and so nothing does")
    histograms(got)


def histograms(got):
    """As life has each of them."""
    lines = subprocess.run([CTL, "life", "--json", f"--source={REAL}"], capture_output=True, check=True).stdout.splitlines()
    ends = [json.loads(line) for line in lines]
    for name, key, count in (("handshake_seconds", "handshake_ns", 10), ("connection_duration_seconds", "duration_ns", 11),
                             ("accept_wait_seconds", "accept_wait_ns", 5)):
        samples = got.samples["tcptrace_" + name]
        values = [end[key] / 1e9 for end in ends if key in end]
        plain = {sample[len("tcptrace_" + name):]: value for (sample, labels), value in samples.items() if not labels}
        same((len(values), plain["_count"]), (count, count), f"{name}: how many")
        ok(abs(plain["_sum"] - sum(values)) < 1e-8, f"{name}: their sum", plain, sum(values))
        same([value for (_, labels), value in samples.items() if labels],
             [sum(each <= float(dict(labels)["le"]) for each in values) for _, labels in samples if labels], f"{name}: buckets")


def test_filter():
    got = export("9004", text="9004", source=REAL)
    same(got.of("endpoints_closed_total", "how", "closed_by"), {("reset", "local"): 1, ("reset", "remote"): 1}, "9004: both endpoints")
    same(got.of("resets_total", "direction"), {"sent": 1, "received": 1}, "9004: its RST")
    same((got.of("received_bytes_total"), got.of("sent_bytes_total")), (1000, 1000), "9004: its bytes")
    same(list(got.listeners("accepted_total")), ["127.0.0.1:9004"], "9004: its listener")
    same(got.of("sockets", "state"), {}, "9004: nothing is left")

    got = export("dport = :9001", text="dport", source=REAL)
    same(got.of("endpoints_closed_total", "how", "closed_by"), {("four-way", "local"): 1}, "dport: one endpoint only")
    same(got.of("sockets", "state"), {"TIME_WAIT": 1}, "dport: it is in TIME_WAIT")
    same(got.listeners("accepted_total"), {}, "dport: no listener")

    got = export("state", "time-wait", text="time-wait", source=REAL)
    same([dict(labels)["state"] for _, labels in got.samples["tcptrace_sockets"]], ["TIME_WAIT"], "time-wait: the only state")
    same(got.of("transitions_total", "from", "to"), {("FIN_WAIT2", "TIME_WAIT"): 3, ("CLOSING", "TIME_WAIT"): 2}, "time-wait: its edges")
    same(sum(got.of("endpoints_closed_total", "how", "closed_by").values()), 5, "time-wait: who came to that end")
    same((got.listeners("accepted_total"), got.of("resets_total", "direction")), ({}, {}), "time-wait: no listener, no RST")


# ---- made recordings ----

def event(one, kind_of_record, operation, union, time):
    return patched(one.record(kind_of_record, time), operation, union)


def dropped(one, name, time):
    return event(one, DROP, SEGMENT, struct.pack("=IIHH32s", 1, 1, 0, 0, name), time)


def listening(listener, backlog, most):
    return struct.pack("=QIII", listener.cookie, backlog, most, 0)


def end(port=9000):
    return Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 40000, "10.0.0.2", port)


def test_nothing():
    save([])
    got = export(text="nothing")
    ok(all(not value for name, samples in got.samples.items() for value in samples.values() if name != "tcptrace_info"),
       "nothing: zeros")
    same([name for name, samples in got.samples.items() if not samples and "_listener_" not in name], ["tcptrace_transitions_total"],
         "nothing: but for edges and listeners each has samples")
    dropped_there = {"tcptrace_dropped_segments_total"}
    losses = dropped_there | {"tcptrace_retransmits_total", "tcptrace_listener_overflows_total", "tcptrace_listener_drops_total"}
    for text, missing, recorded in (("old", losses, {"types": 1}), ("of level life", losses, {"level": LEVEL_LIFE}),
                                    ("of level queue", dropped_there, {"level": LEVEL_QUEUE})):
        save([], **recorded)
        same(set(got.types) - set(export(text=f"nothing, {text}").types), missing, f"nothing, {text}: without what was not recorded")


def test_losses():
    one = end()
    counts = {RTO: 1, FAST: 20, LOSS: 300, TLP: 4000, SYN: 50000, SYNACK: 600000, SPURIOUS: 7000000}
    events = [event(one, RETRANSMIT, why, struct.pack("=III", 0, 0, segments), 10**9 + why) for why, segments in counts.items()]
    events += [event(one, RETRANSMIT, RTO, struct.pack("=III", 0, 0, 2), 2 * 10**9)]
    events += [event(one, RESET, how, b"", 3 * 10**9 + i) for i, how in enumerate((RECEIVED, SENT, REPLIED, SENT, 0, 255))]
    events += [dropped(one, name, 4 * 10**9 + i) for i, name in enumerate((b"NO_SOCKET", b"TCP_OLD", b"NO_SOCKET", b"NO", b'NO"} 1', b"", b"\n"))]
    save([one.record()], events)
    got = export(text="losses")
    same(got.of("retransmits_total", "why"), {"rto": 3, "fast": 20, "loss": 300, "tlp": 4000, "syn": 50000, "synack": 600000},
         "losses: segments sent again")
    same(got.of("resets_total", "direction"), {"sent": 2, "replied": 1, "received": 1}, "losses: RSTs")
    same(got.of("dropped_segments_total", "reason"), {"NO_SOCKET": 2, "TCP_OLD": 1, "NO": 2, "other": 2}, "losses: dropped segments")
    got = export("9001", text="losses elsewhere")
    same([got.of(name, label) for name, label in (("retransmits_total", "why"), ("resets_total", "direction"),
                                                  ("dropped_segments_total", "reason"))], [{}, {}, {}], "losses elsewhere: none")


def test_reasons():
    one = end()
    save([one.record()], [dropped(one, f"{'R' * (i % 29)}{i % 1000:03}".encode(), 10**9 + i) for i in range(29 * 1000 + 7)])
    reasons = export(text="any number of reasons").of("dropped_segments_total", "reason")
    same((len(reasons), sum(reasons.values())), (129, 29 * 1000 + 7), "any number of reasons: 128 and others, each drop once")
    same([count for reason, count in reasons.items() if count > 2 and reason != "other"], [], "any number of reasons: none has another's")


NAMES = (
    b"nc", b'a"b\\c', b'"} 1\nx 1', b"\\n", b"\x1b[31m\t\r\x7f", "Grüße €😀".encode(), b"\xff\xfe", "ü".encode()[:1], "😀".encode()[:3],
    b"\xed\xa0\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xc2\x85", b"fifteen letters", b"\xc2\xa0", b"",
    b"{}=,", b"\\x41\\",
)


def test_listeners():
    some = []
    for i, name in enumerate(NAMES):
        some.append(Socket(LISTEN, socket.AF_INET, "127.0.0.1", 9090, "0.0.0.0", 0, 3, 10 + i))
        some[-1].pid, some[-1].comm = 100 + i, name
    other = Socket(LISTEN, socket.AF_INET6, "::1", 22, "::", 0, 0, 128)
    some.append(other)
    no_end = Socket(CLOSE, socket.AF_INET6, "::1", 22, "::1", 40000)
    no_end.kind = no_end.cookie = 0
    events = [event(no_end, DROP, how, listening(other, backlog, 128), time)
              for how, backlog, time in ((ACCEPT_QUEUE, 129, 10**9), (ACCEPT_QUEUE, 130, 10**9 + 1), (SYN_QUEUE, 5, 10**9 + 2))]
    save([one.record() for one in some], events)
    got = export(text="listeners")
    names = {dict(labels)["cookie"]: dict(labels)["process"] for _, labels in got.samples["tcptrace_listener_accept_queue_max"]}
    same(names, {**{str(one.cookie): name for one, name in zip(some, map(safe, NAMES))}, str(other.cookie): ""},
         "listeners: those of one address apart, whatever their process calls itself")
    same(got.of("listener_accept_queue_max", "cookie"), {str(one.cookie): one.sendq for one in some}, "listeners: their backlog")
    same(got.listeners("accept_queue"), {"127.0.0.1:9090": 3, "[::1]:22": 5}, "listeners: their queue now")
    same(got.listeners("accept_queue_peak"), {"127.0.0.1:9090": 3, "[::1]:22": 130}, "listeners: its peak")
    same((got.listeners("overflows_total")["[::1]:22"], got.listeners("drops_total")["[::1]:22"]), (2, 1), "listeners: refused")
    same(got.of("dropped_segments_total", "reason"), {}, "listeners: which are no segments of another's reason")
    same(got.listeners("longest_wait_seconds"), {}, "listeners: nobody was seen to wait")
    same(got.of("sockets", "state"), {"LISTEN": len(some)}, "listeners: are sockets")


def test_closed_listeners():
    """One that listens on, one that closes first and once more, and more that closed than are kept."""
    events = []
    again = Socket(LISTEN, socket.AF_INET, "127.0.0.1", 9999, "0.0.0.0", 0, 0, 10)

    def closes(time):
        again.state = LISTEN
        events.append(again.record(LISTEN_RECORD, time, CLOSE))
        again.state = CLOSE
        events.append(again.record(LISTEN_RECORD, time, LISTEN))

    closes(10**9 - 1)
    for i in range(5000):
        one = Socket(LISTEN, socket.AF_INET, "127.0.0.1", 10000 + i, "0.0.0.0", 0, 0, 10)
        events.append(one.record(LISTEN_RECORD, 10**9 + 2 * i, CLOSE))
        if i:
            one.state = CLOSE
            events.append(one.record(LISTEN_RECORD, 10**9 + 2 * i + 1, LISTEN))
        if i == 2000:
            closes(10**9 + 2 * i + 1)
    save([], events)
    done = start("--format=prometheus")
    kept = Exposition(done.stdout).listeners("accepted_total")
    same(set(kept), {"127.0.0.1:9999", *(f"127.0.0.1:{10000 + i}" for i in (0, *range(5000 - 4094, 5000)))},
         "closed listeners: those that closed last are kept")
    ok(b"905 closed listeners are not shown" in done.stderr, "closed listeners: of the others it is said", done.stderr)
    done = subprocess.run([CTL, "listen", f"--source={RECORDING}"], capture_output=True, check=False)
    ok(done.stdout.count(b"(closed)") == 4095 and b"905 closed listeners" in done.stderr, "closed listeners: in the table of listen, too", done.stderr)


def test_many():
    some = many(3000, 4)
    before, events = [each.record() for each in some], []
    for i, each in enumerate(some):
        if each.state == ESTABLISHED:
            each.state = CLOSE if i % 2 else 8
            events.append(each.record(STATE, 10**9 + i, ESTABLISHED))
    save(before, events)
    got = export(text="many")
    changed = got.of("transitions_total", "from", "to")
    same(sum(changed.values()), len(events), "many: each change")
    same(sum(got.of("sockets", "state").values()), len(some) - changed["ESTABLISHED", "CLOSE"], "many: who is left")
    got = export("--max-endpoints=100", text="at most 100 ends")
    ok(got.of("records_lost_total", "cause").get("model_full"), "at most 100 ends: how many events did not fit is told")


def test_lost():
    save([end().record()], losses=(5, 6, 7, 8))
    done = start("--format=prometheus", "--fail-on-loss", "-q")
    got = Exposition(done.stdout)
    same((done.returncode, got.errors), (3, []), "lost: status 3 where that is asked for, and all is told")
    same(got.of("records_lost_total", "cause"), {"overwritten": 5, "nested": 6, "missed": 7, "unknown": 8}, "lost: why")
    ok(re.fullmatch(rb"-- .*\n", done.stderr), "lost: -q does not hide it", done.stderr)
    with open(REAL, "rb") as file, open(FOLDER + "/cut", "wb") as cut:
        cut.write(file.read()[:20000])
    done = start("--format=prometheus", "-q", source=FOLDER + "/cut")
    got = Exposition(done.stdout)
    same((done.returncode, done.stderr.count(b"\n"), got.errors), (4, 1, []), "cut short: one line, status 4")
    same(got.of("records_total"), (20000 - 256) // 192, "cut short: what is there is told")


# ---- where it goes ----

def test_textfile():
    folder = FOLDER + "/textfile"
    name = folder + "/tcptrace.prom"
    os.mkdir(folder)
    printed = start("--format=prometheus", source=REAL)
    for umask, text in ((0o77, "a new file"), (0, "another one")):
        former = open(name, "rb") if os.path.exists(name) else None
        done = start("--format=prometheus", f"--textfile={name}", "--interval=0.5", source=REAL, preexec_fn=lambda: os.umask(umask))
        same((done.returncode, done.stdout, done.stderr), (0, b"", printed.stderr), f"{text}: the tally on standard error is all that is said")
        with open(name, "rb") as file:
            same((file.read(), os.fstat(file.fileno()).st_mode & 0o7777), (printed.stdout, 0o644), f"{text}: has it all, for all to read")
        same(os.listdir(folder), ["tcptrace.prom"], f"{text}: nothing else is in the folder")
        if former:
            same((former.read(), os.fstat(former.fileno()).st_nlink), (printed.stdout, 0), f"{text}: in place of the former, which stays whole")
            former.close()

    def tight():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    with open(name, "wb") as file:
        file.write(b"former\n")
    done = start("--format=prometheus", "-q", f"--textfile={name}", source=REAL, preexec_fn=tight, restore_signals=False)
    same((done.returncode, done.stdout, done.stderr), (1, b"", f"tcptrace-ctl: {name}: File too large\n".encode()), "no room: one line")
    with open(name, "rb") as file:
        same((file.read(), os.listdir(folder)), (b"former\n", ["tcptrace.prom"]), "no room: the former one stays, and no other")

    os.symlink("tcptrace.prom", folder + "/link")
    os.mkfifo(folder + "/pipe")
    for bad, text in ((FOLDER + "/nowhere/tcptrace.prom", "no such folder"), (folder, "a folder"), (folder + "/link", "a link"),
                      (folder + "/pipe", "a pipe")):
        done = start("--format=prometheus", f"--textfile={bad}", source=REAL)
        same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), f"{text}: one line, status 1")
        ok(bad.encode() in done.stderr, f"{text}: which says what it is", done.stderr)
    same(sorted(os.listdir(folder)), ["link", "pipe", "tcptrace.prom"], "where it cannot be written nothing is left")
    ok(os.path.islink(folder + "/link") and not os.path.isfile(folder + "/pipe"), "what is no file is as it was")


def test_manners():
    with open("/dev/full", "wb") as full:
        done = start("--format=prometheus", "-q", source=REAL, stdout=full)
    same((done.returncode, done.stderr.count(b"\n")), (1, 1), "a full disk: one line, status 1")
    done = start("--format=prometheus", "-q", source=REAL)
    same((done.returncode, done.stderr, Exposition(done.stdout).errors), (0, b"", []), "-q: no tally")
    done = start("--format=prometheus", source="/nonexistent")
    same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), "no such recording: one line, status 1")
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {CTL} export --format=prometheus -q --source={REAL} | head -n 1"],
                          capture_output=True, check=False)
    ok(done.stderr == b"" and done.returncode in (0, 141), "a closed pipe is not worth a word", done.stderr)
    for words in (["--format=prometheus", "--interval=5"], ["--format=jsonl", "--interval=5"], ["--format=perfetto", "--textfile=x"],
                  ["--format=pcapng", "--textfile=x", "--interval=5"], ["--format=prometheus", "--textfile=x", "--interval=0"],
                  ["--format=prometheus", "--absolute-seq"], ["--format=prometheus", "--json"]):
        done = start(*words, source=REAL)
        ok(done.returncode == 2 and not done.stdout and done.stderr, f"{' '.join(words)}: status 2", done.returncode, done.stderr)
    ok(not os.path.exists("x"), "what is refused writes nothing")


test_checker()
test_real()
test_filter()
test_nothing()
test_losses()
test_reasons()
test_listeners()
test_closed_listeners()
test_many()
test_lost()
test_textfile()
test_manners()
sys.exit(sockets.done())
