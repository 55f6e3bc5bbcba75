#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""userspace/: a file includes only from its own layer and from those below it, and nobody another folder's private header."""

import os
import re
import sys

TOP = os.environ["TOP"]
ROOT = os.path.join(TOP, "userspace")
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
count = 0
failed = 0


def ok(reasons, text):
    global count, failed
    count += 1
    failed += bool(reasons)
    print(f"{'not ok' if reasons else 'ok'} {count} - {text}")
    for reason in reasons:
        print("#", reason)


def layers():
    """As the Makefile has them, the lowest first."""
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as makefile:
        return next(line for line in makefile if line.startswith("LAYERS")).split()[2:]


def sources():
    for folder, _, names in os.walk(ROOT):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".y")):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def wrong(path, included):
    """Why `path` may not include this, each a path below userspace/; None where it may."""
    own, other = path.split("/")[0], included.split("/")[0]
    if other not in order:
        return None
    if order.index(other) > order.index(own):
        return f"{path} includes {included}, of a layer above its own"
    if included.endswith("_impl.h") and os.path.dirname(included) != os.path.dirname(path):
        return f"{path} includes {included}, which is private to its folder"
    return None


def includes(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return [match[1] for match in map(INCLUDE.match, file) if match]


order = layers()
files = list(sources())

ok([f"{path} is in none" for path in files if path.split("/")[0] not in order], "each file is in a layer")
ok([f"{path} includes {name}" for path in files for name in includes(path)
    if name.split("/")[-1] in {os.path.basename(f) for f in files} and name not in files],
   "a file of this folder is included by its path below it")
for layer in order:
    mine = [path for path in files if path.split("/")[0] == layer]
    ok([reason for path in mine for name in includes(path) if (reason := wrong(path, name))] or
       ([] if mine else ["it is empty"]), f"{layer}: {len(mine)} files include nothing from above")

ok([] if wrong("model/model.c", "view/json/json.h") and wrong("cmd/ss.c", "model/model_impl.h")
   and not wrong("cmd/ss.c", "model/model.h") else ["it is not"], "an include that runs upward is found")

print(f"1..{count}")
sys.exit(failed > 0)
