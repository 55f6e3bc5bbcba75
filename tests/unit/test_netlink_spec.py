#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""docs/netlink/tcptrace.yaml against the headers: the compiler compares the numbers."""

import os
import subprocess
import sys

try:
    import yaml
except ImportError:
    print("ok 1 # SKIP python3-yaml is not installed")
    print("1..1")
    sys.exit(0)

TOP = os.environ["TOP"]
count = 0
failed = 0


def ok(passed, text):
    global count, failed
    count += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {count} - {text}")


def c_name(*words):
    return "_".join(words).upper().replace("-", "_")


def compiles(asserts):
    """Whether all of these hold in C; what the compiler says is printed where not."""
    source = '#include "tcptrace.h"\n#include "tcptrace_netlink.h"\n'
    source += "".join(f'_Static_assert({a}, "{a}");\n'.replace('""', "") for a in asserts)
    result = subprocess.run(
        [os.environ.get("CC", "cc"), "-xc", "-fsyntax-only", "-I", f"{TOP}/module/uapi", "-"],
        input=source, capture_output=True, text=True, check=False)
    for line in result.stderr.splitlines():
        print("#", line)
    return result.returncode == 0


def entries(definition):
    """(name, value) of an enum, or of flags, as the kernel's tools number them."""
    value = definition.get("value-start", 0)
    for entry in definition["entries"]:
        if isinstance(entry, str):
            entry = {"name": entry}
        value = entry.get("value", value)
        yield entry["name"], 1 << value if definition["type"] == "flags" else value
        value += 1


# Where the header has other prefixes than the spec's names would give.
PREFIXES = {"level": "l", "type": "t", "state": "s", "kind": "k", "op": "op",
            "record-flags": "f", "method": "method"}

with open(f"{TOP}/docs/netlink/tcptrace.yaml", encoding="utf-8") as file:
    spec = yaml.safe_load(file)

for definition in spec["definitions"]:
    prefix = PREFIXES[definition["name"]]
    ok(compiles(f"{c_name('tcptrace', prefix, name)} == {value}u"
                for name, value in entries(definition)),
       f"{definition['name']}: the header has the same numbers")

sets = {s["name"]: s["attributes"] for s in spec["attribute-sets"]}
for name, attributes in sets.items():
    prefix = c_name("tcptrace", "a", name)
    asserts = [f"{c_name(prefix, a['name'])} == {i}" for i, a in enumerate(attributes, 1)]
    asserts.append(f"{prefix}_MAX == {len(attributes)}")
    ok(compiles(asserts), f"{name}: the header has the same {len(attributes)} attributes")

operations = spec["operations"]["list"]
asserts = [f"{c_name('tcptrace', 'cmd', o['name'])} == {i}" for i, o in enumerate(operations, 1)]
asserts.append(f"TCPTRACE_CMD_MAX == {len(operations)}")
ok(compiles(asserts), "the header has the same commands")

for operation in operations:
    names = {a["name"] for a in sets[operation["attribute-set"]]}
    used = []
    for part in ("do", "dump"):
        used += operation.get(part, {}).get("reply", {}).get("attributes", [])
    used += operation.get("event", {}).get("attributes", [])
    ok(used and names - {"pad"} == set(used), f"{operation['name']}: names all attributes of its set")

enums = {d["name"] for d in spec["definitions"]}
for name, attributes in sets.items():
    ok(all(a.get("enum", "type") in enums for a in attributes)
       and all(a.get("nested-attributes", "info") in sets for a in attributes),
       f"{name}: its enums and nests are defined")
    ok(not any(a["type"] == "u64" for a in attributes) or attributes[0]["type"] == "pad",
       f"{name}: what has a u64 has a pad")

ok(not compiles(["TCPTRACE_CMD_MAX == 0"]), "a wrong number is found (the compiler's answer above)")

print(f"1..{count}")
sys.exit(failed > 0)
