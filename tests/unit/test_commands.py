#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What every command has to do, by the list of commands that --help prints: its help, its section of the manual, and,
where it is a view: a recording read without rights, filters, objects, no rows, thousands of rows, wide names, narrow
terminals, a pipe that nobody reads, a full disk.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys

import sockets
from sockets import CTL, ESTABLISHED, CLOSE, LISTEN, RECORDING, STATE, TIME_WAIT, Socket, many, ok, patched, run, save
from views import COMMANDS, VIEWS, words_of

TOP = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..")
REAL = TOP + "/tests/fixtures/ends.tct"
CONTRACT = {"time", "type", "cookie", "netns", "family", "saddr", "sport", "daddr", "dport", "state", "recvq", "sendq"}


def start(words, source=RECORDING, **how):
    return subprocess.run([CTL, words[0], f"--source={source}", *words_of(words[0])[1:], *words[1:]], capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, **{"stdin": subprocess.DEVNULL, **how})


def shown(done):
    return done.returncode, done.stdout[:300], done.stderr[:300]


# ---- help and manual ----

def manual():
    """The manual by sections: a command's is .Ss, those of all are .Sh."""
    parts = {}
    with open(TOP + "/docs/tcptrace-ctl.8", encoding="utf-8") as file:
        for part in re.split(r"^\.S[sh] ", file.read(), flags=re.MULTILINE)[1:]:
            title, _, text = part.partition("\n")
            parts[title] = text.replace("\\-", "-")
    return parts


def documented(part):
    """Long options, as .Fl has them: several may follow one another, with commas between."""
    lines = [line for line in part.splitlines() if line.startswith(".It Fl") or ".Fl" in line[:4]]
    return {word for line in lines for word in re.findall(r" -([a-z][a-z0-9-]+)", line)}


MANUAL = manual()


def test_help():
    ok({"watch", "ss", "netstat", "listen", "life", "ports", "top", "ladder", "window", "states"} <= set(VIEWS), "the views", VIEWS)
    synopsis = MANUAL["SYNOPSIS"]
    for name in COMMANDS:
        status, text = run([CTL, name, "--help"])
        ok(status == 0 and f"tcptrace-ctl {name}" in text, f"{name} --help", text[:100])
        ok(name in MANUAL and re.search(rf"\b{name}\b", synopsis), f"{name} is in the manual")
        options = set(re.findall(r"--([a-z][a-z0-9-]+)", text)) - {"help", "usage", "version"}
        known = documented(MANUAL.get(name, "")) | documented(MANUAL["OPTIONS"])
        missing = sorted(option for option in options if option not in known)
        ok(not missing, f"{name}: the manual has all of its options", *missing)
        if name in VIEWS:
            ok({"json", "source", "ipv4", "ipv6", "no-header", "quiet", "fail-on-loss"} <= options and "FILTER" in text,
               f"{name}: has what every view has", options)


# ---- what each view does with a recording ----

def privileges():
    """Words that take all of them away, and every word about them that was left."""
    if os.geteuid() or not shutil.which("setpriv"):
        return []
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


def test_recording(name):
    bare = start([name, "--json"], REAL)
    done = subprocess.run([*privileges(), CTL, *words_of(name), "--json", "--source=-"], check=False, stdin=open(REAL, "rb"), capture_output=True)
    ok(done.returncode == 0 and not done.stderr and done.stdout == bare.stdout,
       f"{name}: a recording on standard input, without rights", *shown(done))
    rows = [json.loads(line) for line in bare.stdout.splitlines()]
    ok(all(CONTRACT <= row.keys() for row in rows) and rows[-1]["type"] == "lost", f"{name}: objects by the contract")
    ok(b"\x1b" not in start([name], REAL).stdout, f"{name}: no colours in a file")


def ports(name, *words):
    done = start([name, "--json", *words])
    rows = [json.loads(line) for line in done.stdout.splitlines()] if not done.returncode else []
    return {port for row in rows for port in (row["sport"], row["dport"]) if port and row["type"] != "lost"}, done


def test_filters(name):
    """40 connections of either family to ports of their own; all of them end."""
    some = [Socket(ESTABLISHED, family, address, 41000 + i, address, 9000 + i % 20)
            for i in range(40) for family, address in [(socket.AF_INET, "10.0.0.1") if i < 20 else (socket.AF_INET6, "2001:db8::1")]]
    before, events = [each.record() for each in some], []
    for i, each in enumerate(some):
        each.state = CLOSE if i % 2 else 8
        events.append(each.record(STATE, 10**9 + i, ESTABLISHED))
    save(before, events)
    everything = ports(name)[0]
    for words in (["9001"], ["dport", "=", ":9001"], ["( dport = :9001 or dport = :9001 ) and not dst 192.168.0.0/16"]):
        found, done = ports(name, *words)
        ok(found - {9001, 41001, 41021} == set() and not done.stderr and (not everything or name == "listen" or 9001 in found or
                                                                         name == "ports"),
           f"{name} {' '.join(words)}", found, *shown(done))
    for words, allowed in ((["-4"], range(41000, 41020)), (["-6"], range(41020, 41040))):
        found, done = ports(name, *words)
        ok({port for port in found if port > 41000 - 1} <= set(allowed) and done.returncode == 0, f"{name} {words[0]}", found)
    done = start([name, "dport = :1"])
    ok(done.returncode == 0 and not done.stderr and not re.search(rb":9\d\d\d", done.stdout), f"{name}: nothing fits", *shown(done))
    for words, status in ((["sport", "="], 255), (["src", "1.2.3.4.5"], 1), (["state", "nowhere"], 255)):
        done = start([name, *words])
        ok(done.returncode == status and not done.stdout and done.stderr.count(b"\n") == 1, f"{name} {' '.join(words)}: one line, {status}",
           *shown(done))


def test_nothing(name):
    save([])
    done = start([name])
    ok(done.returncode == 0 and not done.stderr, f"{name}: nothing was there, nothing happened", *shown(done))
    done = start([name, "--json"])
    ok(done.returncode == 0 and [json.loads(line)["type"] for line in done.stdout.splitlines() if b'"stay"' not in line][-1:] == ["lost"],
       f"{name}: no objects but the tally", *shown(done))
    done = start([name], "/nonexistent")
    ok(done.returncode == 1 and not done.stdout and done.stderr.count(b"\n") == 1, f"{name}: no such file: one line", *shown(done))
    done = start([name], __file__)
    ok(done.returncode == 4 and done.stderr.count(b"\n") == 1, f"{name}: a file of another kind: one line", *shown(done))


# ---- thousands of rows ----

def crowd():
    """Thousands of ends with the longest addresses and with names that are hardly any; all change, half of them end."""
    some = many(6000, 20)
    for i, each in enumerate(some):
        each.pid, each.comm = 4194304, (b"\x1b[31m\xff\xfe name" + b"x" * 9)[:15]
        if each.state == ESTABLISHED:
            each.local = each.peer = "2001:db8:1111:2222:3333:4444:5555:6666"
            each.family = socket.AF_INET6
            each.sport, each.dport = 10000 + i, 65535
    before, events = [each.record() for each in some], []
    for i, each in enumerate(some):
        if each.state == ESTABLISHED:
            each.state = CLOSE if i % 2 else 8
            events.append(each.record(STATE, 10**9 + i * 1000, ESTABLISHED))
    save(before, events)


def test_namespaces():
    """ports: each with its own, in order; a port that somebody listens on is held in that namespace alone."""
    some = []
    for i in range(50):
        netns = 4000 + i * 7 % 50
        for j in range(i % 3 + 1):
            one = Socket(TIME_WAIT, socket.AF_INET, "10.0.0.1", 40000 + j, "10.0.0.2", 443)
            some.append(patched(one.record(), netns=netns))
        if i % 5 == 0:
            some.append(patched(Socket(LISTEN, socket.AF_INET, "0.0.0.0", 40000, "0.0.0.0", 0).record(), netns=netns))
    save(some)
    wanted = {4000 + i * 7 % 50: (i % 3 + 1 - (i % 5 == 0), i % 5 == 0) for i in range(50)}
    rows = [json.loads(line) for line in start(["ports", "--json", "--range=40000-40009"]).stdout.splitlines()]
    uses = {row["netns"]: row["in_use"] for row in rows if row.get("dport") == 443}
    spaces = {row["netns"]: (row["held"], row["left"]) for row in rows if "held" in row}
    ok(uses == {netns: used for netns, (used, _) in wanted.items() if used}, "ports: of each namespace what is in use", uses)
    ok(spaces == {netns: (held, 10 - held) for netns, (_, held) in wanted.items()}, "ports: of each namespace what is held", spaces)
    text = start(["ports", "--range=40000-40009"]).stdout.decode()
    parts = {int(part.split(":")[0]): part.count("10.0.0.2:443 ") for part in text.split("netns ")[1:]}
    ok(list(parts) == sorted(wanted) and parts == {netns: used > 0 for netns, (used, _) in wanted.items()}, "ports: in order, with its rows",
       parts)


def test_crowd(name):
    done = start([name])
    ok(done.returncode == 0 and not done.stderr, f"{name}: thousands of rows", *shown(done))
    ok(not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", done.stdout), f"{name}: no control character of anybody's name")
    objects = start([name, "--json"]).stdout
    ok(json.loads(objects.splitlines()[-1])["type"] == "lost", f"{name}: thousands of objects")
    ok(done.stdout == start([name]).stdout and objects == start([name, "--json"]).stdout, f"{name}: the same once more, with other salts")
    done = subprocess.run(["bash", "-c", f"{CTL} {' '.join(words_of(name))} --source={RECORDING} | head -n 1; exit ${{PIPESTATUS[0]}}"], capture_output=True,
                          check=False)
    ok(done.returncode in (0, 141) and not done.stderr and done.stdout.count(b"\n") <= 1, f"{name} | head -n 1", *shown(done))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CTL, *words_of(name), f"--source={RECORDING}"], stdout=full, stderr=subprocess.PIPE, check=False)
    ok(done.returncode == 1 and done.stderr.count(b"\n") == 1, f"{name}: a full disk: one line", done.returncode, done.stderr)
    # ss and netstat have widths of their own; top draws on a whole screen, see test_screen.
    if name in ("ss", "netstat", "top"):
        return
    for width in (40, 80, 200):
        status, text = run([CTL, name, f"--source={RECORDING}"], {"TERM": "dumb", "LC_ALL": "C.UTF-8"}, width)
        ok(status == 0 and text, f"{name} on {width} columns", status, text[:200])


test_help()
test_namespaces()
for view in VIEWS:
    test_recording(view)
    test_filters(view)
    test_nothing(view)
crowd()
for view in VIEWS:
    test_crowd(view)
sys.exit(sockets.done())
