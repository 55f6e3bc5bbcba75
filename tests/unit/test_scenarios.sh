#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# docs/scenarios.md against the tests that it tells of: each is in it, and no other is.
set -euo pipefail
cd "${TOP:?}"
document=docs/scenarios.md
count=0

# check WHAT COMMAND...: what it prints is what is wrong
check()
{
	local wrong
	count=$((count + 1))
	wrong=$("${@:2}" 2>&1) || true
	if [ -z "$wrong" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '%s\n' "$wrong" | sed 's/^/# /'
	fi
}

# The document as it is before anything was run, and as it would be had nothing been.
unrun() { tests/vm/scenarios-table /nonexistent; }
forgotten()
{
	awk -F '|' -v OFS='|' '
		/^[|]/ && !/^[|] ---/ && !/[|] 7\.2 [|]$/ { for (i = NF - 4; i < NF; i++) $i = " not run " }
		{ print }' "$document"
}

differ() { diff <(unrun) <(forgotten); }
twice() { tests/vm/scenarios-table --names | cut -d '|' -f 2 | sort | uniq -d; }

check "the scenarios are the tests that there are: make scenarios" differ
check "no two scenarios have one name" twice
echo "1..$count"
