#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ladder, window and states on a recording of real connections, tests/fixtures/ends.tct (tests/fixtures/make says what
happened in it): what they draw is what happened, and is drawn well."""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

TOP = os.environ.get("TOP", os.path.dirname(os.path.abspath(__file__)) + "/../..")
PROGRAM = os.environ.get("BUILD", TOP + "/build") + "/tcptrace-ctl"
RECORDING = TOP + "/tests/fixtures/ends.tct"
SVG = "{http://www.w3.org/2000/svg}"

count = failed = 0


def ok(passed, text, *shown):
    global count, failed
    count += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {count} - {text}")
    for line in () if passed else shown:
        print(f"# {line}")


def same(got, wanted, text):
    ok(got == wanted, text, f"got    {got}", f"wanted {wanted}")


def run(*arguments, locale="C.UTF-8", source=RECORDING):
    environment = {**os.environ, "LC_ALL": locale, "TZ": "UTC"}
    return subprocess.run([PROGRAM, arguments[0], f"--source={source}", *arguments[1:]], env=environment,
                          capture_output=True, check=False)


def objects(*arguments):
    lines = run(*arguments, "--json").stdout.splitlines()
    parsed = [json.loads(line) for line in lines]
    ok(parsed and parsed[-1]["type"] == "lost", f"{' '.join(arguments)}: the last object is the tally")
    return parsed[:-1]


def arrows(port):
    return [o for o in objects("ladder", str(port)) if o["type"] == "segment"]


def states(arrow):
    """(flags, states entered at the client, at the server)"""
    ours, peers = arrow.get("new"), arrow.get("peer_new")
    return (arrow["flags"], ours, peers) if arrow["dport"] in range(9001, 9007) else (arrow["flags"], peers, ours)


HANDSHAKE = [
    ("SYN", "SYN_SENT", "SYN_RECV"),
    ("SYN,ACK", "ESTABLISHED", None),
    ("ACK", None, "ESTABLISHED"),
]


def test_ladder():
    got = arrows(9001)
    same([states(a) for a in got], HANDSHAKE + [("ACK", None, None)] * 4 + [
        ("FIN,ACK", "FIN_WAIT1", "CLOSE_WAIT"),
        ("ACK", "FIN_WAIT2", None),
        ("FIN,ACK", "TIME_WAIT", "LAST_ACK"),
        ("ACK", None, "CLOSE"),
    ], "four-way: each segment once, with the states that it led to")
    same([a["len"] for a in got if a.get("len")], [14, 20], "four-way: what was written and answered")
    same([a["ack"] for a in got if a["flags"] == "ACK" and "ack" in a and not a.get("len")], [1, 15, 21, 16, 22],
         "four-way: what was acknowledged, the FINs too")
    same([a["seq"] for a in got if "FIN" in a["flags"]], [15, 21], "four-way: the FINs are behind the data")
    ok(all(a["received_time"] > a["sent_time"] for a in got if "sent_time" in a), "no arrow arrives before it left")

    same([states(a) for a in arrows(9002)], HANDSHAKE + [
        ("FIN,ACK", "FIN_WAIT1", "CLOSE_WAIT"),
        ("FIN,ACK", "TIME_WAIT", "LAST_ACK"),
        ("ACK", None, "CLOSE"),
    ], "three-way: FIN and ACK are one arrow")

    got = arrows(9003)
    fins = [a for a in got if "FIN" in a["flags"]]
    same([states(a) for a in fins], [("FIN,ACK", "CLOSING", "FIN_WAIT1"), ("FIN,ACK", "FIN_WAIT1", "CLOSING")],
         "simultaneous: two FINs")
    ok(len(fins) == 2 and max(a["sent_time"] for a in fins) < min(a["received_time"] for a in fins),
       "simultaneous: both had left before either came")

    same([states(a) for a in arrows(9004)][-1], ("RST,ACK", "CLOSE", "CLOSE"), "reset: the last arrow closes both endpoints")

    got = arrows(9005)
    same(sum(a.get("len", 0) for a in got), 16384, "slow reader: all data")
    same([a.get("len") for a in got if "FIN" in a["flags"]], [4096, None], "slow reader: the last of them in the segment with the FIN")
    same(sum(a.get("win") == 0 for a in got), 2, "slow reader: the window was closed twice")

    got = arrows(9006)
    same([states(a)[0] for a in got], ["SYN", "RST,ACK"], "refused: a SYN and a RST")
    same(states(got[-1])[1], "CLOSE", "refused: the RST ends it")
    ok(all("peer_cookie" not in a for a in got), "refused: there is no other end")

    same({a["cookie"] for a in objects("ladder", "sport = :9001")} & {a["cookie"] for a in objects("ladder", "dport = :9001")},
         set(), "one endpoint only: where the filter wants it so")


def test_ladder_text():
    for locale, line, arrow in (("C.UTF-8", "│", "▶"), ("C", "|", ">")):
        text = run("ladder", "9001", locale=locale).stdout
        lines = text.decode().splitlines()
        drawn = [l for l in lines if arrow + line in l]
        same(len(drawn), 6, f"{locale}: from the client: two of the handshake, data, an ACK, FIN, ACK")
        ok(all(len(l) <= 100 for l in lines), f"{locale}: no line is wider than a pipe's 100 columns")
        columns = {(l.index(line), l.rindex(line)) for l in lines if l.count(line) == 2}
        same(len(columns), 1, f"{locale}: the two lines are straight")
        ok(any(l.strip().startswith("four-way close, initiated by") for l in lines), f"{locale}: the verdict")
    ok(all(b < 128 for b in run("ladder", locale="C").stdout), "ASCII is all of it in another locale")
    text = run("ladder", "9003").stdout.decode()
    same(text.count("┄┄┄"), 4, "simultaneous: the arrows that cross are drawn in halves")
    ok("reset by 127.0.0.1:57714, closed with 1000 bytes unread" in run("ladder", "9004").stdout.decode(), "reset: by whom and why")
    text = run("ladder", "9006").stdout.decode()
    ok("(not seen)" in text and "┆" in text, "refused: the other endpoint is only thought of")


def picture(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        name = folder + "/picture.svg"
        done = run(*arguments, f"--svg={name}", "-q")
        same((done.returncode, done.stdout, done.stderr), (0, b"", b""), f"{' '.join(arguments)}: nothing else is said")
        return xml.parse(name).getroot()


def texts(root):
    return ["".join(t.itertext()) for t in root.iter(SVG + "text")]


def within(root):
    width, height = float(root.get("width")), float(root.get("height"))
    numbers = [(float(e.get(x)), float(e.get(y))) for e in root.iter() for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"))
               if e.get(x)]
    return all(0 <= x <= width and 0 <= y <= height for x, y in numbers)


def test_svg():
    root = picture("ladder", "9001")
    words = texts(root)
    for state in ("SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE_WAIT", "LAST_ACK"):
        same(words.count(state), 1, f"svg: {state} once")
    same(words.count("ESTABLISHED"), 2, "svg: ESTABLISHED at both endpoints")
    heads = [p for p in root.iter(SVG + "path") if "fill" in p.get("class")]
    same(len(heads), len(arrows(9001)), "svg: an arrow for each segment")
    ok(within(root), "svg: nothing lies outside of the picture")
    ok("prefers-color-scheme:dark" in root.find(SVG + "style").text, "svg: colours for dark pages, too")

    root = picture("ladder")
    same(len([w for w in texts(root) if "close" in w or w.startswith(("reset", "refused"))]) >= 6, True,
         "svg: each connection has its own")
    ok("first" in " ".join(texts(picture("ladder", "9001", "--max-messages=3"))), "svg: says where it is not whole")
    ok("no connection seen" in texts(picture("ladder", "1")), "svg: says where there is nothing")

    root = picture("states")
    ok(within(root), "states: nothing lies outside of the picture")
    same([w for w in texts(root) if w.startswith("connect()")], ["connect(), send SYN 6"], "states: counts are drawn")
    out = run("states", "--svg=-").stdout
    ok(xml.fromstring(out) is not None, "states: a picture on standard output is nothing else")


def test_states():
    seen = objects("states")
    edges = {(o["old"], o["new"]): o["count"] for o in seen if o["type"] == "edge"}
    stays = {o["state"]: o for o in seen if o["type"] == "stay"}
    # Six connects, of which one was refused; closed by two, by one who had data unread.
    for edge, wanted in {
            ("CLOSE", "LISTEN"): 5, ("LISTEN", "CLOSE"): 5, ("CLOSE", "SYN_SENT"): 6, ("SYN_SENT", "CLOSE"): 1,
            ("SYN_SENT", "ESTABLISHED"): 5, ("LISTEN", "SYN_RECV"): 5, ("SYN_RECV", "ESTABLISHED"): 5,
            ("ESTABLISHED", "FIN_WAIT1"): 5, ("ESTABLISHED", "CLOSE_WAIT"): 3, ("ESTABLISHED", "CLOSE"): 2,
            ("FIN_WAIT1", "CLOSING"): 2, ("FIN_WAIT1", "FIN_WAIT2"): 3, ("FIN_WAIT2", "TIME_WAIT"): 3,
            ("CLOSING", "TIME_WAIT"): 2, ("CLOSE_WAIT", "LAST_ACK"): 3, ("LAST_ACK", "CLOSE"): 3}.items():
        same(edges.pop(edge, 0), wanted, f"states: {edge[0]} -> {edge[1]}")
    same(edges, {}, "states: no other edge was taken")
    same({s: o["now"] for s, o in stays.items() if o["now"]}, {"TIME_WAIT": 5}, "states: who is left")
    stay = stays["ESTABLISHED"]
    same(stay["left"], 10, "states: how many have left ESTABLISHED")
    ok(stay["median_ns"] <= stay["p99_ns"], "states: the median is not above the 99th percentile")
    # FIN_WAIT1 until CLOSING: the FINs were under way for half a second.
    ok(abs(stays["FIN_WAIT1"]["p99_ns"] - 500e6) < 0.05 * 500e6, "states: FIN_WAIT1 lasted as long as the delay",
       stays["FIN_WAIT1"])
    ok("median_ns" not in stays["TIME_WAIT"], "states: nobody has left TIME_WAIT")

    lines = run("states").stdout.decode().splitlines()
    ok(any("connect(), send SYN 6" in l for l in lines), "states: counts as text")
    ok(any("✗ 2" in l for l in lines), "states: who was reset")
    ok(max(len(l) for l in lines) <= 80, "states: 80 columns")
    ok(all(b < 128 for b in run("states", locale="C").stdout), "states: ASCII in another locale")


def test_window():
    seen = [o for o in objects("window", "9005") if o.get("dport") == 9005]
    acked = [o["acknowledged"] for o in seen if "acknowledged" in o]
    ok(acked == sorted(acked), "window: what is acknowledged only grows", acked)
    same(acked[-1], 16386, "window: in the end all is, with SYN and FIN")
    read = [o["read"] for o in seen if "read" in o]
    ok(read == sorted(read), "window: so is what is read", read)
    ok(any(o.get("snd_wnd") == 0 and o["unsent"] for o in seen), "window: it was closed while data waited")
    ok(all(o["acknowledged"] <= o["read"] + o["unread"] for o in seen if "acknowledged" in o and "read" in o),
       "window: nothing is acknowledged that has not come")

    for locale, beyond in (("C.UTF-8", "·"), ("C", ".")):
        out = run("window", "9005", locale=locale).stdout.decode()
        bars = [l for l in out.splitlines() if l[11:14] in (" > ", " < ")]
        ok(len(bars) >= len(seen), f"window: {locale}: a line for each change")
        ok(all(len(l) <= 100 and beyond in l for l in bars), f"window: {locale}: in 100 columns")


def test_manners():
    for view in ("ladder", "window", "states"):
        done = run(view, "--no-such-option")
        ok(done.returncode == 2 and done.stdout == b"", f"{view}: a bad option is status 2")
        done = run(view, "sport = ")
        same((done.returncode != 0, done.stdout, done.stderr.count(b"\n")), (True, b"", 1), f"{view}: a bad filter: one line")
        done = run(view, source="/nonexistent")
        same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), f"{view}: no such file: one line")
        done = run(view, "-q", "1")
        same((done.returncode, done.stderr), (0, b""), f"{view}: nothing of it is no error")
        same(run(view, "--help").returncode, 0, f"{view}: --help")
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {PROGRAM} {view} --source={RECORDING} | head -n 1"],
                              capture_output=True, check=False)
        ok(done.stderr == b"" and done.returncode in (0, 141), f"{view}: a closed pipe is not worth a word")
    for view in ("ladder", "states"):
        done = run(view, "--svg=/nonexistent/picture.svg")
        same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), f"{view}: a picture nowhere: one line")
        done = run(view, "-q", "--svg=/dev/full")
        same((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1), f"{view}: a full disk: one line")


test_ladder()
test_ladder_text()
test_svg()
test_states()
test_window()
test_manners()
print(f"1..{count}")
sys.exit(failed > 0)
