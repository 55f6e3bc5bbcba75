#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tcptrace-ctl netstat on a recording, against lines that are put together by the formats of netstat's manual and source."""

import os
import socket
import subprocess
import sys

import sockets
from sockets import CTL, LISTEN, RECORDING, SYN_RECV, TIMEWAIT, Socket, many, ok, save

NAMES = (None, "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK",
         "LISTEN", "CLOSING")
HEADING = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "


def run(*words):
    done = subprocess.run([CTL, "netstat", "--source=" + RECORDING, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def end(address, port, wide):
    address = address.replace("::ffff:", "")
    port = str(port or "*")
    if not wide and len(address) + len(port) > 22:
        address = address[:22 - len(port)]
    return f"{address}:{port}"


def line(one, wide=False, extended=False, timers=False):
    text = "%-4s  %6d %6d %-23s %-23s %-11s" % (
        "tcp" if one.family == socket.AF_INET else "tcp6", one.recvq, 0 if one.state == LISTEN else one.sendq,
        end(one.local, one.sport, wide), end(one.peer, one.dport, wide), NAMES[one.state])
    if extended:
        text += " %-10s %-10d" % ("-" if one.state == SYN_RECV else one.uid, one.inode)
    if timers:
        text += " timewait (%2.2f/0/0)" % (one.timeout // 10 / 100) if one.kind == TIMEWAIT else " "
    return text


def expected(some, which, title, heading="", **how):
    rows = [line(one, **how) for family in (socket.AF_INET, socket.AF_INET6) for one in some if one.family == family and which(one)]
    return "\n".join([f"Active Internet connections ({title})", HEADING + heading, *rows, ""])


some = many(66, 7) + [Socket(1, socket.AF_INET, "192.168.100.200", 40000, "192.168.100.201", 65535)]
save(some)
EXTENDED = " User       Inode     "
for words, wanted in (
        (["-ant"], expected(some, lambda one: True, "servers and established")),
        (["-nt"], expected(some, lambda one: one.dport, "w/o servers")),
        (["-ltn"], expected(some, lambda one: not one.dport, "only servers")),
        (["-lant"], expected(some, lambda one: True, "servers and established")),
        (["-antW"], expected(some, lambda one: True, "servers and established", wide=True)),
        (["-tanen"], expected(some, lambda one: True, "servers and established", EXTENDED, extended=True)),
        (["-tanoW"], expected(some, lambda one: True, "servers and established", " Timer", wide=True, timers=True)),
        (["-4", "-tan"], expected([one for one in some if one.family == socket.AF_INET], lambda one: True,
                                  "servers and established")),
        (["-tan", "-A", "inet6"], expected([one for one in some if one.family == socket.AF_INET6], lambda one: True,
                                           "servers and established")),
        (["-tanc", "sport", "=", ":9090"], expected([one for one in some if one.sport == 9090], lambda one: True,
                                                    "servers and established"))):
    status, text, _ = run(*words)
    different = [pair for pair in zip(text.split("\n"), wanted.split("\n")) if pair[0] != pair[1]][:3]
    ok(text == wanted and status == 0, "netstat " + " ".join(words), status, *different)

for words, status in ((["--bad"], 3), (["-u"], 3), (["-A", "unix"], 1), (["-h"], 0), (["-r"], 3), (["-tan", "sport"], 255)):
    got = run(*words)
    ok(got[0] == status, f"netstat {' '.join(words)} ends with {status}", got[0])
named = subprocess.run([CTL, "netstat", "-ant"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                       env={**os.environ, "TCPTRACE_SOURCE": RECORDING}).stdout
ok(named and named == run("-ant")[1], "TCPTRACE_SOURCE says where from, without --source")
other = subprocess.run([CTL, "netstat", "-ant", "--source=" + RECORDING], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       check=False, env={**os.environ, "TCPTRACE_SOURCE": "/nowhere"}).stdout
ok(other == named, "and --source comes before it")
ok("half-open" in run("-tane")[2] and "not in JSON" in run("-tano", "--json")[2] and not run("-tan", "--json")[2],
   "and which users, and what objects have not")
ok("-p" in run("-tanp")[2] and "not in a recording" in run("-tano")[2], "what a recording has not is said")
sys.exit(sockets.done())
