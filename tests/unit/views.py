# SPDX-License-Identifier: GPL-2.0-only
"""The commands that --help lists, and the ways in which a recording can be shown."""

import re

from sockets import CTL, run

# What follows or changes this host, and shows no recording.
OTHERS = {"record", "load", "unload", "status", "doctor", "export"}
COMMANDS = re.findall(r"^  ([a-z]+) ", run([CTL, "--help"])[1].partition("Commands:\n")[2], re.MULTILINE)
VIEWS = [name for name in COMMANDS if name not in OTHERS]
EXPORTS = [f"export --format={name}" for name in ("jsonl", "prometheus", "pcapng", "perfetto")]
WAYS = [*VIEWS, *(f"{name} --json" for name in VIEWS), "ss -s", "ss -tan --history=0.1", "watch --once", "watch --once --json",
        "watch --explain", "watch --count=1", "watch --duration=0.000000005", "listen --once", "listen --once --json", "top --count=1", "top --count=1 --json",
        "ladder --svg=-", "states --svg=-", *EXPORTS]


def words_of(way):
    """Without the names of hosts, for which netstat asks whoever knows them, as the real one does."""
    words = way.split()
    return words + ["-n"] if words[0] == "netstat" else words
