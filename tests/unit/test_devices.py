#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
A recording of the same link-local addresses and ports on two links, with the names that its devices had there: each
view shows the device, in text and in objects, filters by it, and never takes a name from this host.
"""

import json
import socket
import struct
import subprocess
import sys

import sockets
from sockets import (CLOSE, CTL, ESTABLISHED, FOLDER, LISTEN, RECORDING, SECOND, STATE, SYN_SENT, Socket, device, ok, patched, run, save,
                     segment)
from views import VIEWS

V6 = socket.AF_INET6
CONNECT, LISTENS, RECEIVE = 5, 1, 41
# Whatever this host has as its first devices, it has none with these names.
RED, BLUE, PLAIN = 1, 2, 7
NAMES = {RED: b"red-link", BLUE: b"blue\x1b[m"}
SHOWN = {RED: "red-link", BLUE: "blue\\x1b[m", PLAIN: "if7"}
# What has no rows of sockets, and netstat, which prints no devices.
NO_ROWS = {"states"}
NO_TEXT = NO_ROWS | {"netstat"}


def connection(ifindex, sport, time):
    """One that exists, one that is opened, both of which live on, one that ends, and a listener."""
    lives = Socket(ESTABLISHED, V6, "fe80::1", sport, "fe80::2", 9090, 5, 7, ifindex=ifindex)
    listens = Socket(LISTEN, V6, "fe80::1", 9090, "::", 0, 0, 5, ifindex=ifindex)
    events = []
    for port, ends in (sport + 1, True), (sport + 2, False):
        opens = Socket(SYN_SENT, V6, "fe80::1", port, "fe80::2", 9090, ifindex=ifindex)
        events.append(opens.record(CONNECT, time, CLOSE))
        opens.state = ESTABLISHED
        events.append(opens.record(STATE, time + 1, SYN_SENT))
        opens.state = CLOSE
        events += [opens.record(STATE, time + 2, ESTABLISHED)] if ends else []
        time += 10
    events.append(segment(lives, time, 1, 0x18, 1000, 5000, 3))
    return [lives.record(), listens.record()], events


def record_links():
    sockets_of, events = [], []
    for ifindex, time in ((RED, SECOND), (BLUE, SECOND + 100), (PLAIN, SECOND + 200)):
        before, after = connection(ifindex, 40000, time)
        sockets_of += before
        events += after
    save([*(device(ifindex, name) for ifindex, name in NAMES.items()), *sockets_of], events)


def words_of(view):
    return [view, *(["-tan"] if view == "ss" else ["-an"] if view == "netstat" else []), *(["--range=30000-50000"] if view == "ports" else [])]


def output(view, *words):
    """Statuses do not matter here, and what is on standard error."""
    status, text = run([CTL, *words_of(view), "--source=" + RECORDING, *words])
    return text if not status else f"status {status}"


def rows_of(view, *words):
    return [row for row in map(json.loads, output(view, "--json", *words).splitlines()) if row["type"] != "lost"]


def devices_in(view, *words):
    return {row.get("device") for row in rows_of(view, *words)} - {None}


def test_shown(view):
    text = output(view)
    for name in SHOWN.values():
        ok((f"fe80::1%{name}" in text) == (view not in NO_TEXT - {"ss"}) or (view == "ss" and f"[fe80::1]%{name}:40000" in text),
           f"{view}: a device that is {name}", text[-500:])
    ok("fe80::2%" not in text and "%lo" not in text, f"{view}: the peer's is not known, and this host's names are not taken", text[-500:])
    if view not in NO_ROWS:
        ok(devices_in(view) == set(SHOWN.values()), f"{view} --json: all of them", devices_in(view))
        ok(all("device" in row for row in rows_of(view) if row.get("saddr")), f"{view} --json: each row has its own")


def test_filter(view):
    if view in NO_ROWS:
        return
    for words, wanted in ((["dev red-link"], {RED}), (["dev = 2"], {BLUE}), (["dev != red-link and dev != 2"], {PLAIN}), (["dev if7"], {PLAIN}),
                          (["not dev red-link"], {BLUE, PLAIN}), (["dev red-link or dev", NAMES[BLUE].decode()], {RED, BLUE}), (["dev lo"], set())):
        # What has no name in the recording may have been any.
        unknown = {PLAIN} if any(word in " ".join(words) for word in ("red-link", "dev lo")) and "if7" not in words[0] else set()
        got = devices_in(view, *words)
        ok(got == {SHOWN[one] for one in wanted | unknown}, f"{view} {' '.join(words)!r}", got)


def test_pairs():
    """Three connections with one tuple live, and three ended: none of them took another one's place."""
    ok(len({row["cookie"] for row in rows_of("top") if row["sport"] == 40000}) == 3, "three endpoints with one tuple, each on its link")
    ok(len(rows_of("life")) == 3, "three that ended")
    ok(len(rows_of("listen")) == 3, "three listeners on one address")
    uses = [row for row in rows_of("ports", "--range=30000-50000") if row.get("dport") == 9090]
    ok([row["in_use"] for row in uses] == [1, 1, 1], "a port is in use on each link, not thrice on one", uses)


def test_exports():
    text = subprocess.run([CTL, "export", "--format=prometheus", "--source=" + RECORDING], check=True, capture_output=True).stdout.decode()
    ok(all(f'device="{name}"' in text for name in ("red-link", "blue\\\\x1b[m", "if7")), "export: Prometheus' labels", text[-500:])
    data = subprocess.run([CTL, "export", "--format=pcapng", "--source=" + RECORDING], check=True, capture_output=True).stdout
    ok(all(f"netns 1 {name}".encode() in data for name in SHOWN.values()), "export: an interface for each device", data[:500])
    events = json.loads(subprocess.run([CTL, "export", "--format=perfetto", "--source=" + RECORDING], check=True, capture_output=True).stdout)
    names = {event["args"]["name"] for event in events if event.get("name") == "process_name"}
    ok(all(any(f"[fe80::1%{name}]:40000" in one for one in names) for name in SHOWN.values()), "export: Perfetto's names", names)


def test_again():
    """Recording a recording keeps the names, at the same places."""
    again = FOLDER + "/again"
    subprocess.run([CTL, "record", "-q", "--source=" + RECORDING, "--force", again], check=True)
    first, second = ([run([CTL, *words_of(view), "--source=" + path, *words])[1] for view in VIEWS for words in ([], ["--json"])]
                     for path in (RECORDING, again))
    ok(first == second, "a recording of the recording shows the same", *[pair for pair in zip(first, second) if pair[0] != pair[1]][:2])
    subprocess.run([CTL, "record", "-q", "--source=" + RECORDING, "--force", again, "dev", "red-link"], check=True)
    with open(again, "rb") as file:
        data = file.read()
    ok(b"red-link" in data and b"blue" not in data, "of what a filter leaves, with the names that it has")


def test_renamed():
    """In the middle of a recording: each line has the name of its time."""
    one = Socket(ESTABLISHED, V6, "fe80::1", 40000, "fe80::2", 9090, ifindex=RED)
    before = one.record()
    first = segment(one, SECOND, 1, 0x18, 1000, 5000, 3)
    second = segment(one, 2 * SECOND, 1, 0x18, 1003, 5000, 3)
    save([device(RED, b"old"), before], [first, device(RED, b"new"), second])
    text = output("watch")
    ok([name for name in text.split() if "%" in name][-2:] == ["[fe80::1%old]:40000", "[fe80::1%new]:40000"], "watch: a device is renamed", text)
    rows = [row["device"] for row in rows_of("watch") if row["type"] == "segment"]
    ok(rows == ["old", "new"], "watch --json: a device is renamed", rows)
    again = FOLDER + "/again"
    subprocess.run([CTL, "record", "-q", "--source=" + RECORDING, "--force", again], check=True)
    ok(run([CTL, "watch", "--source=" + again])[1] == text, "record: and so it is in a recording of that")


def test_namespaces():
    """A number is another device in another namespace."""
    here, there = (Socket(ESTABLISHED, V6, "fe80::1", 40000, "fe80::2", 9090, ifindex=BLUE) for _ in range(2))
    save([device(BLUE, b"eth0"), device(BLUE, b"uplink", 5), here.record(), patched(there.record(), netns=5)])
    ok({(row["netns"], row["device"]) for row in rows_of("top")} == {(1, "eth0"), (5, "uplink")}, "a number in two namespaces")
    ok({row["netns"] for row in rows_of("top", "dev uplink")} == {5}, "and a filter by the name")


record_links()
for each in VIEWS:
    test_shown(each)
    test_filter(each)
test_pairs()
test_exports()
test_again()
test_renamed()
test_namespaces()
sys.exit(sockets.done())
