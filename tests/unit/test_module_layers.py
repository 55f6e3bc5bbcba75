#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The includes of module/ against the table of its layers in docs/design.md."""

import glob
import os
import re

TOP = os.environ["TOP"]
MODULE = f"{TOP}/module"
count = 0


def ok(wrong, text):
    global count
    count += 1
    print(f"{'not ok' if wrong else 'ok'} {count} - {text}")
    for line in wrong:
        print("#", line)


def layers():
    """The row of each file or folder, lowest first. X.c stands for X.h, too."""
    with open(f"{TOP}/docs/design.md", encoding="utf-8") as file:
        text = file.read()
    section = text[text.index("\n## The module\n"):]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group().splitlines()[2:]
    found = {}
    for number, row in enumerate(rows):
        for name in re.findall(r"`([^`]+)`", row.split("|")[1]):
            found[name] = number
            if name.endswith(".c"):
                found.setdefault(name[:-1] + "h", number)
    return found


def row_of(path):
    """A file that the table does not name belongs to the row of its folder."""
    return LAYERS.get(path, LAYERS.get(f"{os.path.dirname(path)}/"))


def includes(path):
    """What a file includes of the module itself, by its own folder or by module/."""
    with open(f"{MODULE}/{path}", encoding="utf-8") as file:
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read(), re.MULTILINE):
            for target in (os.path.join(os.path.dirname(path), name), name):
                if os.path.exists(f"{MODULE}/{target}"):
                    yield target
                    break


FILES = sorted(glob.glob("**/*.[ch]", root_dir=MODULE, recursive=True))
LAYERS = layers()
EDGES = [(path, target) for path in FILES for target in includes(path)]

ok([path for path in FILES if row_of(path) is None], "each file has a row")
ok([name for name in LAYERS
    if not os.path.exists(f"{MODULE}/{name}") and f"{name[:-1]}c" not in LAYERS], "each row has its files")
ok([f"{path} includes {target}" for path, target in EDGES
    if None not in (row_of(path), row_of(target)) and row_of(target) > row_of(path)],
   "no file includes a header of a row below its own")
ok([f"{path} includes {target}" for path, target in EDGES
    if target.endswith("_impl.h") and row_of(path) != row_of(target)],
   "no file includes another row's private header")
ok([] if len(EDGES) > 50 else [f"{len(EDGES)} includes found"], "the includes were found")
print(f"1..{count}")
