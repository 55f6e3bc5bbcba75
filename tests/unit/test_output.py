#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Output whose other end is slow, on a descriptor that somebody has made non-blocking: all of it arrives. And output that
cannot be written, which is said, once, and is no success.
"""

import fcntl
import os
import pty
import subprocess
import sys
import termios
import struct

import sockets
from sockets import CLOSE, CTL, ESTABLISHED, FOLDER, RECORDING, STATE, many, ok, run, save
from views import COMMANDS, WAYS, words_of

ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def crowd():
    some = many(400, 7)
    before, events = [each.record() for each in some], []
    for i, each in enumerate(some):
        if each.state == ESTABLISHED:
            each.state = CLOSE
            events.append(each.record(STATE, 10**9 + i * 1000, ESTABLISHED))
    save(before, events)


def asleep(child):
    """It waits for something, or it has ended."""
    with open(f"/proc/{child.pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rpartition(") ")[2][0] in "SZ"


def slowly(child, end):
    """What it writes: no byte is taken before it waits for that."""
    data = b""
    while True:
        while not asleep(child):
            os.sched_yield()
        try:
            piece = os.read(end, 4096)
        except OSError:
            piece = b""
        if not piece:
            return data
        data += piece


def full_pipe():
    """Both ends of a pipe of one page that is full, and which does not block."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write, False)
    return read, write, os.write(write, b"-" * 8192)


def through_full_pipe(command, stream):
    read, write, filled = full_pipe()
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: write}) as child:
        os.close(write)
        data = slowly(child, read)
    os.close(read)
    return child.returncode, data[filled:]


def through_terminal(command, blocking):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 100, 0, 0))
    os.set_blocking(slave, blocking)
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL) as child:
        os.close(slave)
        data = slowly(child, master)
    os.close(master)
    return child.returncode, data


def lines_of(way):
    words = words_of(way)
    return [CTL, words[0], f"--source={RECORDING}", *words[1:]]


def test_slow(text, command):
    wanted = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=False)
    got = through_full_pipe(command, "stdout")
    ok(got == (wanted.returncode, wanted.stdout) and wanted.stdout, f"{text}: a pipe that is full and does not block",
       got[0], wanted.returncode, len(got[1]), len(wanted.stdout), got[1][-200:])


def test_slow_errors(text, command):
    wanted = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, check=False)
    got = through_full_pipe(command, "stderr")
    ok(got == (wanted.returncode, wanted.stderr) and wanted.stderr, f"{text}: so is standard error's", got, wanted)


def test_slow_terminal(way):
    wanted, got = (through_terminal(lines_of(way), blocking) for blocking in (True, False))
    ok(got == wanted and len(got[1]) > 20000, f"{way}: a terminal that does not block", got[0], wanted[0], len(got[1]), len(wanted[1]))


def test_full(text, command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, check=False)
    said = [line for line in done.stderr.splitlines() if b"tcptrace-ctl" in line]
    ok(done.returncode == 1 and len(said) == 1 and b"No space left on device" in said[0], f"{text}: a full disk: one line",
       done.returncode, done.stderr)


crowd()
ways = {way: lines_of(way) for way in WAYS}
ways["record -"] = lines_of("record -")
ways["record --json"] = lines_of(f"record --force --json {FOLDER}/again")
ways["--help"] = [CTL, "--help"]
ways["--version"] = [CTL, "--version"]
ways.update((f"{name} --help", [CTL, name, "--help"]) for name in COMMANDS)
for what, line in ways.items():
    test_slow(what, line)
    test_full(what, line)
test_slow_errors("no such file", [CTL, "watch", "--source=/nonexistent"])
test_slow_errors("no such option", [CTL, "watch", "--nonexistent"])
test_slow_errors("record's tally", ways["record -"])
for what in ("watch", "watch --explain", "ss -tan"):
    test_slow_terminal(what)
ok(run([CTL, "record", f"--source={RECORDING}", "/dev/full"])[0] == 1, "record /dev/full")
sys.exit(sockets.done())
