#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What others chose, in all that tcptrace-ctl prints: names of processes, and what else a recording holds, in each view
as text, JSON and picture, and in each form of export; words and names of files in messages. By parsers that take
nothing but what is well-formed: Python's of UTF-8 and of JSON, expat. On terminals of each kind: nothing but colours
where there are some, no escape sequence where TERM is "dumb" or nothing, ASCII where the locale is not UTF-8.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from xml.parsers import expat

import sockets
from sockets import (CLOSE, CTL, ESTABLISHED, FIN_WAIT1, FOLDER, LISTEN, RECORDING, SECOND, STATE, SYN_SENT, Socket, ok, patched, run, safe,
                     save, sealed, segment)

CONNECT, ACCEPT = 5, 4
SYN, ACK = 2, 16
NAMES = [
    b"nc", b"\x1b[31mRED\x1b[0m", b"a\nb\r\tc", b"\"'\\q", b"\xff\xfe\x80bad", b"<script>&amp;", b"\xc2\x9b31mC1", b"\x9b31mraw8bit", b"\xef\xbf\xbfnonch",
    b"\xf0\x9f\xbf\xbfno", "naïve €🦀".encode(), "fourteen bytesé".encode()[:15], "thirteen b €€".encode()[:15], "twelve by 🦀🦀".encode()[:15],
    "\u202ecod.exe".encode(), "a\u2028b\u2029".encode(), "\u2066x\u2069".encode(), b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\xaf\xe0\x80\xaf", b"\xf4\x90\x80\x80\xf8",
    b"\x7f\x7f", b"\\x1b[31mRED", b"C:\\x", b"\x1b]0;pwned\x07", b"\x1b" * 15, b"](\xc2\x85)", b"  blanks  ",
]
HOSTILE = b"\x1b]0;pwned\x07\xff\xc2\x9b31m\xe2\x80\xa8\nb"
VIEWS = ["watch", "watch --explain", "life", "listen", "ladder", "states", "window", "ports", "top --batch --rows=999", "ss -tan", "netstat -ant", "watch --once"]
# Of these each name is to be found; the others show none, of a recording.
NAMING = {"watch", "watch --explain", "life", "listen", "ladder", "top --batch --rows=999"}
JSON_NAMING = {"watch", "life", "listen", "top --batch --rows=999"}


def recording():
    """A listener, and a connection whose both endpoints are here, of each name; what its header says is no better."""
    before, events, time = [], [], SECOND
    for i, name in enumerate(NAMES):
        listener = Socket(LISTEN, socket.AF_INET, "127.0.0.1", 7000 + i, "0.0.0.0", 0, 0, 10)
        client = Socket(SYN_SENT, socket.AF_INET, "127.0.0.1", 40000 + i, "127.0.0.1", 7000 + i, recvq=i)
        server = Socket(ESTABLISHED, socket.AF_INET, "127.0.0.1", 7000 + i, "127.0.0.1", 40000 + i)
        held = Socket(ESTABLISHED, socket.AF_INET, "127.0.0.1", 50000 + i, "127.0.0.2", 9, recvq=5 + i)
        for each in listener, client, server, held:
            each.pid, each.comm = 1000 + i, name
        before += [listener, held]
        events.append(client.record(CONNECT, time, CLOSE))
        events.append(segment(client, time + 1, 1, SYN, 1000))
        client.state = ESTABLISHED
        events.append(client.record(STATE, time + 2, SYN_SENT))
        events.append(server.record(ACCEPT, time + 3))
        events.append(segment(server, time + 4, 1, ACK, 1, 1, 5))
        for end, states in (client, (FIN_WAIT1, CLOSE)), (server, (FIN_WAIT1, CLOSE)):
            for state in states:
                old, end.state = end.state, state
                time += 1000
                events.append(end.record(STATE, time, old))
    save(before, events)
    with open(RECORDING, "r+b") as file:
        data = bytearray(file.read())
        data[56:200] = HOSTILE.ljust(71, b"\x1b") + b"\0" + (b"6.1\xff" + HOSTILE).ljust(71, b"\x9b") + b"\0"
        file.seek(0)
        file.write(sealed(data))


def start(words, source=RECORDING, **env):
    return subprocess.run([CTL, *words, *([f"--source={source}"] if source else [])], capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **env})


def controls(text):
    """What is neither text nor the end of a line of it, in str."""
    return [one for one in text if one != "\n" and safe(one.encode("utf-8", "surrogatepass")) != one and one != "\\"]


def harmless(data, what, also=""):
    """As text; nothing where it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        ok(False, f"{what}: UTF-8", error, data[max(0, error.start - 20):error.start + 20])
        return ""
    found = [one for one in controls(text) if one not in also]
    ok(not found, f"{what}: harmless", found[:5])
    return text


# ---- each view, each form ----

def test_text(view):
    done = start(view.split())
    text = harmless(done.stdout, view)
    ok(text and done.returncode == 0, f"{view}: there is something", done.returncode, done.stderr)
    harmless(done.stderr, f"{view}: what is said beside it")
    missing = [name for i, name in enumerate(NAMES) if view in NAMING and f"{safe(name)}/{1000 + i}" not in text]
    ok(not missing, f"{view}: each name", *missing)


def strict_json(line):
    def refuse(pairs):
        assert len(dict(pairs)) == len(pairs), "a key twice"
        return dict(pairs)

    def constant(name):
        raise ValueError(name)

    return json.loads(line.decode(), object_pairs_hook=refuse, parse_constant=constant)


def test_json(view):
    done = start([*view.split(), "--json"])
    rows = []
    try:
        rows = [strict_json(line) for line in done.stdout.removesuffix(b"\n").split(b"\n")]
    except (ValueError, AssertionError) as error:
        ok(False, f"{view} --json: well-formed", error)
    ok(rows and not done.returncode, f"{view} --json: objects", done.stderr)
    strings = [value for row in rows for value in row.values() if isinstance(value, str)]
    ok(not any(controls(value) or "\n" in value for value in strings), f"{view} --json: harmless values")
    if view in JSON_NAMING:
        ok({row["comm"] for row in rows if "comm" in row} == set(map(safe, NAMES)), f"{view} --json: each name")


def test_svg(view):
    done = start([view, "--svg=-"])
    tags, texts = set(), [""]
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: (tags.add(tag), texts.append(""))
    parser.CharacterDataHandler = lambda data: texts.append(texts.pop() + data)
    try:
        parser.Parse(done.stdout, True)
    except expat.ExpatError as error:
        ok(False, f"{view} --svg: well-formed", error)
    ok(tags and tags <= {"svg", "title", "style", "rect", "line", "path", "text", "tspan", "g"}, f"{view} --svg: nothing but shapes", tags)
    harmless(done.stdout, f"{view} --svg")
    missing = [name for i, name in enumerate(NAMES) if view == "ladder" and f"{safe(name)}/{1000 + i}" not in (one.rstrip("\n") for one in texts)]
    ok(not missing, f"{view} --svg: each name", *missing)


def test_exports():
    done = start(["export", "--format=perfetto"])
    trace = json.loads(done.stdout.decode())
    names = {event["args"]["comm"] for event in trace if "comm" in event.get("args", {})}
    ok(names == set(map(safe, NAMES)), "perfetto: each name", names)
    harmless(done.stdout, "perfetto")
    text = harmless(start(["export", "--format=prometheus"]).stdout, "prometheus")
    labels = [re.sub(r"\\(.)", r"\1", label) for label in re.findall(r'process="((?:[^"\\]|\\.)*)"', text)]
    ok(set(labels) >= set(map(safe, NAMES)), "prometheus: each name", labels)
    ok(re.sub(r"\\(.)", r"\1", re.search(r'kernel="((?:[^"\\]|\\.)*)"', text)[1]).startswith(safe(b"6.1\xff" + HOSTILE)), "prometheus: the kernel")
    data = start(["export", "--format=pcapng"]).stdout
    missing = [name for i, name in enumerate(NAMES) if f"{safe(name)}/{1000 + i}, ".encode() not in data]
    ok(not missing and safe(b"6.1\xff" + HOSTILE).encode() in data, "pcapng: each name, and the kernel", *missing)
    rows = [strict_json(line) for line in start(["export", "--format=jsonl"]).stdout.splitlines()]
    ok({row["comm"] for row in rows if "comm" in row} == set(map(safe, NAMES)), "jsonl: each name")


# ---- terminals ----

def printed(view, width=200, **env):
    status, text = run([CTL, *view.split(), f"--source={RECORDING}"], {"LC_ALL": "C.UTF-8", **env}, width)
    return status, text.replace("\r\n", "\n")


def test_terminal(view):
    status, text = printed(view, TERM="xterm")
    ok(status == 0 and not controls(re.sub(r"\x1b\[[0-9;]*m", "", text)), f"{view} on a terminal: colours, no more", status)
    for env in {"TERM": "dumb"}, {"TERM": ""}:
        status, text = printed(view, **env)
        ok(status == 0 and text and not controls(text), f"{view} with TERM={env['TERM']}: plain text", status, text[:200])
    status, text = printed(view, TERM="xterm", LC_ALL="C")
    ok(status == 0 and text.isascii(), f"{view} on a terminal that is not in UTF-8: ASCII")
    missing = [name for i, name in enumerate(NAMES)
               if view in NAMING and name.isascii() and f"{safe(name)}/{1000 + i}" not in re.sub(r"\n +", " ", text)]
    ok(not missing, f"{view} on a terminal that is not in UTF-8: each name", *missing)
    broken = [width for width in (range(40, 90) if view.startswith("watch") else ()) if "\ufffd" in printed(view, width, TERM="dumb")[1]]
    ok(not broken, f"{view}: no character is broken where a line is", *broken)


def screen(width):
    """What top draws: script(1) makes this terminal the one that its keys come from."""
    command = f"stty cols {width} rows 60; exec {CTL} top --count=1 --source={RECORDING}"
    return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, check=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}).stdout.decode(errors="replace")


def test_top():
    """Without --batch: on a dumb terminal one table after the other; ncurses elsewhere, of which a name is no part."""
    for words in ["env", "TERM=dumb"], ["env", "-u", "TERM"]:
        status, text = run([*words, CTL, "top", "--count=1", f"--source={RECORDING}"], {"LC_ALL": "C.UTF-8"}, 200)
        ok(status == 0 and text.count("LOCAL") == 1 and not controls(text.replace("\r\n", "\n")), f"top, {' '.join(words)}: a table", status, text[:200])
    text = screen(200)
    ok("\x1b[?1049h" in text and "\\x1b[31mRED\\x1b[0m/1001" in text and not set(controls(text)) - set("\x1b\r\b\x0f\t"), "top on a terminal: names are text",
       text[:300])
    broken = [width for width in range(60, 90) if "\ufffd" in screen(width)]
    ok(not broken, "top: a character that does not fit is left out as a whole", *broken)


def test_record():
    for term, wanted in ("xterm", True), ("dumb", False), ("", False):
        # Its progress is on standard error, which is the terminal here.
        text = run(["sh", "-c", f"exec {CTL} record --force --source={RECORDING} {FOLDER}/copy 2>&1"], {"TERM": term}, 80)[1]
        ok(("\x1b" in text) == wanted and "events" in text, f"record with TERM={term}: {'progress' if wanted else 'plain text'}", text)


# ---- messages ----

def said(words, name, **env):
    """Standard error, where `name` stands for @."""
    words = [os.fsencode(word).replace(b"@", name) for word in words]
    return subprocess.run([os.fsencode(CTL), *words], capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **env}, cwd=FOLDER)


def test_messages():
    file = os.fsencode(FOLDER) + b"/" + HOSTILE
    with open(RECORDING, "rb") as whole, open(file, "wb") as part:
        part.write(whole.read()[:5000])
    shutil.copy(file, FOLDER + "/plain")
    record = f"--source={RECORDING}"
    for words in (["@"], ["watch", "--source=@.none"], ["watch", "--source=@"], ["ss", "-tan", "--history=0.1", "--source=@"],
                  ["life", "--json", "--source=@"], ["watch", record, "@"], ["watch", record, "dev", "@/"], ["watch", record, "state", "@"],
                  ["watch", record, "src", "@"], ["watch", record, "sport", "=", ":@"], ["ss", record, "@"], ["listen", record, "10.0.0.1:@"],
                  ["watch", "--level=@"], ["watch", "--count=@"], ["watch", "--duration=@"], ["watch", "--max-endpoints=99999999999@"],
                  ["ss", "-F", "@.none"], ["ss", "-f", "@"], ["ss", "-A", "@"], ["ss", "-N", "@"], ["ss", "-N", "@", record],
                  ["ss", record, "-F", "plain", "-F", "@"], ["netstat", "-A", "@"], ["ports", "--range=@"], ["top", "--sort=@"], ["top", "--interval=@"],
                  ["export", "--format=@"], ["export", "--format=prometheus", "--textfile=@/none", record], ["ladder", "--svg=@/none", record],
                  ["record", "@", record], ["record", "@/none", record], ["load", "--module=@.none"], ["unload", "@"], ["status", "@"], ["doctor", "@"]):
        plain, done = said(words, b"plain"), said(words, HOSTILE)
        text = harmless(done.stderr, " ".join(words))
        ok(text and done.returncode == plain.returncode and safe(HOSTILE)[:20] in text and b"plain" in plain.stderr, f"{' '.join(words)}: the name, readable", text)
        ok(text and text.count("\n") == plain.stderr.count(b"\n"), f"{' '.join(words)}: as many lines as of any name", text, plain.stderr)
        harmless(done.stdout, f"{' '.join(words)}: nothing else")
    for words in ["--@"], ["watch", "--@=1"], ["watch", "-@"], ["ss", "-t@"]:
        done = said(words, HOSTILE)
        ok(done.returncode == 2 and safe(HOSTILE) in harmless(done.stderr, " ".join(words)), f"{' '.join(words)}: no option", done.stderr)
    done = said(["watch"], b"", TCPTRACE_SOURCE=HOSTILE + b".none")
    ok(done.returncode == 1 and safe(HOSTILE) in harmless(done.stderr, "TCPTRACE_SOURCE"), "TCPTRACE_SOURCE: a file that is not there", done.stderr)


recording()
for each in VIEWS:
    test_text(each)
    test_json(each.replace(" --explain", ""))
    test_terminal(each)
for each in "ladder", "states":
    test_svg(each)
test_exports()
test_top()
test_record()
test_messages()
sys.exit(sockets.done())
