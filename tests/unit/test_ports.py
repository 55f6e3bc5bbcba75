#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tcptrace-ctl ports on a recording: its counts against those made here."""

import collections
import json
import random
import socket
import subprocess
import sys

import sockets
from sockets import CTL, ESTABLISHED, LISTEN, RECORDING, SYN_RECV, TIME_WAIT, Socket, ok, save


def run(*words):
    done = subprocess.run([CTL, "ports", "--source=" + RECORDING, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout


chance = random.Random(8)
some = [Socket(LISTEN, socket.AF_INET, "0.0.0.0", 40000, "0.0.0.0", 0)]
used, timewait = collections.Counter(), collections.Counter()
for port in range(32000, 33000):
    state = chance.choice((ESTABLISHED, TIME_WAIT))
    family, local, peer = chance.choice(((socket.AF_INET, "10.0.0.1", "10.0.0.2"), (socket.AF_INET, "10.0.0.1", "10.0.0.3"),
                                         (socket.AF_INET6, "2001:db8::1", "2001:db8::2")))
    dport = chance.choice((80, 443))
    some.append(Socket(state, family, local, port, peer, dport))
    if port >= 32768:
        used[local, peer, dport] += 1
        timewait[local, peer, dport] += state == TIME_WAIT
# Those that came to a listener take no port, and a request is not even a connection.
some += [Socket(ESTABLISHED, socket.AF_INET, "10.0.0.1", 40000, "10.0.0.9", port) for port in range(5000, 5100)]
some += [Socket(SYN_RECV, socket.AF_INET, "10.0.0.1", 40001, "10.0.0.9", port) for port in range(5000, 5010)]
save(some)

status, text = run("--json")
rows = [row for row in map(json.loads, text.splitlines()) if row["type"] == "ports"]
ok(status == 0 and {(r["saddr"], r["daddr"], r["dport"]): r["used"] for r in rows} == used, "ports in use", rows)
ok({(r["saddr"], r["daddr"], r["dport"]): r["timewait"] for r in rows} == timewait, "those in TIME_WAIT", rows)
ok(all(r["left"] == 60999 - 32768 + 1 - r["used"] for r in rows), "what is left")
ok([r["used"] for r in rows] == sorted(used.values(), reverse=True), "the fullest first")

status, text = run("dst", "10.0.0.2:80")
lines = [line.split() for line in text.splitlines()]
key = ("10.0.0.1", "10.0.0.2", 80)
ok(lines[0] == ["SOURCE", "DESTINATION", "IN", "USE", "TIME_WAIT", "LEFT", "REUSABLE"], "headings", lines[0])
ok(lines[1] == ["10.0.0.1", "10.0.0.2:80", str(used[key]), str(timewait[key]), str(28232 - used[key]), "-"] and len(lines) == 3,
   "one peer by a filter", lines)
ok(lines[-1][:5] == ["--", "ports", "32768", "to", "60999:"], "the range is said", lines[-1])

status, text = run("--range=32990-32999", "-H", "-q")
ok(sum(int(line.split()[2]) for line in text.splitlines()) == 10, "another range", text)
for wrong in "5", "9-1", "0-70000", "a-b":
    ok(run("--range=" + wrong)[0] == 2, f"--range={wrong} is refused")
save([])
ok(run("-H", "-q") == (0, ""), "no sockets")
sys.exit(sockets.done())
