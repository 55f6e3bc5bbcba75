#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
tcptrace-ctl ss on a recording against the real ss on a dump of the same sockets (TCPDIAG_FILE), character by
character: into a pipe and on terminals of several widths. The same expressions, the same exit statuses.
"""

import json
import shutil
import socket
import subprocess
import sys

import sockets
from sockets import (CTL, DUMP, RECORDING, CLOSE, CLOSE_WAIT, CLOSING, ESTABLISHED, LISTEN, RECV, STATE, SYN_RECV, SYN_SENT,
                     TIME_WAIT, Socket, dump, many, named, ok, run, save)

SS = shutil.which("ss") or shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin")
if not SS:
    print("ok 1 # SKIP ss (iproute2) is not installed\n1..1")
    sys.exit(0)

# ---- running both ----

def ours(words, width=None):
    return run([CTL, "ss", "--source=" + RECORDING, *words], width=width)


def theirs(words, width=None):
    # Without -t there are other tables, which here have no sockets: DCCP's is named in their place.
    tables = [] if any("t" in word for word in words if word[0] == "-") else ["-td"]
    return run([SS, *tables, *words], {"TCPDIAG_FILE": DUMP}, width)


def agree(words, width=None, what=""):
    got, wanted = ours(words, width), theirs(words, width)
    lines = [line for pair in zip(got[1].split("\n"), wanted[1].split("\n")) if pair[0] != pair[1] for line in pair][:6]
    where = "into a pipe" if width is None else f"on {width} columns"
    return ok(got == wanted, f"ss {' '.join(words)}{what} {where}", got[0], wanted[0], *lines)


def layouts():
    shapes = (["-tan"], ["-tanH"], ["-ta"], ["-an"], ["-tane"], ["-taneO"], ["-tano"], ["-tanHe"])
    for number, seed in ((0, 0), (1, 1), (11, 3), (300, 4)):
        some = many(number, seed)
        save(named(some))
        dump(some)
        for words in shapes:
            for width in (None, 0, 20, 60, 80, 100, 133, 3000):
                agree(words, width, f", {number} sockets,")


def columns():
    """What the shell says of the terminal is no terminal."""
    some = many(50, 3)
    save(named(some))
    dump(some)
    for number in ("20", "200", "0", "x"):
        both = [run(command, {"COLUMNS": number, "TCPDIAG_FILE": DUMP})
                for command in ([CTL, "ss", "-tan", "--source=" + RECORDING], [SS, "-tan"])]
        ok(both[0] == both[1], f"ss -tan into a pipe, COLUMNS={number}", *both)


def states():
    """TCPDIAG_FILE is not filtered by state: the dump has what ss would have been given."""
    some = many(110, 5)
    save(named(some))
    connected = set(range(1, 12)) - {LISTEN, CLOSE}
    for words, wanted in (
            (["-tn"], connected - {TIME_WAIT, SYN_RECV}),
            (["-tln"], {LISTEN, CLOSE}),
            (["-tlna"], set(range(1, 12))),
            (["-tnal"], {LISTEN, CLOSE}),
            (["-tn", "state", "syn-recv"], {SYN_RECV}),
            (["-tn", "state", "TIME-WAIT"], {TIME_WAIT}),
            (["-tnl", "state", "connected"], connected),
            (["-tn", "state", "established", "state", "listening"], {ESTABLISHED, LISTEN}),
            (["-tn", "exclude", "established"], set(range(1, 12)) - {ESTABLISHED}),
            (["-tn", "state", "synchronized", "exclude", "bucket"], connected - {SYN_SENT, SYN_RECV, TIME_WAIT}),
            (["-n", "state", "closing"], {CLOSING})):
        dump([one for one in some if one.state in wanted])
        agree(words, None)
        agree(words, 90)


def filters():
    some = many(110, 6)
    save(named(some))
    dump(some)
    for text in ("sport = :9090", "sport :9090", "sport 9090", "( sport = :9090 or dport = :9090 ) and not dst 10.0.0.0/8",
                 "dport = :443 or sport = :80 and dst 10.0.0.1", "dst 10.0.0.1", "dst ::ffff:10.0.0.1", "src [::1]",
                 "src [2001:db8::/32] or src 127.0.0.1", "src [::ffff:127.0.0.1]", "dst [::ffff:10.0.0.0/104]",
                 "sport = :70000", "sport != :70000", "sport > :70000", "sport < :70000", "src 127.0.0.1:70000", "sport > :100 sport lt :10000", "dport != :22", "dport ge 443",
                 "not ( src 127.0.0.1 or dst 127.0.0.1 )", "! sport eq 80 & dport le :500", "dev lo", "dev != lo",
                 "sport = :ssh", "dst *:443"):
        agree(["-tan", text])
        agree(["-tan", *text.split()], 120)


def objects():
    some = many(44, 9)
    save(named(some))
    status, text = ours(["-tan", "--json"])
    rows = [json.loads(line) for line in text.splitlines()]
    ok(status == 0 and [(row["cookie"], row["sport"], row["dport"], row["recvq"], row["sendq"]) for row in rows[:-1]] ==
       [(one.cookie, one.sport, one.dport, one.recvq, one.sendq) for one in some], "ss --json: each socket", rows[:1])
    done = subprocess.run([CTL, "ss", "-tanpi", "--json", "--source=" + RECORDING], capture_output=True, text=True, check=False)
    ok("not in a recording" in done.stderr and "-p, -i" in done.stderr, "what neither has is said", done.stderr)
    ok(rows[-1]["type"] == "lost" and all(row["type"] == "snapshot" for row in rows[:-1]), "and the losses")


def summaries():
    """A recording is read once: -s beside a table opens it again."""
    some = many(44, 10)
    save(named(some))
    alone, both, table = ours(["-s"]), ours(["-stan"]), ours(["-tan"])
    ok(both == (0, alone[1] + table[1]) and len(table[1].splitlines()) == 45, "ss -stan of a recording", *both)
    ok(ours(["-s", "--json"])[0] == 255, "-s has no objects, and says so")


def refusals():
    save([])
    dump([])
    for words in (["--bad"], ["-tan", "sport"], ["-tan", "( sport = :1"], ["-tan", "sport = :1 )"], ["-tan", "state", "nowhere"],
                  ["-tan", "sport=:9090"], ["-tan", "src 1.2.3.4.5"], ["-tan", "dport = :nosuchservice"], ["-f", "nowhere"],
                  ["-A", "nowhere"], ["-tan", "exclude"], ["-tan", "and"], ["-tan", "dev no/device"]):
        got, wanted = ours(words)[0], theirs(words)[0]
        ok(got == wanted and got, f"ss {' '.join(words)} ends with {wanted}", got)


def history():
    """Of a recording: the sockets at its end, how long in their state, and the highest that their queues were."""
    one, other = (Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", port, "10.0.0.2", 9090, 100, 30) for port in (40001, 40002))
    gone = Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 40003, "10.0.0.2", 9090)
    before, events = [each.record() for each in (one, other, gone)], []
    one.state, one.recvq, one.sendq = CLOSE_WAIT, 1, 0
    events.append(one.record(STATE, 2000001000, ESTABLISHED))
    gone.state = CLOSE
    events.append(gone.record(STATE, 4000001000, ESTABLISHED))
    other.recvq = 50
    events.append(other.record(RECV, 5000100000))
    save(before, events)
    status, text = ours(["-tnaH", "--history"])
    lines = sorted(" ".join(line.split()) for line in text.splitlines())
    ok(status == 0 and lines == [
        "CLOSE-WAIT 1 0 10.0.0.1:40001 10.0.0.2:9090 history:(in-state:3.00s,peak-recv-q:100,peak-send-q:30)",
        "ESTAB 50 30 10.0.0.1:40002 10.0.0.2:9090 history:(in-state>5.00s,peak-recv-q:100,peak-send-q:30,read-delay>5.00s)"],
       "ss --history of a recording", status, *lines)


def bound():
    """Of a recording: whatever a socket of the model is bound to, a device that no host has."""
    some = [Socket(state, socket.AF_INET, "10.0.0.1", port, "10.0.0.2" if port > 40000 else "0.0.0.0", 9090 if port > 40000 else 0, ifindex=ifindex)
            for state, port, ifindex in ((ESTABLISHED, 40001, 7777), (ESTABLISHED, 40002, 0), (LISTEN, 9090, 7777))]
    save(named(some))
    for words, wanted in ((["dev", "7777"], ["10.0.0.1%if7777:40001", "10.0.0.1%if7777:9090"]), (["dev", "!=", "7777"], ["10.0.0.1:40002"])):
        status, text = ours(["-tnaH", "--history", *words])
        ok(status == 0 and sorted(line.split()[3] for line in text.splitlines()) == wanted, f"ss --history {' '.join(words)}", status, text)


def waiting():
    """Bytes that come and are read, that come and stay, that were there and are read in part; and a socket of silence."""
    taken, kept, part, quiet = (Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", port, "10.0.0.2", 9090, recvq)
                                for port, recvq in ((40001, 0), (40002, 0), (40003, 100), (40004, 100)))
    before, events = [each.record() for each in (taken, kept, part, quiet)], []

    def later(one, seconds, read, recvq):
        one.read, one.recvq = read, recvq
        events.append(one.record(RECV, seconds * 10**9))

    later(taken, 2, 0, 10)
    later(kept, 3, 0, 20)
    later(taken, 5, 10, 0)
    later(part, 6, 40, 60)
    later(taken, 7, 10, 30)
    later(taken, 8, 40, 0)
    save(before, events)
    status, text = ours(["-tnaH", "--history"])
    said = {line.split()[3][-5:]: line.partition("read-delay")[2].rstrip(") ") for line in text.splitlines()}
    ok(status == 0 and said == {"40001": ":3.00s", "40002": ":5.00s", "40003": ">7.99s", "40004": ""},
       "ss --history: the longest that bytes waited, read or not", status, text)
    status, text = ours(["-tna", "--history", "--json"])
    said = {row["sport"]: row.get("read_delay_ns") for row in map(json.loads, text.splitlines()) if row["type"] == "snapshot"}
    ok(said[40001] == 3 * 10**9 and said[40002] == 5 * 10**9 and 40004 in said and said[40004] is None, "the same as objects", said)
    ok(json.loads(text.splitlines()[-1])["events"] == 6, "the tally of what was watched", text)


layouts()
columns()
history()
bound()
waiting()
summaries()
states()
filters()
objects()
refusals()
sys.exit(sockets.done())
